"""What followed before: the usual successor, replaced when it is no more, and forgotten in time."""

from __future__ import annotations

import pytest

from tabwright.engine.speculative import ngram_table
from tabwright.engine.speculative.ngram_table import MOST_TIMES, Successor, Successors

# name, texts, last tokens, what is foretold
CASES: list[tuple[str, list[list[int]], list[int], Successor | None]] = [
    ("nothing was read", [], [1, 2, 3], None),
    ("less than a run", [[1, 2]], [1, 2], None),
    ("too little to go by", [[1, 2, 3, 4]], [3], None),
    ("behind two", [[1, 2, 3]], [9, 1, 2], Successor(3, 2, 1)),
    ("behind three rather than two", [[1, 2, 3, 4], [8, 2, 3, 5]], [1, 2, 3], Successor(4, 3, 1)),
    ("twice", [[1, 2, 3]] * 2, [1, 2], Successor(3, 2, 2)),
    ("often", [[1, 2, 3]] * 9, [1, 2], Successor(3, 2, MOST_TIMES)),
    ("the usual one stays", [[1, 2, 3]] * 3 + [[1, 2, 4]], [1, 2], Successor(3, 2, 2)),
    ("another took its place", [[1, 2, 3], [1, 2, 4]], [1, 2], Successor(4, 2, 1)),
]


@pytest.mark.parametrize(
    ("texts", "last", "foretold"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_usual_successor(
    texts: list[list[int]], last: list[int], foretold: Successor | None
) -> None:
    known = Successors()
    for text in texts:
        known.learn(text)
    assert known.after(last) == foretold


def test_of_a_long_text_the_end_is_learnt() -> None:
    known = Successors()
    known.learn([*range(10_000)])
    assert known.after([9990, 9991]) == Successor(9992, 2, 1)
    assert known.after([10, 11]) is None


def test_what_is_long_past_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngram_table, "_GENERATION", 100)
    known = Successors()
    known.learn([1, 2, 3])
    known.learn([*range(10, 50)])
    assert known.after([1, 2]) == Successor(3, 2, 1)
    known.learn([*range(100, 200)])
    assert known.after([1, 2]) is None
    assert known.after([196, 197, 198]) == Successor(199, 3, 1)
