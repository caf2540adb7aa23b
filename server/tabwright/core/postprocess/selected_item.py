"""Combine a completion with the item that is selected in the editor's completion list."""

from __future__ import annotations

from dataclasses import replace

from tabwright.core.text import Edit, Snapshot, Span, apply


def apply_edit(snapshot: Snapshot, edit: Edit) -> tuple[Snapshot, int]:
    """Return the document after an edit, and the cursor offset at the end of the new text."""
    text = apply(snapshot.text, [edit])
    return replace(snapshot, text=text), edit.span.start + len(edit.new_text)


def combine_edits(snapshot: Snapshot, first: Edit, then: Edit) -> Edit:
    """Combine two successive edits into one; ``then`` is an edit of the document after ``first``.

    Raises ValueError unless ``then`` ends at or after the end of ``first``'s new text.
    """
    after, end = apply_edit(snapshot, first)
    final = apply(after.text, [then])
    if then.span.end < end:
        raise ValueError(f"{then.span} ends before {end}, where the first edit does")
    start = min(first.span.start, then.span.start)
    last = then.span.end - len(after.text) + len(snapshot.text)
    return Edit(Span(start, last), final[start : then.span.start + len(then.new_text)])
