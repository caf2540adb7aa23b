"""Retries of unacceptable answers, and continuation of incomplete statements."""

from __future__ import annotations

import pytest
from support.cursor import QWEN, place

from tabwright.assists.complete import (
    Options,
    Task,
    acceptable,
    continuation_task,
    finish,
    prepare,
    unbound_names_hint,
    with_answer_start,
)

LACKS = "def f(xs):\n║\n    for x in xs:\n        total += x\n    return total\n"
WHOLE = "def f(xs):\n    n = len(xs)\n║\n    return n\n"


def ask(marked: str, *, invoked: bool = False) -> Task:
    snapshot, offset = place(marked)
    task = prepare(snapshot, offset, QWEN, Options(), invoked=invoked)
    assert isinstance(task, Task)
    return task


@pytest.mark.parametrize(
    ("marked", "answer", "expected"),
    [
        (LACKS, "    total = 0", True),
        (LACKS, "    xs = list(xs)", False),  # total is still bound nowhere
        (LACKS, "    for x in xs:", False),  # refused, and a name is still lacking
        (WHOLE, "    n = n + 1", True),
        (WHOLE, "    n = n + missing", False),
        (WHOLE, "    n = n +", False),
        (WHOLE, "        n = n + 1", False),
        (WHOLE, "    # to do", False),
        (WHOLE, "", True),  # the document needs nothing there
        (LACKS, "", False),
        ("def f(a):\n    x = ║\n    return x\n", "b", True),  # on a begun line names do not count
        ("def f(a):\n    x = ║\n    return x\n", "a +* 2", False),
    ],
)
def test_acceptable(marked: str, answer: str, expected: bool) -> None:
    task = ask(marked)
    assert acceptable(task, finish(task, [answer])) is expected


def test_better_candidate_comes_first() -> None:
    task = ask(LACKS)
    result = finish(task, ["    xs = list(xs)", "    n = missing", "    total = 0", "  broken ="])
    assert isinstance(result, tuple)
    assert result[0].new_text.strip() == "total = 0"
    assert result[-1].new_text.strip() == "broken ="


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        (LACKS, "    total"),
        ("def f(q):\n║\n    while i <= j:\n        i += 1\n    return q\n", "    i, j"),
        ("def f(q):\n    ║\n    return q + r\n", "r"),
        (WHOLE, ""),
        ("def f(xs):\n    a = 1\n║\n        print(x)\n    return a\n", ""),  # a block is missing
        ("def f(xs):\n    y = ║\n    return total\n", ""),
    ],
)
def test_hint_has_the_unbound_names(marked: str, expected: str) -> None:
    assert unbound_names_hint(ask(marked)) == expected


def test_names_of_another_cell_count_as_bound() -> None:
    snapshot, offset = place("def f(xs):\n║\n    return total\n")
    task = prepare(snapshot, offset, QWEN, Options(), invoked=False, before="total = 3\n")
    assert isinstance(task, Task)
    assert acceptable(task, finish(task, ["    xs = 1"]))


def test_answer_start_is_in_the_prompt() -> None:
    task = with_answer_start(ask(LACKS), "    total")
    assert task.prompt.parts[-1] == "def f(xs):\n    total"
    assert (task.answer_start, task.heal) == ("    total", False)


@pytest.mark.parametrize(
    ("answer", "goes_on"),
    [
        ("    n = 2", False),
        ("    if n:", True),
        ("    # why", True),
        ("    n = foo(", True),
        ("", True),
    ],
)
def test_incomplete_statement_is_continued(answer: str, goes_on: bool) -> None:
    task = ask(WHOLE)
    rest = continuation_task(task, answer)
    assert (rest is not None) is goes_on
    if rest is not None:
        assert rest.answer_start == answer + "\n"
        assert str(rest.prompt.parts[-1]).endswith(answer + "\n")
        assert "\n" not in rest.stop


def test_line_with_text_is_not_continued() -> None:
    assert continuation_task(ask("def f(xs):\n    if ║\n    return 1\n"), "xs:") is None
    assert continuation_task(ask(WHOLE, invoked=True), "    if n:") is None
