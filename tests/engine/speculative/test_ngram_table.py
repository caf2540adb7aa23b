"""The n-gram table: the usual next token, its replacement, and how old entries are dropped."""

from __future__ import annotations

import pytest

from tabwright.engine.speculative import ngram_table
from tabwright.engine.speculative.ngram_table import MAX_WEIGHT, NgramEntry, NgramTable

# name, texts, last tokens, what is expected
CASES: list[tuple[str, list[list[int]], list[int], NgramEntry | None]] = [
    ("nothing was read", [], [1, 2, 3], None),
    ("less than a run", [[1, 2]], [1, 2], None),
    ("too little to go by", [[1, 2, 3, 4]], [3], None),
    ("behind two", [[1, 2, 3]], [9, 1, 2], NgramEntry(3, 2, 1)),
    ("behind three rather than two", [[1, 2, 3, 4], [8, 2, 3, 5]], [1, 2, 3], NgramEntry(4, 3, 1)),
    ("twice", [[1, 2, 3]] * 2, [1, 2], NgramEntry(3, 2, 2)),
    ("often", [[1, 2, 3]] * 9, [1, 2], NgramEntry(3, 2, MAX_WEIGHT)),
    ("the usual one stays", [[1, 2, 3]] * 3 + [[1, 2, 4]], [1, 2], NgramEntry(3, 2, 2)),
    ("another took its place", [[1, 2, 3], [1, 2, 4]], [1, 2], NgramEntry(4, 2, 1)),
]


@pytest.mark.parametrize(
    ("texts", "last", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_next_token(texts: list[list[int]], last: list[int], expected: NgramEntry | None) -> None:
    known = NgramTable()
    for text in texts:
        known.learn(text)
    assert known.next_token(last) == expected


def test_only_the_end_of_a_long_text_is_learned() -> None:
    known = NgramTable()
    known.learn([*range(10_000)])
    assert known.next_token([9990, 9991]) == NgramEntry(9992, 2, 1)
    assert known.next_token([10, 11]) is None


def test_old_entries_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngram_table, "_MAX_ENTRIES", 100)
    known = NgramTable()
    known.learn([1, 2, 3])
    known.learn([*range(10, 50)])
    assert known.next_token([1, 2]) == NgramEntry(3, 2, 1)
    known.learn([*range(100, 200)])
    assert known.next_token([1, 2]) is None
    assert known.next_token([196, 197, 198]) == NgramEntry(199, 3, 1)
