"""What became of a suggestion, told from the document alone: no editor need report it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from tabwright.core.text import Edit, apply

_LEAST = 2  # characters that must come at once: fewer are typed
_ROOM = 300  # characters around its place among which accepted text is looked for
_SHORTEST_RUN = 3
_MOSTLY = 0.67


@dataclass(frozen=True)
class Shown:
    """A suggestion and the document it was for; ``after`` is the document with it accepted.

    ``start`` and ``end`` are offsets in ``after`` of what it adds.
    """

    text: str
    after: str
    start: int
    end: int

    @classmethod
    def of(cls, text: str, edit: Edit) -> Shown:
        """The suggestion of an edit to ``text``."""
        start, new = edit.span.start, edit.new_text
        pairs = zip(text[start : edit.span.end], new, strict=False)
        typed = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        return cls(text, apply(text, [edit]), start + typed, start + len(new))


@dataclass(frozen=True)
class Step:
    """How a document has come closer to a suggestion; ``rest`` is what is still to come of it.

    ``inserted`` stands at ``start``. A step of few characters was typed, not accepted.
    """

    inserted: str
    start: int
    rest: Shown | None

    @property
    def accepted(self) -> bool:
        """Whether the text came at once, as no typing does."""
        return len(self.inserted) >= _LEAST


def step(shown: Shown, text: str) -> Step | None:
    """How this later text follows a suggestion; None where it went another way."""
    start = shown.start
    at = start + len(text) - len(shown.text)
    if text == shown.after:
        return Step(text[start:at], start, None)
    follows = start < at < shown.end and text[:at] == shown.after[:at]
    if not follows or text[at:] != shown.text[start:]:
        return None
    return Step(text[start:at], start, Shown(text, shown.after, at, shown.end))


def is_kept(inserted: str, start: int, text: str) -> bool:
    """Whether most of an accepted text still stands near its place in a later document."""
    wanted = inserted.strip()
    if not wanted or wanted in text:
        return True
    near = text[max(0, start - _ROOM) : start + len(inserted) + _ROOM]
    blocks = SequenceMatcher(None, wanted, near, autojunk=False).get_matching_blocks()
    found = sum(block.size for block in blocks if block.size >= _SHORTEST_RUN)
    return found >= _MOSTLY * len(wanted)
