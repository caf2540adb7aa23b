"""All checks of one candidate, side by side; whatever happens, an answer comes of it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from dataclasses import dataclass

from tabwright.checks.examples import example_runs
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault, worst_first
from tabwright.checks.lines import LineChanges, changes, line_of
from tabwright.checks.syntax import python_source, risks, silencing, tree_sitter_source
from tabwright.checks.tools import project_tools, ruff_rules
from tabwright.checks.tools.child import ToolFailed, together
from tabwright.core.action import Diagnostic
from tabwright.core.message import Message

_WHETHER_GONE = Message("whether the error is gone was not checked")
_NO_RISKS = Message("risky calls were not checked")


async def check(candidate: EditCandidate, options: CheckOptions) -> tuple[Fault, ...]:
    """What speaks against the edit, worst first; nothing when all that was checked is fine.

    Raises nothing but CancelledError: a checker that hangs, crashes or is missing is a fault of
    kind "checker" that says what was not checked.
    """
    try:
        edit = await asyncio.to_thread(changes, candidate.before, candidate.after)
        faults = await _syntax(candidate, edit)
    except Exception as error:  # noqa: BLE001 - promised not to raise
        return (_failed(Message("syntax"), error, Message("nothing was checked")),)
    if any(fault.kind == "syntax" for fault in faults):
        return worst_first(faults)
    found = await together(*_jobs(candidate, edit, options))
    return worst_first(faults + sum(found, ()))


def _jobs(
    candidate: EditCandidate, edit: LineChanges, options: CheckOptions
) -> Iterator[Coroutine[None, None, tuple[Fault, ...]]]:
    """What remains to be done, each for itself: none fails because another does."""
    python = candidate.language_id == "python"
    plan = _plan(candidate, options)
    yield _guarded(Message("the search for risks"), _NO_RISKS, _risks(candidate, edit))
    left = asyncio.to_thread(_of_nobody, candidate, edit, plan.left, options)
    yield _guarded(Message("the syntax"), _WHETHER_GONE, left)
    for tool, program, wanted in plan.tools:
        asked = _of_tool(tool, program, wanted, candidate, edit, options)
        yield _guarded(tool.name, _WHETHER_GONE, asked)
    if python:
        yield _guarded("ruff", _NO_RISKS, _of_ruff(candidate, edit, plan.ruff, options))
    if python and options.run_examples and not candidate.cell:
        examples = example_runs.check(candidate, edit, options)
        yield _guarded(Message("the module"), Message("its examples were not run"), examples)


async def _guarded(
    name: str, otherwise: Message, faults: Awaitable[tuple[Fault, ...]]
) -> tuple[Fault, ...]:
    """The faults, or one of kind "checker" when they cannot be had."""
    try:
        return await faults
    except Exception as error:  # noqa: BLE001 - promised not to raise
        return (_failed(name, error, otherwise),)


def _failed(name: str, error: Exception, otherwise: Message) -> Fault:
    reason = str(error) if isinstance(error, ToolFailed) else Message("failed ({0})", repr(error))
    return Fault("checker", Message("{0} {1}, so {2}", name, reason, otherwise))


async def _syntax(candidate: EditCandidate, edit: LineChanges) -> tuple[Fault, ...]:
    own = python_source if candidate.language_id == "python" else tree_sitter_source
    return await asyncio.to_thread(own.check_syntax, candidate, edit)


async def _risks(candidate: EditCandidate, edit: LineChanges) -> tuple[Fault, ...]:
    silenced = silencing.check(candidate, edit)
    if candidate.language_id == "python":
        return silenced
    return silenced + risks.check(candidate, edit)


@dataclass(frozen=True)
class _Plan:
    """Who looks after which of the wanted diagnostics."""

    ruff: tuple[Diagnostic, ...]
    tools: tuple[tuple[project_tools.Tool, str, tuple[Diagnostic, ...]], ...]
    left: tuple[Diagnostic, ...]


def _plan(candidate: EditCandidate, options: CheckOptions) -> _Plan:
    python = candidate.language_id == "python"
    ruff: list[Diagnostic] = []
    left: list[Diagnostic] = []
    by_tool: dict[tuple[project_tools.Tool, str], list[Diagnostic]] = {}
    for diagnostic in candidate.diagnostics:
        tool = project_tools.tool_of(diagnostic)
        runs = options.tools and options.trusted
        program = tool.program(candidate) if tool and runs else None
        twin = ruff_rules.twin(diagnostic) if python else None
        if python and ruff_rules.is_own(diagnostic):
            ruff.append(diagnostic)
        elif tool and program:
            by_tool.setdefault((tool, program), []).append(diagnostic)
        elif twin:
            ruff.append(twin)
        else:
            left.append(diagnostic)
    tools = tuple((tool, program, tuple(own)) for (tool, program), own in by_tool.items())
    return _Plan(tuple(ruff), tools, tuple(left))


async def _of_ruff(
    candidate: EditCandidate, edit: LineChanges, wanted: Sequence[Diagnostic], options: CheckOptions
) -> tuple[Fault, ...]:
    try:
        outcome = await ruff_rules.check(candidate, edit, wanted, options)
    except ToolFailed as error:
        lost = Message("{0}, and {1}", _WHETHER_GONE, _NO_RISKS) if wanted else _NO_RISKS
        names = await asyncio.to_thread(python_source.check_names, candidate)
        return (*names, Fault("checker", _so(Message("{0} {1}", "ruff", error), lost)))
    unseen = await asyncio.to_thread(_of_nobody, candidate, edit, outcome.unseen, options)
    return outcome.faults + unseen


async def _of_tool(
    tool: project_tools.Tool,
    program: str,
    wanted: Sequence[Diagnostic],
    candidate: EditCandidate,
    edit: LineChanges,
    options: CheckOptions,
) -> tuple[Fault, ...]:
    try:
        verdict = await project_tools.check(tool, program, candidate, edit, wanted, options)
    except ToolFailed as error:
        return (Fault("checker", _so(Message("{0} {1}", tool.name, error), _WHETHER_GONE)),)
    unseen = await asyncio.to_thread(_of_syntax, candidate, edit, verdict.unseen)
    if unseen is None:
        silent = Message("{0} does not report this error here", tool.name)
        return (*verdict.faults, Fault("checker", _so(silent, _WHETHER_GONE)))
    return verdict.faults + unseen


def _of_nobody(
    candidate: EditCandidate, edit: LineChanges, wanted: Sequence[Diagnostic], options: CheckOptions
) -> tuple[Fault, ...]:
    """Diagnostics that no tool here reports: errors of syntax can be told, others not."""
    told = _of_syntax(candidate, edit, wanted)
    if told is not None:
        return told
    return tuple(_unchecked(diagnostic, candidate, options) for diagnostic in wanted)


def _unchecked(diagnostic: Diagnostic, candidate: EditCandidate, options: CheckOptions) -> Fault:
    tool = project_tools.tool_of(diagnostic)
    if tool and options.tools and not options.trusted and not ruff_rules.is_own(diagnostic):
        folder = filter(None, (candidate.folder,))
        command = shlex.join(("tabwright", "trust", "allow-folder", *folder))
        return Fault(
            "checker",
            Message("{0} may not run in this folder", tool.name),
            advice=Message("to allow it: {0}", command),
        )
    return Fault("checker", _so(_why_not(diagnostic, options), _WHETHER_GONE))


def _so(reason: Message, lost: Message) -> Message:
    return Message("{0}, so {1}", reason, lost)


def _why_not(diagnostic: Diagnostic, options: CheckOptions) -> Message:
    tool = project_tools.tool_of(diagnostic)
    if ruff_rules.is_own(diagnostic):
        return Message("{0} does not report this error here", "ruff")
    if tool is None:
        return Message(
            "errors from {0} cannot be checked here",
            diagnostic.source or Message("an unknown source"),
        )
    if not options.tools:
        return Message("{0} is not to be run", tool.name)
    return Message("{0} is not installed here", tool.name)


def _of_syntax(
    candidate: EditCandidate, edit: LineChanges, wanted: Sequence[Diagnostic]
) -> tuple[Fault, ...] | None:
    """What the parser says of diagnostics it may have meant; None when it had no complaint."""
    if not wanted:
        return ()
    stood = {line_of(candidate.before, one.span.start) for one in wanted}
    # The parser may see an error a line before or after where another saw it.
    around = edit.old | {line + step for line in stood for step in (-1, 0, 1)}
    if not any(line in around for line in _errors(candidate.before, candidate)):
        return None
    near = edit.new | {edit.moved(line) for line in stood}
    still = sorted(line for line in _errors(candidate.after, candidate) if line in near)
    return (Fault("diagnostic", Message("it still does not parse"), still[0]),) if still else ()


def _errors(text: str, candidate: EditCandidate) -> list[int]:
    if candidate.language_id == "python":
        fault = python_source.syntax_fault(text, candidate.cell)
        return [fault.line] if fault else []
    try:
        return tree_sitter_source.errors(text, candidate.language_id)
    except tree_sitter_source.NoGrammar:
        return []
