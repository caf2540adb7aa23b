"""Parse Python text around a gap, with an answer in the gap."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, replace

_MAX_CHARS = 60_000
# The parser holds the GIL, for about 0.2 s with this many characters.
MAX_PARSED_CHARS = 200_000
_TOP_LEVEL_STATEMENT = re.compile(r"\n(?=[^\s)\]}#])(?!(?:else|elif|except|finally|case)\b)")
_FILLERS = ("", "pass", "x", "x)", "if x:", "x]", "x:")


def parses(source: str) -> bool:
    """Tell whether ``source`` parses as Python; False for text that is too long or too deep."""
    return len(source) <= _MAX_CHARS and tree_of(source) is not None


def tree_of(source: str) -> ast.Module | None:
    """Return the syntax tree of Python text; warnings are ignored.

    None if the text does not parse or is longer than ``MAX_PARSED_CHARS``.
    """
    if len(source) > MAX_PARSED_CHARS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


@dataclass(frozen=True)
class Frame:
    """The text before and after a gap that must be parsed together."""

    before: str
    after: str
    is_sound: bool = True  # parses with some simple text in the gap

    def parses_with(self, answer: str, skip: int = 0) -> bool:
        """Tell whether it parses with ``answer`` in place of the gap and ``skip`` characters."""
        return parses(self.before + answer + self.after[skip:])


def frame(text: str, offset: int) -> Frame | None:
    """Return the text to parse around ``offset``: the top-level statements near it, or all.

    The statements alone are quicker to parse and independent of errors elsewhere. If they do not
    parse with any simple filler in the gap (because of a multi-line string with unindented lines,
    for example), the whole text is tried. None if the text is too long to parse in time.
    """
    start = _frame_start(text, offset)
    # With the next statement, because a decorator needs it; then without, as it may be broken.
    ends = dict.fromkeys((_frame_end(text, offset, 2), _frame_end(text, offset, 1)))
    near = [Frame(text[start:offset], text[offset:end]) for end in ends]
    near = [gap for gap in near if len(gap.before) + len(gap.after) <= _MAX_CHARS]
    whole = [Frame(text[:offset], text[offset:])] if len(text) <= _MAX_CHARS else []
    for gap in near + whole:
        if _can_parse(gap):
            return gap
    return replace(near[0], is_sound=False) if near else None


def _can_parse(gap: Frame) -> bool:
    return any(gap.parses_with(filler) for filler in _FILLERS)


def _frame_start(text: str, offset: int) -> int:
    line = text.rfind("\n", 0, offset) + 1
    low = max(0, line - _MAX_CHARS)
    # Start at the statement before the cursor's line, because that line may be its ``else``.
    last = 0 if low == 0 else line
    for found in _TOP_LEVEL_STATEMENT.finditer(text, low, line):
        if found.end() < line:
            last = found.end()
    return last


def _frame_end(text: str, offset: int, statements: int) -> int:
    line_end = text.find("\n", offset)
    if line_end < 0:
        return len(text)
    high = min(len(text), line_end + _MAX_CHARS)
    for number, found in enumerate(_TOP_LEVEL_STATEMENT.finditer(text, line_end, high)):
        if number == statements - 1:
            return found.end()
    return high
