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

UNBOUND_TOTAL = "def f(xs):\n║\n    for x in xs:\n        total += x\n    return total\n"
COMPLETE = "def f(xs):\n    n = len(xs)\n║\n    return n\n"


def task_at(marked: str, *, invoked: bool = False) -> Task:
    snapshot, offset = place(marked)
    task = prepare(snapshot, offset, QWEN, Options(), invoked=invoked)
    assert isinstance(task, Task)
    return task


@pytest.mark.parametrize(
    ("marked", "answer", "expected"),
    [
        (UNBOUND_TOTAL, "    total = 0", True),
        (UNBOUND_TOTAL, "    xs = list(xs)", False),  # total is still bound nowhere
        (UNBOUND_TOTAL, "    for x in xs:", False),  # refused, and a name is still lacking
        (COMPLETE, "    n = n + 1", True),
        (COMPLETE, "    n = n + missing", False),
        (COMPLETE, "    n = n +", False),
        (COMPLETE, "        n = n + 1", False),
        (COMPLETE, "    # to do", False),
        (COMPLETE, "", True),  # the document needs nothing there
        (UNBOUND_TOTAL, "", False),
        ("def f(a):\n    x = ║\n    return x\n", "b", True),  # on a begun line names do not count
        ("def f(a):\n    x = ║\n    return x\n", "a +* 2", False),
    ],
)
def test_acceptable(marked: str, answer: str, expected: bool) -> None:
    task = task_at(marked)
    assert acceptable(task, finish(task, [answer])) is expected


def test_better_candidate_comes_first_and_one_that_does_not_parse_is_not_shown() -> None:
    task = task_at(UNBOUND_TOTAL)
    result = finish(task, ["    xs = list(xs)", "    n = missing", "    total = 0", "  broken ="])
    assert isinstance(result, tuple)
    assert result[0].new_text.strip() == "total = 0"
    assert result[-1].new_text.strip() == "n = missing"


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        (UNBOUND_TOTAL, "    total"),
        ("def f(q):\n║\n    while i <= j:\n        i += 1\n    return q\n", "    i, j"),
        ("def f(q):\n    ║\n    return q + r\n", "r"),
        (COMPLETE, ""),
        ("def f(xs):\n    a = 1\n║\n        print(x)\n    return a\n", ""),  # a block is missing
        ("def f(xs):\n    y = ║\n    return total\n", ""),
    ],
)
def test_hint_has_the_unbound_names(marked: str, expected: str) -> None:
    assert unbound_names_hint(task_at(marked)) == expected


def test_names_of_another_cell_count_as_bound() -> None:
    snapshot, offset = place("def f(xs):\n║\n    return total\n")
    task = prepare(snapshot, offset, QWEN, Options(), invoked=False, before="total = 3\n")
    assert isinstance(task, Task)
    assert acceptable(task, finish(task, ["    xs = 1"]))


def test_answer_start_is_in_the_prompt() -> None:
    task = with_answer_start(task_at(UNBOUND_TOTAL), "    total")
    assert task.prompt.parts[-1] == "def f(xs):\n    total"
    assert (task.answer_start, task.heal) == ("    total", False)


@pytest.mark.parametrize(
    ("answer", "continues"),
    [
        ("    n = 2", False),
        ("    if n:", True),
        ("    # why", True),
        ("    n = foo(", True),
        ("", True),
    ],
)
def test_incomplete_statement_is_continued(answer: str, continues: bool) -> None:
    task = task_at(COMPLETE)
    rest = continuation_task(task, answer)
    assert (rest is not None) is continues
    if rest is not None:
        assert rest.answer_start == answer + "\n"
        assert str(rest.prompt.parts[-1]).endswith(answer + "\n")
        assert "\n" not in rest.stop


def test_line_with_text_is_continued_only_by_the_block_that_it_opens() -> None:
    assert continuation_task(task_at("def f(xs):\n    if ║\n    return 1\n"), "xs:") is not None
    assert continuation_task(task_at("def f(xs):\n    if ║\n        return 1\n"), "xs:") is None
    assert continuation_task(task_at("def f(xs):\n    x = ║\n    return 1\n"), "xs") is None
    assert continuation_task(task_at(COMPLETE, invoked=True), "    if n:") is None
