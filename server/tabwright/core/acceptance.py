"""Detect whether a suggestion was accepted, from the document's text alone."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from tabwright.core.text import Edit, apply

_MIN_INSERTED = 2  # characters inserted in one change; fewer count as typed
_SEARCH_RADIUS = 300  # characters around its position in which accepted text is searched
_MIN_BLOCK = 3  # characters of a matching block that counts
_KEPT_SHARE = 0.67  # of the text that must remain


@dataclass(frozen=True)
class Shown:
    """A shown suggestion and its document; ``after`` is the document with it accepted.

    ``start`` and ``end`` are the offsets in ``after`` of the added text.
    """

    text: str
    after: str
    start: int
    end: int

    @classmethod
    def of(cls, text: str, edit: Edit) -> Shown:
        """Return the suggestion that an edit to ``text`` shows."""
        start, new = edit.span.start, edit.new_text
        pairs = zip(text[start : edit.span.end], new, strict=False)
        typed = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        return cls(text, apply(text, [edit]), start + typed, start + len(new))


@dataclass(frozen=True)
class Step:
    """A change of the document that follows a suggestion; ``rest`` is its remaining part.

    ``inserted`` is at offset ``start``. A step of one character was typed, not accepted.
    """

    inserted: str
    start: int
    rest: Shown | None

    @property
    def accepted(self) -> bool:
        """Whether so much text was inserted at once that it was not typed."""
        return len(self.inserted) >= _MIN_INSERTED


def step(shown: Shown, text: str) -> Step | None:
    """Return the change from the suggestion's document to this later text; None if unrelated."""
    start = shown.start
    at = start + len(text) - len(shown.text)
    if text == shown.after:
        return Step(text[start:at], start, None)
    follows = start < at < shown.end and text[:at] == shown.after[:at]
    if not follows or text[at:] != shown.text[start:]:
        return None
    return Step(text[start:at], start, Shown(text, shown.after, at, shown.end))


def is_kept(inserted: str, start: int, text: str) -> bool:
    """Tell whether most of an accepted text is still near its position in a later document."""
    wanted = inserted.strip()
    if not wanted or wanted in text:
        return True
    near = text[max(0, start - _SEARCH_RADIUS) : start + len(inserted) + _SEARCH_RADIUS]
    blocks = SequenceMatcher(None, wanted, near, autojunk=False).get_matching_blocks()
    found = sum(block.size for block in blocks if block.size >= _MIN_BLOCK)
    return found >= _KEPT_SHARE * len(wanted)
