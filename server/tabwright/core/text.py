"""Immutable text: snapshots of a buffer, spans and edits; all offsets count into ``str``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\n|\r")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of offsets; ValueError unless ``0 <= start <= end``."""

    start: int
    end: int

    def __post_init__(self) -> None:
        """Raise ValueError for an invalid range."""
        if not 0 <= self.start <= self.end:
            raise ValueError(f"no span from {self.start} to {self.end}")

    def __len__(self) -> int:
        """Return the number of characters."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of ``span`` with ``new_text``."""

    span: Span
    new_text: str


@dataclass(frozen=True)
class Snapshot:
    """A buffer at one version; immutable."""

    uri: str
    language_id: str
    version: int
    text: str


def line_starts(text: str) -> tuple[int, ...]:
    r"""Return the offset of each line's start; lines end at ``\r\n``, ``\n`` or ``\r`` alone."""
    return (0, *(found.end() for found in _LINE_END.finditer(text)))


def line_span(text: str, offset: int) -> Span:
    """Return the line that holds ``offset``, without its line end; takes time linear in that line.

    An offset between ``\\r`` and ``\\n`` counts as the end of the line before.
    Raises ValueError when the offset lies outside the text.
    """
    if not 0 <= offset <= len(text):
        raise ValueError(f"offset {offset} lies outside a text of {len(text)} characters")
    if 0 < offset < len(text) and text[offset - 1] == "\r" and text[offset] == "\n":
        offset -= 1
    # Search for \r only inside the line found by \n, because most texts have none.
    start = text.rfind("\n", 0, offset) + 1
    start = max(start, text.rfind("\r", start, offset) + 1)
    newline = text.find("\n", offset)
    end = len(text) if newline < 0 else newline
    carriage = text.find("\r", offset, end)
    return Span(start, end if carriage < 0 else carriage)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Apply all edits; offsets count in the old text, inserts at one offset keep their order.

    Raises ValueError when two edits overlap or one lies outside the text.
    """
    parts: list[str] = []
    end_of_last = 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
        if edit.span.start < end_of_last:
            raise ValueError("two edits overlap")
        if edit.span.end > len(text):
            raise ValueError(f"an edit ends at {edit.span.end}, past the text's {len(text)}")
        parts += (text[end_of_last : edit.span.start], edit.new_text)
        end_of_last = edit.span.end
    return "".join((*parts, text[end_of_last:]))


def minimal(text: str, edit: Edit) -> Edit:
    """Return the same change without the common start and end of old and new text."""
    old, new = text[edit.span.start : edit.span.end], edit.new_text
    head = common_prefix(old, new)
    tail = common_prefix(old[head:][::-1], new[head:][::-1])
    return Edit(Span(edit.span.start + head, edit.span.end - tail), new[head : len(new) - tail])


def difference(old: str, new: str) -> tuple[Edit, ...]:
    """Return the one edit that turns ``old`` into ``new``, none if they are equal."""
    if old == new:
        return ()
    return (minimal(old, Edit(Span(0, len(old)), new)),)


def common_prefix(left: str, right: str) -> int:
    """Return the length of the longest common prefix; found by bisection."""
    low, high = 0, min(len(left), len(right))
    if left[:high] == right[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low


def scrub_surrogates(text: str) -> str:
    """Replace every lone surrogate with U+FFFD, so that the text can be encoded as UTF-8."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def unix_line_ends(text: str) -> str:
    r"""Replace every ``\r\n`` and lone ``\r`` with ``\n``."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def indent_of(line: str) -> str:
    """Return the blanks and tabs at the start of a line."""
    return line[: len(line) - len(line.lstrip(" \t"))]
