"""Detect the end of an answer: a stop text, or a repetition of the text after the cursor."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

_MIN_REPEATED = 16  # characters without blanks that count as a repetition of the suffix
_MIN_REPEATED_LINE = 6  # the same, when they are a whole line


@dataclass
class StopDetector:
    """Decodes an answer's bytes to text up to the first stop text or repetition of the suffix.

    `feed` returns the text that certainly belongs to the answer; `reason` is set at its end.
    """

    stops: Sequence[str] = ()
    suffix: str = ""
    reason: str | None = None

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._returned = 0
        self._suffixes = [self.suffix] if self.suffix.strip() else []
        bare = self.suffix.lstrip("\r\n")
        if bare != self.suffix and bare.strip():
            self._suffixes.append(bare)

    def feed(self, data: bytes, final: bool = False) -> str:
        """Add bytes (`final`: the last ones); return the text that is now certain."""
        self._text += self._decoder.decode(data, final)
        end = self._first_stop()
        if end is None:
            end = self._repeated_suffix(final)
        if end is None:
            end = len(self._text) if final else self._certain_end()
        new = self._text[self._returned : end]
        self._returned = max(self._returned, end)
        return new

    def _first_stop(self) -> int | None:
        found = [at for stop in self.stops if (at := self._text.find(stop, self._returned)) >= 0]
        if found:
            self.reason = "text"
        return min(found, default=None)

    def _repeated_suffix(self, final: bool) -> int | None:
        for suffix in self._suffixes:
            at = repeats_suffix(self._text, suffix, self._returned, final)
            # Without its line end, an indented line also matches the end of a deeper one.
            inside = suffix is not self.suffix and at and self._text[at - 1] != "\n"
            if at is not None and not inside:
                self.reason = "suffix"
                return at
        return None

    def _certain_end(self) -> int:
        """Return the offset where a stop text or the suffix may begin; text after it is held."""
        end = len(self._text)
        for at in range(self._returned, len(self._text)):
            tail = self._text[at:]
            if any(stop.startswith(tail) for stop in self.stops):
                return at
            if any(suffix.startswith(tail) for suffix in self._suffixes):
                return at
        return end


def repeats_suffix(text: str, suffix: str, start: int = 0, final: bool = False) -> int | None:
    """Return the offset at or after `start` where `text` begins to repeat `suffix`, or None.

    A repetition counts when it is long enough not to be a coincidence: 16 characters, or a whole
    line of 6, blanks not counted; or, at the end of the answer, the whole suffix.
    """
    first = suffix[:1]
    at = text.find(first, start)
    while at >= 0:
        tail = text[at:]
        if tail.startswith(suffix) and _nonblank(suffix) >= _MIN_REPEATED_LINE:
            return at
        if suffix.startswith(tail) and _is_repetition(tail):
            return at
        at = text.find(first, at + 1)
    if final and suffix.strip() and text[start:].endswith(suffix.rstrip()):
        return len(text) - len(suffix.rstrip())
    return None


def _is_repetition(tail: str) -> bool:
    if _nonblank(tail) >= _MIN_REPEATED:
        return True
    whole_lines = tail.rpartition("\n")[0]
    return _nonblank(whole_lines) >= _MIN_REPEATED_LINE


def _nonblank(text: str) -> int:
    return sum(map(len, text.split()))
