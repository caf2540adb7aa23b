from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from bench.lib import sets
from hypothesis import given
from hypothesis import strategies as st
from support import checkout  # noqa: F401

ROW = {
    "task_id": "T/0",
    "entry_point": "f",
    "prompt": "def f(a):\n",
    "suffix": "    return b\n",
    "canonical_solution": "    b = a + 1\n",
    "test": "def check(f):\n    assert f(1) == 2\n",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in (sets.SINGLE_LINE, sets.RANDOM_SPAN):
        with gzip.open(tmp_path / name, "wt", encoding="utf-8") as file:
            for number in range(10):
                file.write(json.dumps({**ROW, "task_id": f"T/{number}"}) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "shown", "invoked"),
    [
        ("infilling", "def f(a):\n║\n    return b\n", False),
        ("span", "def f(a):\n║    return b\n", True),
    ],
)
def test_the_buffer_has_a_gap(data: Path, kind: str, shown: str, invoked: bool) -> None:
    task = sets.load(kind, data)[0]
    assert task.text[: task.offset] + "║" + task.text[task.offset :] == shown
    assert task.invoked is invoked
    filled = task.head + task.reference + task.tail
    assert task.exact(filled)
    assert task.program(filled).endswith("\ncheck(f)\n")


def test_a_midline_task_leaves_the_line_begun(data: Path) -> None:
    for task in sets.load("midline", data):
        begun = task.head.rpartition("\n")[2]
        assert begun + task.reference == "    b = a + 1"
        assert begun.strip() and task.reference
        assert task.tail == "\n    return b\n"
    again = sets.load("midline", data)
    assert again == sets.load("midline", data)
    assert len({task.head for task in again}) > 1


def test_a_limit_spreads_evenly(data: Path) -> None:
    picked = [task.task_id for task in sets.load("infilling", data, 3)]
    assert picked == ["T/0", "T/3", "T/6"]
    assert len(sets.load("infilling", data, 99)) == 10


def test_missing_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(sets.DataMissing, match="--data"):
        sets.load("span", tmp_path)


@pytest.mark.parametrize(
    ("answer", "exact"),
    [("    b = a + 1", True), ("    b = a + 1  ", True), ("b = a + 1", False), ("", False)],
)
def test_exact_is_the_line_without_trailing_blanks(data: Path, answer: str, exact: bool) -> None:
    task = sets.load("infilling", data)[0]
    assert task.exact(task.head + answer + task.tail) is exact


def test_an_answer_that_ate_the_suffix_is_not_exact(data: Path) -> None:
    task = sets.load("infilling", data)[0]
    assert task.middle(task.head + task.reference) is None
    assert not task.exact(task.head + task.reference)


@given(
    st.text("ab ()", min_size=1, max_size=30).map(str.strip).filter(lambda line: len(line) > 1),
    st.integers(0, 8),
    st.integers(),
)
def test_a_cut_is_inside_the_code(code: str, indentation: int, seed: int) -> None:
    line = " " * indentation + code
    column = sets.cut_column(line, random.Random(seed))
    assert indentation < column < len(line)


def test_two_in_five_cuts_follow_a_space() -> None:
    line = "    value = other + thing[index]"
    cuts = [sets.cut_column(line, random.Random(seed)) for seed in range(2000)]
    share = sum(line[column - 1] == " " for column in cuts) / len(cuts)
    assert 0.36 < share < 0.44
