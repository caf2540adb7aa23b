"""Imports point down only: this reads every import and fails on any edge not listed here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "server" / "tabwright"
STORE = {"models.catalog", "models.store", "paths"}
ALLOWED: dict[str, set[str]] = {
    "private": set(),
    "extras": set(),
    "regular_file": set(),
    "paths": {"private"},
    "processes": {"paths"},
    "process_guard": set(),
    "engine_pid": {"paths", "private"},
    "statistics": {"core.message", "private"},
    "trust": {"core.message", "paths", "private"},
    "core": {"core"},
    "assists": {"assists", "core"},
    "checks": {"checks", "core", "processes", "regular_file"},
    "models": {"core.message", "extras", "models", "paths", "processes"},
    "engine": {"core.message", "engine", "engine_pid", "extras", "models", "paths", "private"},
    "client": {"client", "core", "engine_pid", "private", "processes"} | STORE,
    "app": {"app", "assists", "checks", "client", "core", "private", "processes", "statistics"}
    | {"regular_file", "trust"}
    | STORE,
    "lsp": {"lsp", "app", "assists", "checks", "core", "private", "processes", "paths"},
}
HEAVY = {"torch", "transformers", "openvino", "numba", "llvmlite"}
HEAVY_HOMES = ("engine/backends/", "models/conversion/")
PROTOCOL = {"pygls", "lsprotocol"}
PURE = {"core", "assists"}
# All that core and assists may import beside our own: modules that only compute.
COMPUTING = {"__future__", "ast", "builtins", "collections", "dataclasses", "difflib", "enum"}
COMPUTING |= {"functools", "itertools", "pathlib", "re", "symtable", "tabwright", "typing"}
COMPUTING |= {"unicodedata", "urllib", "warnings"}
# The parser and its grammars, which only compute too, have one home.
PARSER = {"importlib", "operator", "tree_sitter"}
PARSER_HOME = "core/trees/"
# What reads or changes the world though no import shows it.
ACTING = {"open", "input", "print", "exec", "eval", "__import__"}
DISK = {"read_text", "write_text", "read_bytes", "write_bytes", "exists", "is_file", "stat"}
DISK |= {"is_dir", "resolve", "iterdir", "glob", "rglob", "mkdir", "unlink", "cwd", "home"}
# OpenVINO reports to its maker unless it is imported by this file.
OPENVINO_HOME = "engine/backends/openvino/without_telemetry.py"
# What starts another process: for tabwright.processes alone.
STARTERS = re.compile(
    r"(subprocess|multiprocessing|pty|popen2|concurrent\.futures\.process|asyncio\.subprocess"
    r"|.*ProcessPoolExecutor|(asyncio\.)?(.*\.)?create_subprocess_\w+|.*\.subprocess_(exec|shell)"
    r"|(os|posix|nt)\.(exec\w+|spawn\w+|posix_spawnp?|system|popen|fork|forkpty|startfile)"
    r"|sys\.(executable|_base_executable))(\..*)?"
)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down(path: Path) -> None:
    inside = path.relative_to(SOURCE)
    home = inside.parts[0].removesuffix(".py")
    for name in imports(path):
        top = name.partition(".")[0]
        if top in HEAVY:
            assert str(inside).startswith(HEAVY_HOMES), f"{inside} imports {name}"
        if top in PROTOCOL:
            assert home == "lsp", f"{inside} imports {name}: only lsp knows the protocol"
        if top == "openvino":
            assert inside.as_posix() == OPENVINO_HOME, f"{inside} imports {name}"
        if home in PURE:
            home_of_parser = inside.as_posix().startswith(PARSER_HOME)
            computing = COMPUTING | PARSER if home_of_parser else COMPUTING
            assert top in computing, f"{inside} is pure but imports {name}"
            assert not name.startswith(("urllib.request", "urllib.error"))
        if not name.startswith("tabwright.") or home not in ALLOWED:
            continue
        target = name.removeprefix("tabwright.")
        if target == "__version__":
            continue
        allowed = ALLOWED[home]
        fits = any(target == one or target.startswith(f"{one}.") for one in allowed)
        parent = any(one.startswith(f"{target}.") for one in allowed)
        assert fits or parent, f"{inside} imports {name}"


def acts(source: str) -> list[str]:
    """What a source calls that reads or changes the world outside of its arguments."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in ACTING:
                found.append(called.id)
            if isinstance(called, ast.Attribute) and called.attr in DISK:
                found.append(called.attr)
    return found


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.relative_to(SOURCE).parts[0] in PURE],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_the_pure_packages_do_not_act(path: Path) -> None:
    """Invariant 1: no I/O, clock or threads in core and assists."""
    assert acts(path.read_text("utf-8")) == []


@pytest.mark.parametrize("source", ["open('a')", "print(1)", "Path('a').read_text()", "p.stat()"])
def test_acting_is_seen(source: str) -> None:
    assert acts(source)


# Where the protocol's positions are read or made; clients, which cli has one of, do so too.
CONVERTS = "lsp/convert.py"
POSITION_NAMES = {"Position", "Range"}
CONVERTING = {"position_at", "offset_at"}


def conversions(source: str) -> list[str]:
    """What a source does with the parts of a position, or with code units, on its own."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "character":
            found.append("character")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in POSITION_NAMES:
                found.append(node.func.attr)
            encodings = [each.value for each in node.args if isinstance(each, ast.Constant)]
            if node.func.attr in ("encode", "decode"):
                found += [str(one) for one in encodings if str(one).startswith("utf-16")]
        elif isinstance(node, ast.FunctionDef) and node.name in CONVERTING:
            found.append(node.name)
    return found


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in FILES
        if path.relative_to(SOURCE).parts[0] != "cli"
        and path.relative_to(SOURCE).as_posix() != CONVERTS
    ],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_positions_are_converted_in_one_file(path: Path) -> None:
    """Invariant 3."""
    assert conversions(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "column = position.character + 1",
        "types.Position(1, 2)",
        "len(text.encode('utf-16-le')) // 2",
        "def offset_at(text, position): ...",
    ],
)
def test_every_way_to_convert_is_seen(source: str) -> None:
    assert conversions(source)
    assert conversions((SOURCE / CONVERTS).read_text("utf-8"))


def starters(source: str) -> list[str]:
    """What a source names that starts processes: its imports and the names with dots it uses."""
    tree = ast.parse(source)
    named: dict[str, str] = {}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named.update({each.asname: each.name for each in node.names if each.asname})
            found += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{each.name}" for each in node.names]
            found.append(str(node.module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            found.append(named.get(first, first) + dot + rest)
    return [name for name in found if STARTERS.fullmatch(name)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_processes_alone_starts_processes(path: Path) -> None:
    # The guard's own file starts nothing either.
    if path.relative_to(SOURCE).as_posix() != "processes.py":
        found = starters(path.read_text("utf-8"))
        # The sandbox divides itself in two, and starts no program.
        inside = path.relative_to(SOURCE).as_posix() == "checks/sandbox/launcher.py"
        assert [name for name in found if not (inside and name == "os.fork")] == []


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess",
        "import subprocess as s",
        "from subprocess import run",
        "import os\nos.system('x')",
        "from os import execv",
        "import os as o\no.spawnl(1)",
        "import sys\nf(sys.executable)",
        "from sys import executable",
        "import asyncio\nawait asyncio.create_subprocess_exec('x')",
        "from asyncio import create_subprocess_shell",
        "from asyncio.subprocess import PIPE",
        "import multiprocessing",
        "from concurrent.futures import ProcessPoolExecutor",
        "import pty",
        "await loop.subprocess_exec(f, 'x')",
    ],
)
def test_every_way_to_start_one_is_seen(source: str) -> None:
    assert starters(source)
    assert starters((SOURCE / "processes.py").read_text("utf-8"))


def test_there_are_files_to_read() -> None:
    assert len(FILES) > 20
