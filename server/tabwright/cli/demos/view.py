"""The demo's output: buffers with ghost text, a progress line; colours only on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from tabwright.lsp.language_client import Item, Json

LINES_ABOVE = 4
LINES_BELOW = 3
_CODES = {"bold": "1", "dim": "2", "ghost": "3;36", "green": "32", "red": "31"}


@dataclass
class View:
    """Writes to ``out``; ``live`` is whether that is a terminal, ``width`` its columns."""

    out: TextIO
    colours: bool
    live: bool
    width: int
    _line: str = ""

    @classmethod
    def of_terminal(cls) -> View:
        """The view of this process: plain when stdout is no terminal or NO_COLOR is set."""
        live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        # A terminal that cannot show a character shows a question mark instead of a traceback.
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")
        width = min(shutil.get_terminal_size((80, 24)).columns, 100)
        return cls(sys.stdout, live and not os.environ.get("NO_COLOR"), live, width)

    def paint(self, text: str, style: str) -> str:
        """The text in a style of the demo's."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colours and text else text

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line."""
        self.clear()
        print(self.paint(text, style) if style else text, file=self.out, flush=True)

    def title(self, text: str, about: str) -> None:
        """Print a heading as wide as the terminal."""
        rule = "─" * max(self.width - len(text) - len(about) - 6, 2)
        self.say()
        self.say(f"{self.paint(text, 'bold')}  {about} {self.paint(rule, 'dim')}")

    def progress(self, text: str) -> None:
        """Show the current step: in place on a terminal, else one line for each new text."""
        text = clip(text, self.width - 1)
        if self.live:
            print(f"\r\x1b[K{self.paint(text, 'dim')}", end="", file=self.out, flush=True)
        elif text != self._line:
            print(text, file=self.out, flush=True)
        self._line = text

    def clear(self) -> None:
        """Remove the progress line."""
        if self._line and self.live:
            print("\r\x1b[K", end="", file=self.out, flush=True)
        self._line = ""

    def buffer(self, text: str, offset: int, item: Item | None) -> None:
        """Print the lines around the cursor, with the suggestion as ghost text."""
        ghost = item.new_text if item else ""
        start = item.start if item else offset
        end = item.end if item else offset
        # A suggestion may repeat the text before the cursor; only the rest is shown as ghost text.
        typed = text[start:offset]
        if ghost.startswith(typed):
            ghost, start = ghost[len(typed) :], offset
        above = text[:start].split("\n")
        below = text[end:].split("\n")
        first = max(len(above) - 1 - LINES_ABOVE, 0)
        for number, line in enumerate(above[first:-1], start=first + 1):
            self._row(str(number), [(line, "")])
        new = ghost.split("\n")
        for index, piece in enumerate(new):
            row = [
                (above[-1] if index == 0 else "", ""),
                (self._marked(piece, index, new), "ghost"),
            ]
            if index == len(new) - 1:
                row.append((below[0], ""))
            self._row(str(len(above)) if index == 0 else "", row)
        for number, line in enumerate(below[1 : 1 + LINES_BELOW], start=len(above) + 1):
            self._row(str(number), [(line, "")])

    def _marked(self, piece: str, index: int, pieces: list[str]) -> str:
        """Put marks around the ghost text where there are no colours."""
        if self.colours or pieces == [""]:
            return piece
        return ("«" if index == 0 else "") + piece + ("»" if index == len(pieces) - 1 else "")

    def _row(self, number: str, parts: list[tuple[str, str]]) -> None:
        room = self.width - 7
        drawn = []
        for text, style in parts:
            shown = clip(text, room)
            room -= len(shown)
            drawn.append(self.paint(shown, style) if style else shown)
        row = f"{self.paint(f'{number:>4} │', 'dim')} {''.join(drawn)}"
        self.say(row.rstrip())


class LoadLine:
    """The line that shows the server's progress while the model is loaded."""

    def __init__(self, view: View) -> None:
        """Start to count the seconds."""
        self._view = view
        self._titles: dict[str, str] = {}
        self._text = "waiting for the model"
        self._started = time.perf_counter()

    def on_notification(self, method: str, params: Json) -> None:
        """Read a notification of the server; anything but progress is ignored."""
        value = params.get("value")
        if method != "$/progress" or not isinstance(value, dict):
            return
        token = str(params.get("token"))
        if value.get("kind") == "begin":
            self._titles[token] = str(value.get("title", ""))
        title, message = self._titles.get(token, ""), str(value.get("message") or "")
        percent = value.get("percentage")
        parts = [title, message, f"{percent} %" if percent is not None else ""]
        self._text = " · ".join(part for part in parts if part) or self._text

    def draw(self) -> None:
        """Show the line as it is now."""
        seconds = f"  {time.perf_counter() - self._started:.0f} s" if self._view.live else ""
        self._view.progress(f"{self._text} …{seconds}")


def clip(text: str, width: int) -> str:
    """At most ``width`` characters, the last an ellipsis when some are missing."""
    text = text.expandtabs(4)
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 0 else ""
