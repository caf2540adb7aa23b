"""The demo's actions: generate a function from its docstring, and fix an error."""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabwright import processes
from tabwright.checks.tools.find_program import find_bundled
from tabwright.cli.demos.gaps import SAMPLES
from tabwright.cli.demos.view import View, clip
from tabwright.lsp.language_client import LspClient, ResponseError

GENERATE = "refactor.rewrite.tabwright.generate"
FIX = "quickfix"
_RUFF_SECONDS = 20.0
_AROUND = 2


@dataclass(frozen=True)
class DemoAction:
    """A sample file in which ``old`` is replaced by ``new``, and the action to request there."""

    file: str
    kind: str
    old: str
    new: str
    about: str


ACTIONS = (
    DemoAction(
        "inventory.py",
        GENERATE,
        "return [item.name for item in items if item.quantity < item.reorder_level]",
        "...",
        "generate: a function from its docstring",
    ),
    DemoAction(
        "inventory.py",
        FIX,
        "groups.setdefault(item.supplier, [])",
        "group.setdefault(item.supplier, [])",
        "fix: an error that ruff reports",
    ),
)


def changed_sample(action: DemoAction) -> tuple[str, int]:
    """The sample's text with ``new`` in it, and the offset of that.

    Raises ValueError when the sample does not contain ``old`` exactly once.
    """
    text = (SAMPLES / action.file).read_text(encoding="utf-8")
    if text.count(action.old) != 1:
        raise ValueError(f"{action.file} does not contain {action.old!r} once")
    return text.replace(action.old, action.new), text.index(action.old)


def ruff_diagnostics(text: str, file: str) -> list[dict[str, Any]]:
    """Ruff's diagnostics of a text in the protocol's form; empty where ruff is not installed."""
    ruff = find_bundled("ruff")
    if ruff is None:
        return []
    options = ("--output-format=json", "--isolated", "--no-cache", "--exit-zero", "--quiet")
    command = (ruff, "check", *options, f"--stdin-filename={file}", "-")
    done = processes.run(command, input_text=text, timeout_s=_RUFF_SECONDS)
    if done.returncode != 0:
        raise OSError(f"ruff ended with status {done.returncode}: {done.stderr.strip()}")
    return [_diagnostic(each) for each in json.loads(done.stdout)]


def _diagnostic(report: Mapping[str, Any]) -> dict[str, Any]:
    # The samples are ASCII, so ruff's columns are the protocol's, but counted from 1.
    start, end = (
        {"line": report[end]["row"] - 1, "character": report[end]["column"] - 1}
        for end in ("location", "end_location")
    )
    return {
        "range": {"start": start, "end": end},
        "message": report["message"],
        "code": report["code"],
        "source": "Ruff",
        "severity": 1,
    }


async def run_actions(view: View, client: LspClient, folder: Path) -> tuple[int, list[float]]:
    """Request every action's edit and show it; the number of edits, and each action's ms."""
    offered, times = 0, []
    for action in ACTIONS:
        text, offset = changed_sample(action)
        uri = (folder / action.file).as_uri()
        view.title(action.file, action.about)
        client.open(uri, "python", text)
        started = time.perf_counter()
        try:
            new, title = await _first_edit(view, client, uri, text, action, offset)
        except ResponseError as error:
            new, title = text, str(error)
        finally:
            client.close(uri)
        times.append((time.perf_counter() - started) * 1000)
        for line, style in diff_lines(text, new):
            view.say(clip(line, view.width - 1), style)
        if new == text:
            view.say(f"       no edit after {times[-1]:.0f} ms: {title}", "red")
        else:
            offered += 1
            view.say(f"       {times[-1]:.0f} ms · {title}", "green")
    return offered, times


async def _first_edit(
    view: View, client: LspClient, uri: str, text: str, action: DemoAction, offset: int
) -> tuple[str, str]:
    """The text after the first listed action, and the title of the resolved action."""
    diagnostics = ruff_diagnostics(text, action.file) if action.kind == FIX else []
    for diagnostic in diagnostics:
        view.say(f"       Ruff {diagnostic['code']}: {diagnostic['message']}", "red")
    end = offset + len(action.new)
    listed = await client.code_actions(
        uri, text, offset, end, only=[action.kind], diagnostics=diagnostics
    )
    if not listed:
        return text, "the server listed no such action"
    view.progress(f"{listed[0].get('title')} …")
    resolved = await client.resolve(listed[0])
    edit, title = resolved.get("edit"), str(resolved.get("title", ""))
    if not isinstance(edit, dict):
        return text, f"{title}: the server sent no edit"
    return client.applied(edit, {uri: text}).get(uri, text), title


def diff_lines(old: str, new: str) -> list[tuple[str, str]]:
    """The changed lines with two lines around them, each with its style."""
    styles = {"-": "red", "+": "green"}
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=_AROUND, lineterm="")
    return [
        (f"     │ {line}", styles.get(line[:1], "dim"))
        for line in list(lines)[2:]
        if not line.startswith("@@")
    ]
