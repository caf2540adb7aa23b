"""Detect accepted suggestions from the document's text alone."""

from __future__ import annotations

import pytest

from tabwright.core.acceptance import Shown, is_kept, step
from tabwright.core.text import Edit, Span

CURSOR = "║"


def shown(before: str, suggestion: str, rest: str = "") -> Shown:
    """Return a suggestion at the cursor that replaces the ``rest`` after it."""
    at = before.index(CURSOR)
    text = before.replace(CURSOR, "")
    return Shown.of(text, Edit(Span(at, at + len(rest)), suggestion))


@pytest.mark.parametrize(
    ("before", "suggestion", "later", "inserted", "left"),
    [
        ("x = ║\ny\n", "f(1)", "x = f(1)\ny\n", "f(1)", False),
        ("x = ║\ny\n", "f(1)", "x = f\ny\n", "f", True),
        ("x = ║\ny\n", "foo bar", "x = foo \ny\n", "foo ", True),
        ("x = f║\ny\n", "(1)\nz = 2", "x = f(1)\ny\n", "(1)", True),
        # Another text, one that grew elsewhere, one that shrank, one that went on by itself.
        ("x = ║\ny\n", "f(1)", "x = g\ny\n", None, False),
        ("x = ║\ny\n", "f(1)", "x = \ny\nf(1)\n", None, False),
        ("x = ║\ny\n", "f(1)", "x =\ny\n", None, False),
        ("x = ║\ny\n", "f(1)", "x = f(1)2\ny\n", None, False),
        # What follows begins as the suggestion does.
        ("(║))", ")", "()))", ")", False),
        ("a║\n", "\nb\n", "a\nb\n\n", "\nb\n", False),
        # The suggestion replaces what the editor closed by itself.
        ("f(║)", "1, 2)", "f(1, 2)", "1, 2", False),
        ("f(║)", "x for x in y)", "f(x for )", "x for ", True),
    ],
)
def test_step(before: str, suggestion: str, later: str, inserted: str | None, left: bool) -> None:
    rest = ")" if before.startswith("f(") else ""
    found = step(shown(before, suggestion, rest), later)
    if inserted is None:
        assert found is None
        return
    assert found is not None and found.inserted == inserted
    assert later[found.start : found.start + len(inserted)] == inserted
    assert (found.rest is not None) == left
    assert found.accepted == (len(inserted) > 1)


def test_typed_suggestion_is_not_accepted() -> None:
    one = shown("x = ║\n", "f(1)")
    for typed in ("f", "f(", "f(1"):
        found = step(one, f"x = {typed}\n")
        assert found is not None and found.rest is not None and not found.accepted
        one = found.rest
    found = step(one, "x = f(1)\n")
    assert found is not None and found.rest is None and not found.accepted


@pytest.mark.parametrize(
    ("inserted", "later", "kept"),
    [
        ("return a + b", "def f(a, b):\n    return a + b\n", True),
        ("return a + b", "def f(a, b):\n    return a + b + c\n", True),
        ("return total(a, b)", "def f(a, b):\n    return total(a, c)\n", True),
        ("return total(a, b)", "def f(a, b):\n    raise ValueError\n", False),
        ("return total(a, b)", "", False),
        ("\n", "", True),
    ],
)
def test_is_kept(inserted: str, later: str, kept: bool) -> None:
    assert is_kept(inserted, 17, later) is kept
