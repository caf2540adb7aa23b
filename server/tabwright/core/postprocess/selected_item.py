"""Texts as they would be once something in them is accepted."""

from __future__ import annotations

from dataclasses import replace

from tabwright.core.text import Edit, Snapshot, Span, apply


def apply_edit(snapshot: Snapshot, edit: Edit) -> tuple[Snapshot, int]:
    """The document after an edit, and the cursor at the end of what was put in."""
    text = apply(snapshot.text, [edit])
    return replace(snapshot, text=text), edit.span.start + len(edit.new_text)


def combine_edits(snapshot: Snapshot, first: Edit, then: Edit) -> Edit:
    """One edit of the document that does ``first`` and ``then``, which is an edit of what it gives.

    ``then`` must end behind what ``first`` puts in, or at its end.
    """
    after, end = apply_edit(snapshot, first)
    final = apply(after.text, [then])
    if then.span.end < end:
        raise ValueError(f"{then.span} ends before {end}, where the first edit does")
    start = min(first.span.start, then.span.start)
    last = then.span.end - len(after.text) + len(snapshot.text)
    return Edit(Span(start, last), final[start : then.span.start + len(then.new_text)])
