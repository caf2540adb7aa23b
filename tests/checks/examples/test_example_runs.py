from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from tabwright.checks.examples import example_runs
from tabwright.checks.examples.docstring_examples import Example, examples_of
from tabwright.checks.sandbox import runs
from tabwright.checks.tools.child_process import ToolFailed
from tabwright.core.text import Span


def session(body: str, *lines: str, head: str = "") -> str:
    doc = "\n".join(f"    {line}" for line in lines)
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    return f'{head}def f(a=0):\n    """Doc.\n\n{doc}\n    """\n{indented}\n'


async def failures(source: str, timeout_s: float = 5) -> list[str]:
    examples = examples_of(source, Span(0, len(source)))
    assert examples, "a case has examples"
    found = await example_runs.failing_examples(source, examples, timeout_s)
    assert all(fault.kind == "example" for fault in found)
    return [fault.message for fault in found]


TRACEBACK = "Traceback (most recent call last):"
TOO_DEEP = "maximum recursion depth exceeded"
PASSING = [
    session("return a + 1", ">>> f(1)", "2", ">>> x = f(2)", ">>> x", "3"),
    session("return [a, a]", ">>> f(1)", "(1, 1)"),
    session("return 0.1 + 0.2", ">>> f()", "0.3"),
    session("print('x')\nprint()\nprint('y')", ">>> f()", "x", "<BLANKLINE>", "y"),
    session("return list(range(100))", ">>> f()", "[0, 1, ..., 99]"),
    session("raise ValueError('no')", ">>> f()", TRACEBACK, "ValueError: no"),
    session("return {a: 1}", "f('x') == {'x': 1.0}"),
    session("return (a,)", "f('x') ➞ ('x')"),
    session("return a", "f(1) == g(1)", head="def g(x):\n    return x\n\n\n"),
    session("return P(a)", ">>> f(1)", "P(a=1)", head=(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n\n"
        "@dataclass\nclass P:\n    a: int\n\n\n"
    )),
    session("return 1", ">>> f()", "1").replace("def f", "async def f"),
]  # fmt: skip


@pytest.mark.parametrize("source", PASSING)
async def test_examples_that_pass(source: str) -> None:
    assert await failures(source) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (session("return a + 1", ">>> f(2)", "4"), "`f(2)` gave 3, expected 4"),
        (session("return a + 1", "f(2) => 4"), "`f(2)` gave 3, expected 4"),
        (session("return 1 / a", "f(0) => 4"), "`f(0)` raised ZeroDivisionError: division by zero"),
        (session("return None", "f(0) => 4"), "`f(0)` gave None, expected 4"),
        (session("pass", ">>> f(0)", "4"), "`f(0)` gave nothing, expected 4"),
        (session("return foo", "f(0) => 4"), "`f(0)` raised NameError: name 'foo' is not defined"),
        (session("return a", ">>> f(1) == 2"), "`f(1) == 2` gave False, expected True"),
        (session("raise SystemExit(3)", "f(0) => 4"), "`f(0)` raised SystemExit: 3"),
        (session("import os\nos._exit(3)", "f(0) => 4"), "`f(0)` ended the process"),
        (session("return f(a)", "f(0) => 4"), f"`f(0)` raised RecursionError: {TOO_DEEP}"),
        (session("return 'x' * 2_000_000_000", "f(0) => 4"), "`f(0)` raised MemoryError"),
        (
            session("return a", ">>> f()", TRACEBACK, "ValueError: no"),
            "`f()` gave 0, expected ValueError: no",
        ),
    ],
)  # fmt: skip
async def test_examples_that_fail(source: str, message: str) -> None:
    assert await failures(source) == [message]


@pytest.mark.parametrize(
    "source",
    [
        session("return np.zeros(a)", "f(0) => 4", head="import no_such_package as np\n\n\n"),
        session("import no_such_package", "f(0) => 4"),
        session("return a", ">>> f(1", "4"),
        session("return a", ">>> import no_such_package"),
        session("return a", "f(0) == g(0)", head="def g(x):\n    return 1 / x\n\n\n"),
    ],
)
async def test_examples_that_cannot_be_compared(source: str) -> None:
    assert await failures(source) == []


@pytest.mark.timing
async def test_an_endless_example_fails_and_the_earlier_ones_count() -> None:
    source = session("while a:\n    pass\nreturn 1", "f(0) => 2", "f(1) => 2", "f(0) => 1")
    started = time.monotonic()
    assert await failures(source, timeout_s=1) == [
        "`f(0)` gave 1, expected 2",
        "`f(1)` did not end in 1 s",
    ]
    assert time.monotonic() - started < 4


async def test_a_module_that_never_finishes_loading() -> None:
    source = session("return a", "f(0) => 0", head="x = sum(iter(int, 1))\n\n\n")
    with pytest.raises(ToolFailed, match="took over 1 s to load"):
        await failures(source, timeout_s=1)


async def test_module_level_calls_and_loops_are_skipped() -> None:
    head = "print(1 / 0)\nwhile True:\n    pass\nif __name__ == '__main__':\n    exit()\n\n\n"
    assert await failures(session("return a", "f(0) => 0", head=head)) == []


@pytest.mark.parametrize(
    "body",
    [
        "import socket\nsocket.socket()",
        "import subprocess\nsubprocess.run(['ls'])",
        "import threading\nthreading.Thread(target=print).start()",
        "open('/no/such/file', 'w')",
        "import asyncio\nasyncio.run(asyncio.sleep(0))",
    ],
)
async def test_an_example_that_the_sandbox_stops_is_no_failure(body: str) -> None:
    assert await failures(session(f"{body}\nreturn 2", "f() => 1")) == []


async def test_environment_and_files_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    body = "import os\nreturn 'SECRET_TOKEN' in os.environ, os.listdir()"
    assert await failures(session(body, "f() => (False, [])")) == []


async def test_much_output_is_allowed() -> None:
    assert await failures(session("print('x' * 10_000_000)\nreturn 1", "f() => 1")) == []


async def test_cancelling_kills_the_process_and_deletes_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    source = session("while True:\n    pass", "f(1) => 2")
    task = asyncio.create_task(failures(source))
    while not os.listdir(tmp_path):
        assert not task.done()
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert os.listdir(tmp_path) == []


async def test_no_process_without_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "run", None)
    assert await example_runs.failing_examples("x = 1\n", [], 5) == ()


async def test_a_long_call_is_cut_in_the_message() -> None:
    example = Example("f", f"f({'1' * 300})", "4", False, 1)
    (fault,) = await example_runs.failing_examples("def f(x):\n    return 1\n", [example], 5)
    assert len(fault.message) < 150 and "…" in fault.message
