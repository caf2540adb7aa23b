"""The project's own checkers: is what one of them reported gone, and is anything new?"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from tabwright.checks.faults import CheckOptions, EditCandidate
from tabwright.checks.lines import LineChanges
from tabwright.checks.tools import eslint, mypy, pylint, pyright, tsc
from tabwright.checks.tools.child import ToolFailed, together
from tabwright.checks.tools.programs import projects
from tabwright.checks.tools.reports import Comparison, ToolReport, ToolResult
from tabwright.checks.tools.scratch_files import CheckedFile
from tabwright.core.action import Diagnostic
from tabwright.core.message import Message

_Ask = Callable[[str, str, CheckedFile], Coroutine[None, None, list[ToolReport]]]


@dataclass(frozen=True)
class Tool:
    """A checker: its name, the sources its diagnostics come with, its programs, how it is asked."""

    name: str
    sources: frozenset[str]
    programs: tuple[str, ...]
    ask: _Ask = field(compare=False)

    def program(self, candidate: EditCandidate) -> str | None:
        """Where it is installed, None when it is not."""
        return projects(self.programs, candidate.root, candidate.path)


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
    """The first program that a check of these diagnostics would run in a trusted folder, or ""."""
    for diagnostic in diagnostics:
        tool = tool_of(diagnostic)
        program = projects(tool.programs, root, path) if tool is not None else None
        if program is not None:
            return program
    return ""


def tool_of(diagnostic: Diagnostic) -> Tool | None:
    """The tool that a diagnostic's source names."""
    return _BY_SOURCE.get(diagnostic.source.casefold())


async def check(
    tool: Tool,
    program: str,
    candidate: EditCandidate,
    changes: LineChanges,
    wanted: Sequence[Diagnostic],
    options: CheckOptions,
) -> ToolResult:
    """What the tool says of ``wanted`` and of anything new; raises ToolFailed."""
    file = CheckedFile(candidate.path, candidate.root, candidate.language_id, options.timeout_s)
    try:
        before, after = await together(
            _before(tool, program, candidate.before, file),
            tool.ask(program, candidate.after, file),
        )
    except OSError as error:
        raise ToolFailed(Message("could not be given a file ({0})", error.strerror)) from error
    return Comparison(before, after, changes, candidate.before).judge(wanted)


_KEPT = 8
_KEPT_S = 120.0
_kept: OrderedDict[tuple[str, CheckedFile, str], tuple[float, list[ToolReport]]] = OrderedDict()


async def _before(tool: Tool, program: str, text: str, file: CheckedFile) -> list[ToolReport]:
    """The same for all candidates of an action: asked once."""
    key = (program, file, text)
    known = _kept.get(key)
    if known is not None and time.monotonic() - known[0] < _KEPT_S:
        return known[1]
    found = await tool.ask(program, text, file)
    _kept[key] = (time.monotonic(), found)
    while len(_kept) > _KEPT:
        _kept.popitem(last=False)
    return found
