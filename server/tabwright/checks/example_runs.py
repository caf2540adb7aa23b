"""Run examples in a process of their own and tell which fail."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tabwright.checks.child import Unanswered, run, watch
from tabwright.checks.examples import Example, examples_of
from tabwright.checks.faults import Fault, Options, Subject
from tabwright.checks.lines import Changes, span_of
from tabwright.processes import python

_LONGEST_S = 5.0
_LONGEST_CALL = 120
_CHILD = Path(__file__).with_name("example_child.py")
# Windows starts no Python without it.
_KEPT = ("SYSTEMROOT",)
_cut_off: tuple[str, ...] | None = None


async def check(subject: Subject, changes: Changes, options: Options) -> tuple[Fault, ...]:
    """A fault for each example of a changed function that fails; raises Unanswered.

    What cannot be compared (a package that is not here, an example that is no Python) is no fault.
    """
    spans = [
        span_of(subject.after, block.new_start, max(block.new_end, block.new_start + 1))
        for block in changes.blocks
    ]
    found = dict.fromkeys(one for span in spans for one in examples_of(subject.after, span))
    return await failing(subject.after, list(found), min(options.timeout_s, _LONGEST_S))


async def failing(source: str, examples: Sequence[Example], timeout_s: float) -> tuple[Fault, ...]:
    """The faults of those examples that fail within ``timeout_s`` seconds for all together."""
    if not examples:
        return ()
    question = {
        "source": source,
        "cpu_s": int(timeout_s) + 1,
        "examples": [[one.function, one.call, one.want, one.printed] for one in examples],
    }
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    folder = tempfile.mkdtemp(prefix="tabwright-examples-")
    try:
        output, ended = await watch(
            (*await _without_network(), *python("-B", str(_CHILD))),
            timeout_s=timeout_s,
            stdin=json.dumps(question),
            cwd=folder,
            environment=environment,
        )
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, True)
    loaded, results = _results(output.stdout)
    faults = [
        Fault("example", f"`{_named(examples[number])}` {wrong}", examples[number].line)
        for number, wrong in results.items()
        if wrong and number < len(examples)
    ]
    if not loaded:
        reason = f"took over {timeout_s:g} s to load" if not ended else "ended before they began"
        raise Unanswered(reason)
    if len(results) < len(examples):
        hanging = examples[len(results)]
        wrong = f"did not end in {timeout_s:g} s" if not ended else "ended the process"
        faults.append(Fault("example", f"`{_named(hanging)}` {wrong}", hanging.line))
    return tuple(faults)


def _named(example: Example) -> str:
    first = example.call.partition("\n")[0]
    return first if len(first) <= _LONGEST_CALL else first[: _LONGEST_CALL - 1] + "…"


def _results(printed: str) -> tuple[bool, dict[int, str]]:
    """Whether the module was loaded, and what went wrong by the example's number ("" nothing)."""
    loaded, results = False, dict[int, str]()
    for line in printed.splitlines():
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        if answer == "loaded":
            loaded = True
        elif isinstance(answer, list) and len(answer) == 2 and isinstance(answer[0], int):
            results[answer[0]] = str(answer[1] or "")
    return loaded, results


async def _without_network() -> tuple[str, ...]:
    """How to start a program in a network of its own; nothing where the system does not let us."""
    global _cut_off
    if _cut_off is None:
        unshare = shutil.which("unshare")
        command = (unshare, "--map-root-user", "--net") if unshare else ()
        try:
            works = command and (await run((*command, "true"), timeout_s=2)).status == 0
        except Unanswered:
            works = False
        _cut_off = command if works else ()
    return _cut_off
