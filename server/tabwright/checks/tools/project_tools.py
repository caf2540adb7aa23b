"""Run the project's own tools: are their diagnostics resolved, and are there new ones?"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from tabwright.checks.faults import CheckOptions, EditCandidate
from tabwright.checks.lines import LineChanges
from tabwright.checks.tools import eslint, mypy, pylint, pyright, tsc
from tabwright.checks.tools.child_process import ToolFailed, gather_or_cancel
from tabwright.checks.tools.find_program import find_project_program
from tabwright.checks.tools.reports import Comparison, ToolReport, ToolResult
from tabwright.checks.tools.scratch_files import CheckedFile
from tabwright.core.action import Diagnostic
from tabwright.core.message import Message

_RunTool = Callable[[str, str, CheckedFile], Coroutine[None, None, list[ToolReport]]]


@dataclass(frozen=True)
class Tool:
    """A tool: its name, the sources of its diagnostics, its program names, and how to run it."""

    name: str
    sources: frozenset[str]
    programs: tuple[str, ...]
    run: _RunTool = field(compare=False)

    def program(self, candidate: EditCandidate) -> str | None:
        """Return the path of its program, None when it is not installed."""
        return find_project_program(self.programs, candidate.root, candidate.path)


TOOLS = (
    Tool(
        "pyright",
        frozenset({"pyright", "pylance"}),
        ("pyright", "basedpyright"),
        pyright.reports,
    ),
    Tool(
        "basedpyright",
        frozenset({"basedpyright"}),
        ("basedpyright", "pyright"),
        pyright.reports,
    ),
    Tool("mypy", frozenset({"mypy"}), ("mypy",), mypy.reports),
    Tool("pylint", frozenset({"pylint"}), ("pylint",), pylint.reports),
    Tool("tsc", frozenset({"ts", "tsc", "typescript", "js"}), ("tsc",), tsc.reports),
    Tool("eslint", frozenset({"eslint", "typescript-eslint"}), ("eslint",), eslint.reports),
)
_BY_SOURCE = {source: tool for tool in TOOLS for source in tool.sources}


def first_program(diagnostics: Sequence[Diagnostic], root: str, path: str) -> str:
    """Return the first program that a check of these diagnostics would run, "" for none."""
    for diagnostic in diagnostics:
        tool = tool_for(diagnostic)
        program = find_project_program(tool.programs, root, path) if tool is not None else None
        if program is not None:
            return program
    return ""


def tool_for(diagnostic: Diagnostic) -> Tool | None:
    """Return the tool that a diagnostic's source names; None for an unknown source."""
    return _BY_SOURCE.get(diagnostic.source.casefold())


async def check(
    tool: Tool,
    program: str,
    candidate: EditCandidate,
    changes: LineChanges,
    wanted: Sequence[Diagnostic],
    options: CheckOptions,
) -> ToolResult:
    """Return which of ``wanted`` remain and what is new; raises ToolFailed."""
    file = CheckedFile(candidate.path, candidate.root, candidate.language_id, options.timeout_s)
    try:
        before, after = await gather_or_cancel(
            _reports_before(tool, program, candidate.before, file),
            tool.run(program, candidate.after, file),
        )
    except OSError as error:
        raise ToolFailed(Message("could not get a temporary file ({0})", error.strerror)) from error
    return Comparison(before, after, changes, candidate.before).evaluate(wanted)


_CACHED = 8
_CACHED_S = 120.0
_cache: OrderedDict[tuple[str, CheckedFile, str], tuple[float, list[ToolReport]]] = OrderedDict()


async def _reports_before(
    tool: Tool, program: str, text: str, file: CheckedFile
) -> list[ToolReport]:
    """Return the reports on the old text, which all candidates of an action share: cached."""
    key = (program, file, text)
    cached = _cache.get(key)
    if cached is not None and time.monotonic() - cached[0] < _CACHED_S:
        return cached[1]
    found = await tool.run(program, text, file)
    _cache[key] = (time.monotonic(), found)
    while len(_cache) > _CACHED:
        _cache.popitem(last=False)
    return found
