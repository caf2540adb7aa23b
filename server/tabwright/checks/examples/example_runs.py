"""Run examples in the sandbox and tell which fail."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tabwright.checks.examples.docstring_examples import Example, examples_of
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault
from tabwright.checks.lines import LineChanges, span_of
from tabwright.checks.sandbox import runs
from tabwright.checks.tools.child import ToolFailed
from tabwright.core.message import Message, from_json, verbatim

_LONGEST_S = 5.0
_LONGEST_CALL = 120
_LONGEST_LINE = 8192


async def check(
    candidate: EditCandidate, changes: LineChanges, options: CheckOptions
) -> tuple[Fault, ...]:
    """A fault for each example of a changed function that fails; raises ToolFailed.

    What cannot be compared (a package that is not here, an example that is no Python) is no fault.
    Where the machine cannot contain them no example is run, and one fault without weight says so.
    """
    spans = [
        span_of(candidate.after, block.new_start, max(block.new_end, block.new_start + 1))
        for block in changes.blocks
    ]
    found = dict.fromkeys(one for span in spans for one in examples_of(candidate.after, span))
    try:
        return await failing(candidate.after, list(found), min(options.timeout_s, _LONGEST_S))
    except runs.SandboxUnavailable as error:
        reason = Message("examples were not run: this machine cannot contain them ({0})", error)
        return (Fault("checker", reason),)


async def failing(source: str, examples: Sequence[Example], timeout_s: float) -> tuple[Fault, ...]:
    """The faults of those examples that fail within ``timeout_s`` seconds for all together.

    Raises ToolFailed, and runs.SandboxUnavailable where the machine cannot contain them.
    """
    if not examples:
        return ()
    work = {
        "source": source,
        "examples": [[one.function, one.call, one.want, one.printed] for one in examples],
    }
    run = await runs.run(work, timeout_s, int(timeout_s) + 1)
    loaded, results = _results(run.lines, len(examples))
    faults = [
        Fault(
            "example", Message("`{0}` {1}", _named(examples[number]), wrong), examples[number].line
        )
        for number, wrong in enumerate(results)
        if wrong
    ]
    if not loaded:
        too_long = Message("took over {0} s to load", format(timeout_s, "g"))
        reason = Message("ended before they began") if run.ended else too_long
        raise ToolFailed(reason)
    if len(results) < len(examples):
        hanging = examples[len(results)]
        wrong = Message("ended the process")
        if not run.ended:
            wrong = Message("did not end in {0} s", format(timeout_s, "g"))
        faults.append(Fault("example", Message("`{0}` {1}", _named(hanging), wrong), hanging.line))
    return tuple(faults)


def _named(example: Example) -> str:
    first = example.call.partition("\n")[0]
    return first if len(first) <= _LONGEST_CALL else first[: _LONGEST_CALL - 1] + "…"


def _results(lines: Sequence[str], most: int) -> tuple[bool, list[Message]]:
    """Whether the module was loaded, and what went wrong with the first so many examples, in order.

    Whoever wrote the lines may have been the code of the examples: reading ends at the first line
    that is not the next one expected.
    """
    if not lines or lines[0] != '"loaded"':
        return False, []
    results: list[Message] = []
    for line in lines[1 : most + 1]:
        wrong = _result(line, len(results))
        if wrong is None:
            break
        results.append(wrong)
    return True, results


def _result(line: str, number: int) -> Message | None:
    """What a line says went wrong with this example, "" for nothing; None if it is another line."""
    if len(line) > _LONGEST_LINE:
        return None
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, list) or len(answer) != 2 or answer[0] != number:
        return None
    if answer[1] is None:
        return verbatim("")
    return from_json(answer[1]).map_text(_plain) if isinstance(answer[1], dict) else None


def _plain(text: str) -> str:
    """A text on one line, which can be written as UTF-8."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return printable.encode("utf-8", "replace").decode("utf-8")
