"""The demo's second half: a function generated from its docstring, and a real error fixed."""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabwright import processes
from tabwright.checks.tools.programs import bundled
from tabwright.cli.demos.places import SAMPLES
from tabwright.cli.demos.view import View, clip
from tabwright.lsp.language_client import LspClient, ResponseError

GENERATE = "refactor.rewrite.tabwright.generate"
FIX = "quickfix"
_RUFF_SECONDS = 20.0
_AROUND = 2


@dataclass(frozen=True)
class Act:
    """A sample file in which ``old`` is replaced by ``new``, and the kind of action asked there."""

    file: str
    kind: str
    old: str
    new: str
    about: str


ACTS = (
    Act(
        "inventory.py",
        GENERATE,
        "return [item.name for item in items if item.quantity < item.reorder_level]",
        "...",
        "generate: a function from its docstring",
    ),
    Act(
        "inventory.py",
        FIX,
        "groups.setdefault(item.supplier, [])",
        "group.setdefault(item.supplier, [])",
        "fix: an error that ruff reports",
    ),
)


def changed(act: Act) -> tuple[str, int]:
    """The sample's text with the act's change in it, and where that stands.

    Raises ValueError when the sample does not hold ``old`` exactly once.
    """
    text = (SAMPLES / act.file).read_text(encoding="utf-8")
    if text.count(act.old) != 1:
        raise ValueError(f"{act.file} does not hold {act.old!r} once")
    return text.replace(act.old, act.new), text.index(act.old)


def reported(text: str, file: str) -> list[dict[str, Any]]:
    """What ruff reports of a text, as an editor would send it; empty where ruff is missing."""
    ruff = bundled("ruff")
    if ruff is None:
        return []
    options = ("--output-format=json", "--isolated", "--no-cache", "--exit-zero", "--quiet")
    command = (ruff, "check", *options, f"--stdin-filename={file}", "-")
    done = processes.run(command, input_text=text, timeout_s=_RUFF_SECONDS)
    if done.returncode != 0:
        raise OSError(f"ruff ended with status {done.returncode}: {done.stderr.strip()}")
    return [_diagnostic(each) for each in json.loads(done.stdout)]


def _diagnostic(report: Mapping[str, Any]) -> dict[str, Any]:
    # The samples are ASCII, so ruff's columns are the protocol's but for where they begin.
    places = ("location", "end_location")
    start, end = (
        {"line": report[place]["row"] - 1, "character": report[place]["column"] - 1}
        for place in places
    )
    return {
        "range": {"start": start, "end": end},
        "message": report["message"],
        "code": report["code"],
        "source": "Ruff",
        "severity": 1,
    }


async def show(view: View, client: LspClient, folder: Path) -> tuple[int, list[float]]:
    """Ask for every act's edit and draw it; how many came, and the milliseconds of each."""
    offered, times = 0, []
    for act in ACTS:
        text, offset = changed(act)
        uri = (folder / act.file).as_uri()
        view.title(act.file, act.about)
        client.open(uri, "python", text)
        started = time.perf_counter()
        try:
            new, title = await _edited(view, client, uri, text, act, offset)
        except ResponseError as error:
            new, title = text, str(error)
        finally:
            client.close(uri)
        times.append((time.perf_counter() - started) * 1000)
        for line, style in difference(text, new):
            view.say(clip(line, view.width - 1), style)
        if new == text:
            view.say(f"       nothing after {times[-1]:.0f} ms: {title}", "red")
        else:
            offered += 1
            view.say(f"       {times[-1]:.0f} ms · {title}", "green")
    return offered, times


async def _edited(
    view: View, client: LspClient, uri: str, text: str, act: Act, offset: int
) -> tuple[str, str]:
    """The text with the first action's edit, and the action's title with what was found out."""
    diagnostics = reported(text, act.file) if act.kind == FIX else []
    for diagnostic in diagnostics:
        view.say(f"       Ruff {diagnostic['code']}: {diagnostic['message']}", "red")
    end = offset + len(act.new)
    listed = await client.code_actions(
        uri, text, offset, end, only=[act.kind], diagnostics=diagnostics
    )
    if not listed:
        return text, "the server listed no such action"
    view.progress(f"{listed[0].get('title')} …")
    action = await client.resolve(listed[0])
    edit, title = action.get("edit"), str(action.get("title", ""))
    if not isinstance(edit, dict):
        return text, f"{title}: no edit came"
    return client.applied(edit, {uri: text}).get(uri, text), title


def difference(old: str, new: str) -> list[tuple[str, str]]:
    """The changed lines with two of their neighbours, each with the style it is drawn in."""
    styles = {"-": "red", "+": "green"}
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=_AROUND, lineterm="")
    return [
        (f"     │ {line}", styles.get(line[:1], "dim"))
        for line in list(lines)[2:]
        if not line.startswith("@@")
    ]
