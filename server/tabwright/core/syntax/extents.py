"""Where functions and blocks end, by indentation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from tabwright.core.syntax.excerpt import Excerpt

_LABEL = re.compile(r"[ \t]*+(?:public|private|protected|signals|slots)[ \t]*+:[ \t]*+")
_INDENT_UNITS = {
    "go": "\t",
    "makefile": "\t",
    **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), "  "),
    **dict.fromkeys(("ruby", "lua", "dart", "scala", "html", "vue", "svelte", "css", "yaml"), "  "),
}


@dataclass(frozen=True)
class Function:
    """One function, in offsets into the excerpt's text.

    ``start`` is the start of the header's first line, ``opened`` the end of the header (after ``:``
    or ``{``), ``end`` the end of the last line. ``inner`` is the range between header and closer.
    ``lines``: the body has lines of its own. ``whole``: neither opener nor closer is missing.
    """

    name: str
    start: int
    opened: int
    inner: tuple[int, int]
    end: int
    parameters: str
    result: str
    is_async: bool
    lines: bool
    whole: bool


def indent_columns(line: str) -> int:
    """Return a line's indentation in columns, with tab stops every 4 columns."""
    blank = len(line) - len(line.lstrip(" \t"))
    return len(line[:blank].expandtabs(4)) if "\t" in line[:blank] else blank


def line_end(code: str, at: int) -> int:
    """Return the offset of the line end of the line at ``at``."""
    end = code.find("\n", at)
    return len(code) if end < 0 else end


def block_end(excerpt: Excerpt, at: int, margin: int) -> int:
    """Return the end of the lines from ``at`` on that are indented deeper than ``margin`` columns.

    Blank lines at the end are excluded; a closing brace at the margin is included.
    """
    code, end = excerpt.masked.code, at
    while at < len(code):
        stop = line_end(code, at)
        line = code[at:stop]
        if line.strip():
            after = _line_effect(excerpt, line, margin)
            if after is _BlockEnd.BEFORE:
                break
            end = stop
            if after is _BlockEnd.WITH:
                break
        elif excerpt.text[at:stop].strip() and indent_columns(excerpt.text[at:stop]) > margin:
            end = stop
        at = stop + 1
    return end if end == 0 or code[end - 1 : end] == "\n" else min(len(code), end + 1)


class _BlockEnd(Enum):
    """Whether a block continues after a line, ends with it, or ended before it."""

    NOT = 0
    WITH = 1
    BEFORE = 2


def _line_effect(excerpt: Excerpt, line: str, margin: int) -> _BlockEnd:
    width, first = indent_columns(line), line.lstrip()[0]
    if width > margin or (excerpt.language.id == "python" and first in ")]}"):
        return _BlockEnd.NOT
    if excerpt.language.id != "python" and width == margin:
        if _LABEL.fullmatch(line):
            return _BlockEnd.NOT
        if first == "}":
            return _BlockEnd.WITH
    return _BlockEnd.BEFORE


def indent_unit(excerpt: Excerpt) -> str:
    """Return one step of indentation as the surrounding lines use it, else the language's usual."""
    openers = excerpt.language.block_openers
    step_widths = []
    above = ""
    for line in excerpt.masked.code.split("\n"):
        if line.startswith("\t") and line.strip():
            return "\t"
        if line.strip():
            if openers and above.endswith(openers) and indent_columns(line) > indent_columns(above):
                step_widths.append(indent_columns(line) - indent_columns(above))
            above = line.rstrip()
    return " " * min(step_widths) if step_widths else _INDENT_UNITS.get(excerpt.language.id, "    ")
