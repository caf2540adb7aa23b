"""Edits by whole lines: from one text of a document to another, and where a span has moved."""

from __future__ import annotations

from collections.abc import Sequence

from tabwright.checks.lines import diff_texts, span_of_lines, split_lines
from tabwright.core.text import Edit, Span


def line_edits(before: str, after: str) -> tuple[Edit, ...]:
    """The edits that turn ``before`` into ``after``: whole lines, and none that stay the same."""
    new = split_lines(after)
    return tuple(
        Edit(
            span_of_lines(before, block.old_start, block.old_end),
            "".join(new[block.new_start - 1 : block.new_end - 1]),
        )
        for block in diff_texts(before, after).blocks
    )


def moved(span: Span, old: str, new: str) -> Span:
    """Where a stretch of ``old`` stands in ``new``, without lines put in right above or below."""
    edits = line_edits(old, new)
    start = _moved_at(span.start, edits, is_end=False)
    return Span(start, max(start, _moved_at(span.end, edits, is_end=True)))


def _moved_at(at: int, edits: Sequence[Edit], *, is_end: bool) -> int:
    shift = 0
    for edit in edits:
        growth = len(edit.new_text) - len(edit.span)
        if edit.span.end <= at and (edit.span.start < at or not is_end):
            shift += growth
        elif edit.span.start < at:
            return edit.span.start + shift + (len(edit.new_text) if is_end else 0)
        else:
            break
    return at + shift
