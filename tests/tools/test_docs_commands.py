"""What the documentation has a user type: the commands, targets and paths are there."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from tabwright.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    *sorted(ROOT.glob("README*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "editor-client").glob("*/README*.md")),
]
_SHELL = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"\b(?:editor-client|bench|docs|server|tests|tools)/[\w./-]+")
#: What a command in the same text makes.
_MADE = {"editor-client/vscode/tabwright.vsix"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabwright", exit_on_error=False)
    parser.add_argument("--version", action="store_true")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name in COMMANDS:
        importlib.import_module(f"tabwright.cli.{name}").add_parser(subparsers)
    return parser


def _commands(text: str) -> list[str]:
    """The commands of all shell blocks, a line each, without comments."""
    lines = "".join(_SHELL.findall(text)).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_commands_are_understood(file: Path) -> None:
    for line in _commands(file.read_text("utf-8")):
        if not line.startswith("tabwright ") or "COMMAND" in line:
            continue
        words = [word for word in shlex.split(line, comments=True)[1:] if word != "&"]
        try:
            _parser().parse_args(words)
        except (SystemExit, argparse.ArgumentError) as error:
            pytest.fail(f"{line}: {error}")


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_subcommands_and_targets_are_there(file: Path) -> None:
    text = file.read_text("utf-8")
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for code in (*_CODE.findall(text), *_commands(text)):
        if found := re.match(r"tabwright ([a-z]+)", code):
            assert found[1] in COMMANDS, code
        if found := re.match(r"make ([a-z-]+)", code):
            assert found[1] in targets, code


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_paths_are_there(file: Path) -> None:
    text = file.read_text("utf-8")
    for code in (*_CODE.findall(text), *_commands(text)):
        for path in _PATH.findall(code):
            own = file.parent / path  # the pages of an editor also name what lies beside them
            assert path in _MADE or (ROOT / path).exists() or own.exists(), path


def test_commands_are_found() -> None:
    text = "```sh\ntabwright models pull  # once\ncurl a \\\n  b\n```\nand `make docs`\n"
    assert _commands(text) == ["tabwright models pull  # once", "curl a    b"]
    with pytest.raises((SystemExit, argparse.ArgumentError)):
        _parser().parse_args(["models", "fetch"])
