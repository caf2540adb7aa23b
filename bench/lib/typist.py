"""A user who follows the suggestion half the time, as a machine without a clock or I/O.

Lines are typed in four ways in turn. In half of them the user has his own mind and types the line
of the file, whatever is shown (``own``). In the others he begins with ``OWN_CHARACTERS``
characters of the line and then follows the first suggestion that is shown: he types its first line
a character at a time (``along``), or takes all of it with one key (``tab``), and is done with the
line. While nothing is shown he types on in the line of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.lib.lines import Line
from tabwright.lsp.language_client import Item

Way = Literal["own", "along", "tab"]
WAYS: tuple[Way, ...] = ("own", "along", "own", "tab")
OWN_CHARACTERS = 3


def way_of(index: int) -> Way:
    """How the line with this number, from 0, is typed."""
    return WAYS[index % len(WAYS)]


@dataclass
class Typist:
    """Types one line; ``text`` and ``cursor`` are the buffer as it is now."""

    line: Line
    way: Way
    text: str = ""
    cursor: int = 0
    keys: int = 0
    _following: str | None = None  # what is still to be typed of the suggestion
    _done: bool = False

    def __post_init__(self) -> None:
        self.text, self.cursor = self.line.buffer(0), self.line.cursor(0)

    def press(self, shown: Item | None) -> bool:
        """Press the next key, with this suggestion before the eyes; False when the line is done."""
        if self._done:
            return False
        if self._following is None and self.keys >= OWN_CHARACTERS and _adds(shown, self.cursor):
            assert shown is not None
            if self.way == "tab":
                return self._take(shown)
            if self.way == "along":
                self._following = _rest(shown, self.cursor).splitlines()[0]
        if self._following is not None:
            return self._type_along()
        code = self.line.code
        if self.keys >= len(code):
            self._done = True
            return False
        return self._type(code[self.keys])

    def _take(self, shown: Item) -> bool:
        behind = len(self.text) - max(shown.end, self.cursor)
        self.text = shown.apply(self.text)
        self.cursor = len(self.text) - behind
        self.keys += 1
        self._done = True
        return True

    def _type_along(self) -> bool:
        if not self._following:
            self._done = True
            return False
        character, self._following = self._following[0], self._following[1:]
        return self._type(character)

    def _type(self, character: str) -> bool:
        self.text = self.text[: self.cursor] + character + self.text[self.cursor :]
        self.cursor += 1
        self.keys += 1
        return True


def _rest(shown: Item, cursor: int) -> str:
    """What a suggestion adds behind the cursor."""
    return shown.new_text[cursor - shown.start :]


def _adds(shown: Item | None, cursor: int) -> bool:
    """Whether something is shown whose first line can be typed."""
    return shown is not None and bool(_rest(shown, cursor).split("\n")[0].strip())
