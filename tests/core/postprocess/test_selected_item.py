"""Combine a completion with the selected item of the editor's list."""

from __future__ import annotations

import pytest

from tabwright.core.postprocess.selected_item import apply_edit, combine_edits
from tabwright.core.text import Edit, Snapshot, Span, apply


@pytest.mark.parametrize(
    ("text", "first", "then", "expected"),
    [
        # What is selected in the list, and what the model writes behind it.
        ("x=pri", Edit(Span(2, 5), "print"), Edit(Span(7, 7), "(1)"), Edit(Span(2, 5), "print(1)")),
        # Closers behind the cursor are replaced too.
        ("f(va)", Edit(Span(2, 4), "value"), Edit(Span(7, 8), ",1)"), Edit(Span(2, 5), "value,1)")),
        # The second one begins before the first.
        ("a.b", Edit(Span(2, 3), "bc"), Edit(Span(0, 4), "x.bcd"), Edit(Span(0, 3), "x.bcd")),
    ],
)  # fmt: skip
def test_two_edits_are_combined(text: str, first: Edit, then: Edit, expected: Edit) -> None:
    snapshot = Snapshot("file:///a.py", "python", 1, text)
    after, cursor = apply_edit(snapshot, first)
    assert cursor == first.span.start + len(first.new_text)
    found = combine_edits(snapshot, first, then)
    assert found == expected
    assert apply(text, [found]) == apply(after.text, [then])


def test_edit_that_ends_inside_the_first_is_refused() -> None:
    snapshot = Snapshot("file:///a.py", "python", 1, "x = pri\n")
    with pytest.raises(ValueError, match="ends before"):
        combine_edits(snapshot, Edit(Span(4, 7), "print"), Edit(Span(5, 6), "!"))
