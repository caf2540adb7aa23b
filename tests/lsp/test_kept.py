"""Kept answers: ``║`` is the cursor of the question, ``│`` the one of the later request."""

from __future__ import annotations

import pytest

from tabwright.core.text import Edit, Span
from tabwright.lsp.kept import Kept


def kept(asked: str, *answers: str, invoked: bool = False) -> Kept:
    at = asked.index("║")
    found = Kept()
    edits = tuple(Edit(Span(at, at), answer) for answer in answers)
    found.put(asked.replace("║", ""), at, invoked, edits)
    return found


def rest(found: Kept, later: str, invoked: bool = False) -> list[str]:
    text = later.replace("│", "")
    edits = found.get(text, later.index("│"), invoked)
    assert all(edit.span == Span(later.index("│"), later.index("│")) for edit in edits)
    return [edit.new_text for edit in edits]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ("x = │\ny", ["foo(a)\n    b"]),
        ("x = f│\ny", ["oo(a)\n    b"]),
        ("x = foo(│\ny", ["a)\n    b"]),
        ("x = foo(a)\n    │\ny", ["b"]),
        ("x = foo(a)\n    b│\ny", []),
        ("x = g│\ny", []),
        ("x =│\ny", []),
        ("x = │\nz", []),
        ("z = │\ny", []),
        ("x = │f\ny", []),
        ("│x = \ny", []),
    ],
)
def test_the_rest_of_an_answer_serves_while_its_beginning_is_typed(
    later: str, expected: list[str]
) -> None:
    assert rest(kept("x = ║\ny", "foo(a)\n    b"), later) == expected


def test_by_hand_only_what_was_asked_by_hand_serves() -> None:
    automatic = kept("a║", "bc")
    assert rest(automatic, "a│", invoked=True) == []
    several = kept("a║", "bc", "bd", "x", invoked=True)
    assert rest(several, "a│", invoked=True) == ["bc", "bd", "x"]
    assert rest(several, "ab│", invoked=True) == ["c", "d"]
    assert rest(several, "ab│") == ["c"]


def test_closers_that_are_replaced_stay_replaced() -> None:
    found = Kept()
    found.put("f()", 2, False, (Edit(Span(2, 3), "a, b)"),))
    assert found.get("f(a)", 3, False) == (Edit(Span(3, 4), ", b)"),)
    assert found.get("f(a, b)", 6, False) == ()


def test_the_newest_answer_wins() -> None:
    found = kept("a║", "old")
    found.put("a", 1, False, (Edit(Span(1, 1), "new"),))
    assert rest(found, "a│") == ["new"]


def test_old_answers_go_when_there_are_many_or_their_texts_are_large() -> None:
    found = kept("a║", "b")
    for n in range(120):
        found.put(f"t{n}", 1, False, (Edit(Span(1, 1), "x"),))
    assert rest(found, "a│") == []
    assert found.get("t119", 1, False) and not found.get("t5", 1, False)
    large = kept("a║", "b")
    for n in range(3):
        text = f"{n}" * 5_000_000
        large.put(text, 1, False, (Edit(Span(1, 1), "x"),))
        assert large.get(text, 1, False)
    assert rest(large, "a│") == []
