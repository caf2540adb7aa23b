"""Run all checks of one candidate concurrently; every check gives faults, none raises."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from dataclasses import dataclass

from tabwright.checks.examples import example_runs
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault, worst_first
from tabwright.checks.lines import LineChanges, diff_texts, line_of
from tabwright.checks.syntax import python_syntax, risks, suppressions, tree_sitter_syntax
from tabwright.checks.tools import project_tools, ruff_rules
from tabwright.checks.tools.child_process import ToolFailed, gather_or_cancel
from tabwright.core.action import Diagnostic
from tabwright.core.message import Message

_FIX_UNVERIFIED = Message("the fix was not verified")
_RISKS_UNCHECKED = Message("risky calls were not checked")


async def check(candidate: EditCandidate, options: CheckOptions) -> tuple[Fault, ...]:
    """Return the faults of the edit, worst first; none when every check passed.

    Raises nothing but CancelledError: a checker that hangs, crashes or is missing gives a fault of
    kind "checker", which names what was not checked.
    """
    try:
        changes = await asyncio.to_thread(diff_texts, candidate.before, candidate.after)
        faults = await _check_syntax(candidate, changes)
    except Exception as error:  # noqa: BLE001 - promised not to raise
        return (_checker_fault(Message("the syntax check"), error, Message("nothing was checked")),)
    if any(fault.kind == "syntax" for fault in faults):
        return worst_first(faults)
    found = await gather_or_cancel(*_remaining_checks(candidate, changes, options))
    return worst_first(faults + sum(found, ()))


def _remaining_checks(
    candidate: EditCandidate, changes: LineChanges, options: CheckOptions
) -> Iterator[Coroutine[None, None, tuple[Fault, ...]]]:
    """Yield the checks to run after the syntax check; none fails because another does."""
    is_python = candidate.language_id == "python"
    plan = _make_plan(candidate, options)
    yield _faults_or_failure(
        Message("the check for risky calls"), _RISKS_UNCHECKED, _check_risks(candidate, changes)
    )
    by_parser = asyncio.to_thread(
        _check_without_tool, candidate, changes, plan.without_tool, options
    )
    yield _faults_or_failure(Message("the syntax check"), _FIX_UNVERIFIED, by_parser)
    for tool, program, wanted in plan.tools:
        by_tool = _run_tool(tool, program, wanted, candidate, changes, options)
        yield _faults_or_failure(tool.name, _FIX_UNVERIFIED, by_tool)
    if is_python:
        by_ruff = _run_ruff(candidate, changes, plan.ruff, options)
        yield _faults_or_failure("ruff", _RISKS_UNCHECKED, by_ruff)
    if is_python and options.run_examples and not candidate.cell:
        examples = example_runs.check(candidate, changes, options)
        unchecked = Message("its examples were not run")
        yield _faults_or_failure(Message("the module"), unchecked, examples)


async def _faults_or_failure(
    name: str, unchecked: Message, faults: Awaitable[tuple[Fault, ...]]
) -> tuple[Fault, ...]:
    """Return the faults, or one of kind "checker" when the check fails."""
    try:
        return await faults
    except Exception as error:  # noqa: BLE001 - promised not to raise
        return (_checker_fault(name, error, unchecked),)


def _checker_fault(name: str, error: Exception, unchecked: Message) -> Fault:
    reason = str(error) if isinstance(error, ToolFailed) else Message("failed ({0})", repr(error))
    return Fault("checker", Message("{0} {1}, so {2}", name, reason, unchecked))


async def _check_syntax(candidate: EditCandidate, changes: LineChanges) -> tuple[Fault, ...]:
    checker = python_syntax if candidate.language_id == "python" else tree_sitter_syntax
    return await asyncio.to_thread(checker.check_syntax, candidate, changes)


async def _check_risks(candidate: EditCandidate, changes: LineChanges) -> tuple[Fault, ...]:
    suppressed = suppressions.check(candidate, changes)
    if candidate.language_id == "python":
        return suppressed
    return suppressed + risks.check(candidate, changes)


@dataclass(frozen=True)
class _Plan:
    """The wanted diagnostics by what checks them: ruff, a project tool, or no tool."""

    ruff: tuple[Diagnostic, ...]
    tools: tuple[tuple[project_tools.Tool, str, tuple[Diagnostic, ...]], ...]
    without_tool: tuple[Diagnostic, ...]


def _make_plan(candidate: EditCandidate, options: CheckOptions) -> _Plan:
    is_python = candidate.language_id == "python"
    ruff: list[Diagnostic] = []
    without_tool: list[Diagnostic] = []
    by_tool: dict[tuple[project_tools.Tool, str], list[Diagnostic]] = {}
    for diagnostic in candidate.diagnostics:
        tool = project_tools.tool_for(diagnostic)
        may_run = options.tools and options.trusted
        program = tool.program(candidate) if tool and may_run else None
        for_ruff = ruff_rules.as_ruff_diagnostic(diagnostic) if is_python else None
        if is_python and ruff_rules.is_from_ruff(diagnostic):
            ruff.append(diagnostic)
        elif tool and program:
            by_tool.setdefault((tool, program), []).append(diagnostic)
        elif for_ruff:
            ruff.append(for_ruff)
        else:
            without_tool.append(diagnostic)
    tools = tuple((tool, program, tuple(wanted)) for (tool, program), wanted in by_tool.items())
    return _Plan(tuple(ruff), tools, tuple(without_tool))


async def _run_ruff(
    candidate: EditCandidate,
    changes: LineChanges,
    wanted: Sequence[Diagnostic],
    options: CheckOptions,
) -> tuple[Fault, ...]:
    try:
        result = await ruff_rules.check(candidate, changes, wanted, options)
    except ToolFailed as error:
        both = Message("{0}, and {1}", _FIX_UNVERIFIED, _RISKS_UNCHECKED)
        unchecked = both if wanted else _RISKS_UNCHECKED
        names = await asyncio.to_thread(python_syntax.check_names, candidate)
        return (*names, _unchecked_because(Message("{0} {1}", "ruff", error), unchecked))
    unreported = await asyncio.to_thread(
        _check_without_tool, candidate, changes, result.unreported, options
    )
    return result.faults + unreported


async def _run_tool(
    tool: project_tools.Tool,
    program: str,
    wanted: Sequence[Diagnostic],
    candidate: EditCandidate,
    changes: LineChanges,
    options: CheckOptions,
) -> tuple[Fault, ...]:
    try:
        result = await project_tools.check(tool, program, candidate, changes, wanted, options)
    except ToolFailed as error:
        return (_unchecked_because(Message("{0} {1}", tool.name, error), _FIX_UNVERIFIED),)
    by_parser = await asyncio.to_thread(_check_by_parser, candidate, changes, result.unreported)
    if by_parser is None:
        reason = Message("{0} does not report this error here", tool.name)
        return (*result.faults, _unchecked_because(reason, _FIX_UNVERIFIED))
    return result.faults + by_parser


def _check_without_tool(
    candidate: EditCandidate,
    changes: LineChanges,
    wanted: Sequence[Diagnostic],
    options: CheckOptions,
) -> tuple[Fault, ...]:
    """Check diagnostics that no tool here reports: syntax errors by the parser, no others."""
    by_parser = _check_by_parser(candidate, changes, wanted)
    if by_parser is not None:
        return by_parser
    return tuple(_unchecked_fault(diagnostic, candidate, options) for diagnostic in wanted)


def _unchecked_fault(
    diagnostic: Diagnostic, candidate: EditCandidate, options: CheckOptions
) -> Fault:
    tool = project_tools.tool_for(diagnostic)
    if tool and options.tools and not options.trusted and not ruff_rules.is_from_ruff(diagnostic):
        folder = filter(None, (candidate.folder,))
        command = shlex.join(("tabwright", "trust", "allow-folder", *folder))
        return Fault(
            "checker",
            Message("{0} may not run in this folder", tool.name),
            advice=Message("to allow it: {0}", command),
        )
    return _unchecked_because(_reason_unchecked(diagnostic, options), _FIX_UNVERIFIED)


def _unchecked_because(reason: Message, unchecked: Message) -> Fault:
    return Fault("checker", Message("{0}, so {1}", reason, unchecked))


def _reason_unchecked(diagnostic: Diagnostic, options: CheckOptions) -> Message:
    tool = project_tools.tool_for(diagnostic)
    if ruff_rules.is_from_ruff(diagnostic):
        return Message("{0} does not report this error here", "ruff")
    if tool is None:
        return Message(
            "errors from {0} cannot be checked here",
            diagnostic.source or Message("an unknown source"),
        )
    if not options.tools:
        return Message("{0} is switched off (tabwright.checks.tools)", tool.name)
    return Message("{0} is not installed here", tool.name)


def _check_by_parser(
    candidate: EditCandidate, changes: LineChanges, wanted: Sequence[Diagnostic]
) -> tuple[Fault, ...] | None:
    """Check diagnostics that may be syntax errors; None when the old text has none near them."""
    if not wanted:
        return ()
    lines = {line_of(candidate.before, one.span.start) for one in wanted}
    # The parser may report an error one line before or after the line that another tool reports.
    near_old = changes.old_lines | {line + step for line in lines for step in (-1, 0, 1)}
    if not any(line in near_old for line in _parser_errors(candidate.before, candidate)):
        return None
    near_new = changes.new_lines | {changes.new_line_of(line) for line in lines}
    remaining = [line for line in _parser_errors(candidate.after, candidate) if line in near_new]
    if not remaining:
        return ()
    return (Fault("diagnostic", Message("it still does not parse"), min(remaining)),)


def _parser_errors(text: str, candidate: EditCandidate) -> list[int]:
    """Return the lines, from 1, where the parser reports errors; none without a parser."""
    if candidate.language_id == "python":
        fault = python_syntax.syntax_fault(text, candidate.cell)
        return [fault.line] if fault else []
    try:
        return tree_sitter_syntax.error_lines(text, candidate.language_id)
    except tree_sitter_syntax.NoSyntaxTree:
        return []
