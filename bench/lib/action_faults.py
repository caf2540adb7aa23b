"""What no offered edit may do: fail to parse, touch lines outside its span, or upset black."""

from __future__ import annotations

import ast
import difflib
import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import black
import tree_sitter
from black.parsing import InvalidInput

_GRAMMARS: Mapping[str, tuple[str, str]] = {
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "java": ("tree_sitter_java", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
}
_IMPORT = re.compile(r"(?:from\s+[\w.]+\s+import|import)\b")


@dataclass(frozen=True)
class Broken:
    """Which of the three an edit has done."""

    unparsed: bool = False
    outside: int = 0
    unstable: bool = False

    def named(self) -> tuple[str, ...]:
        """In words, for the details."""
        found = {
            "does not parse": self.unparsed,
            f"{self.outside} lines outside the span touched": self.outside > 0,
            "black changes it": self.unstable,
        }
        return tuple(words for words, so in found.items() if so)


def broken(language_id: str, before: str, after: str, span: tuple[int, int] | None) -> Broken:
    """Check an edit that was offered without a warning.

    ``span`` are the offsets in ``before`` of what it may replace; None for a new document.
    """
    if not parses(language_id, after):
        return Broken(unparsed=True)
    outside = 0 if span is None else touched_outside(before, after, *span)
    python = language_id == "python" and span is not None
    return Broken(False, outside, python and not stable(before, after))


def parses(language_id: str, text: str) -> bool:
    """Whether a text has no syntax error."""
    if language_id == "python":
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            return False
        return True
    module, name = _GRAMMARS[language_id]
    language = tree_sitter.Language(getattr(importlib.import_module(module), name)())
    return not tree_sitter.Parser(language).parse(text.encode()).root_node.has_error


def touched_outside(before: str, after: str, start: int, end: int) -> int:
    """Lines of ``before`` outside ``before[start:end]`` that are changed, moved or gone.

    Whole lines belong to the span. Blank lines do not count, nor do imports above it.
    """
    lines = before.splitlines()
    first = before.count("\n", 0, start)
    last = before.count("\n", 0, max(start, end - 1))
    head, tail = _without_imports(lines[:first]), _filled(lines[last + 1 :])
    new = _filled(after.splitlines())
    kept = 0
    while kept < min(len(tail), len(new)) and tail[-1 - kept] == new[-1 - kept]:
        kept += 1
    rest = _without_imports(new[: len(new) - kept])
    at = 0
    while at < min(len(head), len(rest)) and head[at] == rest[at]:
        at += 1
    return len(head) - at + len(tail) - kept


def _without_imports(lines: Sequence[str]) -> list[str]:
    """The lines without import statements at the margin, and without blank ones."""
    found: list[str] = []
    inside = False
    for line in _filled(lines):
        if inside or _IMPORT.match(line):
            inside = ")" not in line if inside else "(" in line and ")" not in line
        else:
            found.append(line)
    return found


def _filled(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.strip()]


def stable(before: str, after: str) -> bool:
    """Whether black leaves the result alone: all of it, or, where it was not clean, what is new."""
    mode = black.Mode()
    if _formatted(before, mode) == before:
        return _formatted(after, mode) == after
    lines = changed_lines(before, after)
    if not lines:
        return True
    # Told of lines, black still sets the blank lines around them and those the file begins with.
    done = _formatted(after, mode, lines)
    return not any(
        first <= start and end <= last
        for start, end in _changes(after, done)
        for first, last in lines
    )


def changed_lines(before: str, after: str) -> list[tuple[int, int]]:
    """First and last numbers, from 1, of the stretches of ``after`` that are not in ``before``.

    Without blank lines at their rims: of several in a row nobody can tell which are new, and
    black, told of lines, sets fewer beside them than it does in a file as a whole.
    """
    lines = after.splitlines()
    stretches = [
        [number for number in range(start, end + 1) if lines[number - 1].strip()]
        for start, end in _changes(after, before)
    ]
    return [(filled[0], filled[-1]) for filled in stretches if filled]


def _changes(text: str, other: str) -> list[tuple[int, int]]:
    """First and last numbers of the lines of ``text`` that ``other`` lacks.

    Where it only has more, the number of the line behind the gap and of the one before it.
    """
    matcher = difflib.SequenceMatcher(None, text.splitlines(), other.splitlines(), autojunk=False)
    return [(first + 1, last) for tag, first, last, _, _ in matcher.get_opcodes() if tag != "equal"]


def _formatted(text: str, mode: black.Mode, lines: list[tuple[int, int]] | None = None) -> str:
    try:
        return black.format_str(text, mode=mode, lines=lines or ())
    except InvalidInput:
        return ""
