"""Run examples in the sandbox and report those that fail."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tabwright.checks.examples.docstring_examples import Example, examples_of
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault
from tabwright.checks.lines import LineChanges, span_of_lines
from tabwright.checks.sandbox import runs
from tabwright.checks.tools.child_process import ToolFailed
from tabwright.core.message import Message, from_json, verbatim

_MAX_S = 5.0
_LONGEST_CALL = 120
_LONGEST_LINE = 8192


async def check(
    candidate: EditCandidate, changes: LineChanges, options: CheckOptions
) -> tuple[Fault, ...]:
    """Return a fault for each example of a changed function that fails; raises ToolFailed.

    An example that cannot be compared (a missing package, code that does not compile) is no fault.
    Where the machine has no sandbox, no example runs, and one fault of weight 0 says so.
    """
    spans = [
        span_of_lines(candidate.after, block.new_start, max(block.new_end, block.new_start + 1))
        for block in changes.blocks
    ]
    found = dict.fromkeys(one for span in spans for one in examples_of(candidate.after, span))
    try:
        return await failing_examples(candidate.after, list(found), min(options.timeout_s, _MAX_S))
    except runs.SandboxUnavailable as error:
        reason = Message("examples were not run: this machine cannot isolate them ({0})", error)
        return (Fault("checker", reason),)


async def failing_examples(
    source: str, examples: Sequence[Example], timeout_s: float
) -> tuple[Fault, ...]:
    """Return the faults of the examples that fail; ``timeout_s`` is the limit for all of them.

    Raises ToolFailed, and runs.SandboxUnavailable where the machine has no sandbox.
    """
    if not examples:
        return ()
    work = {
        "source": source,
        "examples": [[one.function, one.call, one.want, one.printed] for one in examples],
    }
    run = await runs.run(work, timeout_s, int(timeout_s) + 1)
    loaded, results = _read_results(run.lines, len(examples))
    faults = [
        Fault(
            "example",
            Message("`{0}` {1}", _short_call(examples[number]), error),
            examples[number].line,
        )
        for number, error in enumerate(results)
        if error
    ]
    if not loaded:
        too_long = Message("took over {0} s to load", format(timeout_s, "g"))
        reason = Message("ended before the examples started") if run.ended else too_long
        raise ToolFailed(reason)
    if len(results) < len(examples):
        unfinished = examples[len(results)]
        error = Message("ended the process")
        if not run.ended:
            error = Message("did not end in {0} s", format(timeout_s, "g"))
        faults.append(
            Fault("example", Message("`{0}` {1}", _short_call(unfinished), error), unfinished.line)
        )
    return tuple(faults)


def _short_call(example: Example) -> str:
    first = example.call.partition("\n")[0]
    return first if len(first) <= _LONGEST_CALL else first[: _LONGEST_CALL - 1] + "…"


def _read_results(lines: Sequence[str], most: int) -> tuple[bool, list[Message]]:
    """Return whether the module was loaded, and the errors ("" for none) of its examples, in order.

    The examples' code may have printed the lines, so reading ends at the first unexpected line.
    """
    if not lines or lines[0] != '"loaded"':
        return False, []
    results: list[Message] = []
    for line in lines[1 : most + 1]:
        error = _read_result(line, len(results))
        if error is None:
            break
        results.append(error)
    return True, results


def _read_result(line: str, number: int) -> Message | None:
    """Return the error that a line reports for this example, "" for none; None for other lines."""
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
    return from_json(answer[1]).map_text(_printable) if isinstance(answer[1], dict) else None


def _printable(text: str) -> str:
    """Return the text on one line, with only characters that can be encoded as UTF-8."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return printable.encode("utf-8", "replace").decode("utf-8")
