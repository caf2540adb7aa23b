"""When an answer ends: a stop text, or the text after the cursor beginning to be repeated."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

_SURE = 16  # characters, not counting blanks, that a repeated suffix must show anywhere
_SURE_LINE = 6  # the same, when they make up a whole line


@dataclass
class StopText:
    """Turns bytes into text as they come, ending at the first stop text or repeated suffix.

    `feed` returns what is sure to belong to the answer; `reason` is set once it has ended.
    """

    stops: Sequence[str] = ()
    suffix: str = ""
    reason: str | None = None

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._given = 0
        self._suffixes = [self.suffix] if self.suffix.strip() else []
        bare = self.suffix.lstrip("\r\n")
        if bare != self.suffix and bare.strip():
            self._suffixes.append(bare)

    def feed(self, data: bytes, final: bool = False) -> str:
        """Take the next bytes (`final`: no more will come); return the text now settled."""
        self._text += self._decoder.decode(data, final)
        end = self._first_stop()
        if end is None:
            end = self._repeated_suffix(final)
        if end is None:
            end = len(self._text) if final else self._settled()
        new = self._text[self._given : end]
        self._given = max(self._given, end)
        return new

    def _first_stop(self) -> int | None:
        found = [at for stop in self.stops if (at := self._text.find(stop, self._given)) >= 0]
        if found:
            self.reason = "text"
        return min(found, default=None)

    def _repeated_suffix(self, final: bool) -> int | None:
        for suffix in self._suffixes:
            at = repeats_suffix(self._text, suffix, self._given, final)
            # Without its line end, an indented line also ends a deeper one: not the same line.
            inside = suffix is not self.suffix and at and self._text[at - 1] != "\n"
            if at is not None and not inside:
                self.reason = "suffix"
                return at
        return None

    def _settled(self) -> int:
        """Hold back what may yet turn out to be the start of a stop text or of the suffix."""
        end = len(self._text)
        for at in range(self._given, len(self._text)):
            tail = self._text[at:]
            if any(stop.startswith(tail) for stop in self.stops):
                return at
            if any(suffix.startswith(tail) for suffix in self._suffixes):
                return at
        return end


def repeats_suffix(text: str, suffix: str, start: int = 0, final: bool = False) -> int | None:
    """Return the offset at or after `start` where `text` turns into the start of `suffix`.

    It counts once enough has been repeated that chance is ruled out: 16 characters, or a whole
    line of 6, not counting blanks, or, at the end of the answer, all there is of the suffix.
    """
    first = suffix[:1]
    at = text.find(first, start)
    while at >= 0:
        tail = text[at:]
        if tail.startswith(suffix) and _weight(suffix) >= _SURE_LINE:
            return at
        if suffix.startswith(tail) and _enough(tail):
            return at
        at = text.find(first, at + 1)
    if final and suffix.strip() and text[start:].endswith(suffix.rstrip()):
        return len(text) - len(suffix.rstrip())
    return None


def _enough(tail: str) -> bool:
    if _weight(tail) >= _SURE:
        return True
    whole_lines = tail.rpartition("\n")[0]
    return _weight(whole_lines) >= _SURE_LINE


def _weight(text: str) -> int:
    return sum(map(len, text.split()))
