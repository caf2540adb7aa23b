"""The whole lines around an offset, with strings and comments masked.

All work is bounded by the requested reach, however long the document or its lines are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tabwright.core.languages import Language
from tabwright.core.text import Span, line_span, scrub_surrogates

REACH = 8_000
_LONGEST_LINE = 4_000
_FILLER = '"'
_LONG_QUOTES = ('"""', "'''", "`")
# Languages in which "#" begins a comment only after a blank, because words may contain it.
_BLANK_BEFORE = ("shellscript", "perl", "yaml", "makefile", "dockerfile", "powershell")
_REGEX_LITERALS = ("javascript", "javascriptreact", "typescript", "typescriptreact")
# Lines that are surely outside a string: masking starts there if the text's start is out of reach.
_OUTSIDE_STRING = re.compile(
    r"^(?:(?:async )?def \w+\(|class \w+[(:]|@\w|import \w|from [\w.]+ import )", re.MULTILINE
)


@dataclass(frozen=True)
class CommentSpan:
    """The span of one line comment or one block comment."""

    span: Span
    block: bool


@dataclass(frozen=True)
class Masked:
    r"""A text of the same length with its strings and comments masked.

    ``code`` has ``"`` for every character of a string, including line ends, so that a string of
    several lines becomes one line; comments are blank. Spans are offsets into the text.
    """

    code: str
    comments: tuple[CommentSpan, ...]
    strings: tuple[Span, ...]


@dataclass(frozen=True)
class Excerpt:
    r"""Whole lines of a document from the offset ``base`` on.

    ``text`` is as long as in the document, but every line ends in ``\n`` alone (``\r\n`` becomes a
    blank and ``\n``) and lone surrogates are U+FFFD. ``at`` is the requested offset, as an offset
    into ``text``. ``from_document_start`` is True if ``base`` is 0.
    """

    base: int
    text: str
    at: int
    language: Language
    from_document_start: bool

    @cached_property
    def masked(self) -> Masked:
        """The text with strings and comments masked."""
        start = 0
        if not self.from_document_start and self.language.id == "python":
            safe_start = _OUTSIDE_STRING.search(self.text)
            start = safe_start.start() if safe_start and safe_start.start() <= self.at else 0
        return mask(self.text, self.language, start)

    @cached_property
    def bare(self) -> str:
        """The text with comments blanked out and strings unchanged."""
        parts = []
        copied_to = 0
        for comment in self.masked.comments:
            parts.append(self.text[copied_to : comment.span.start])
            copied_to = comment.span.end
            parts.append(self.masked.code[comment.span.start : copied_to])
        return "".join((*parts, self.text[copied_to:]))

    def span(self, start: int, end: int) -> Span:
        """Convert a range of ``text`` to a span of the document."""
        return Span(self.base + start, self.base + end)

    def line(self, at: int) -> str:
        r"""Return the line of ``text`` that holds the offset ``at``, without its line end."""
        return self.text[self.line_start(at) : self.line_end(at)]

    def line_start(self, at: int) -> int:
        """Return the start of the line at ``at``."""
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        r"""Return the end of the line at ``at``, before its ``\n``."""
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def next_line(self, at: int) -> int:
        """Return the start of the line after that of ``at``; the text's length if there is none."""
        return min(len(self.text), self.line_end(at) + 1)


def excerpt_around(
    text: str, offset: int, language: Language, reach: int = REACH
) -> Excerpt | None:
    """Return the whole lines within ``reach`` characters of an offset; None on a too long line.

    The lines stop before one of over 4,000 characters. Raises ValueError if the offset is outside.
    """
    line = line_span(text, offset)
    if len(line) > _LONGEST_LINE:
        return None
    low = max(0, line.start - reach)
    above = _normalized(text[low : line.start])
    lines = above.split("\n")[:-1]
    kept = _length_of_last_short_lines(lines if low == 0 else lines[1:])
    above = above[len(above) - kept :]
    high = min(len(text), line.end + max(reach, 2))
    if text[high - 1 : high + 1] == "\r\n":
        high += 1
    below = _normalized(text[line.end : high])
    below = below[: _length_of_first_short_lines(below, high == len(text))]
    base = line.start - len(above)
    middle = _normalized(text[line.start : line.end])
    at = min(offset, line.end) - base
    return Excerpt(base, above + middle + below, at, language, base == 0)


def whole_document(text: str, language: Language) -> Excerpt:
    """Return the whole document as an excerpt; lines may have any length."""
    return Excerpt(0, _normalized(text), 0, language, True)


def _normalized(piece: str) -> str:
    if "\r" in piece:
        piece = piece.replace("\r\n", " \n").replace("\r", "\n")
    return scrub_surrogates(piece)


def _length_of_last_short_lines(lines: list[str]) -> int:
    """Return the length, with line ends, of the last lines up to one that is too long."""
    kept = 0
    for line in reversed(lines):
        if len(line) > _LONGEST_LINE:
            break
        kept += len(line) + 1
    return kept


def _length_of_first_short_lines(below: str, to_end: bool) -> int:
    """Return the length of the whole lines at the start of the text before one is too long."""
    kept = 0
    lines = below.split("\n")
    for number, line in enumerate(lines):
        last = number == len(lines) - 1
        if len(line) > _LONGEST_LINE or (last and not to_end):
            break
        kept += len(line) + (not last)
    return kept


def mask(text: str, language: Language, start: int = 0) -> Masked:
    r"""Mask strings and comments from ``start`` on; lines must end in ``\n``."""
    parts = [text[:start]]
    comments: list[CommentSpan] = []
    strings: list[Span] = []
    copied_to = start
    for found in _pattern(language).finditer(text, start):
        if found.lastgroup == "escaped":
            continue
        parts.append(text[copied_to : found.start()])
        copied_to = found.end()
        span = Span(found.start(), copied_to)
        if found.lastgroup == "string":
            strings.append(span)
            parts.append(_FILLER * len(span))
            continue
        comments.append(CommentSpan(span, found.lastgroup == "block"))
        parts.append("\n".join(" " * len(line) for line in found[0].split("\n")))
    parts.append(text[copied_to:])
    return Masked("".join(parts), tuple(comments), tuple(strings))


@lru_cache(maxsize=64)
def _pattern(language: Language) -> re.Pattern[str]:
    alternatives = []
    if language.block_comment:
        start, end = (re.escape(sign) for sign in language.block_comment)
        alternatives.append(f"(?P<block>{start}(?s:.)*?(?:{end}|\\Z))")
    if language.line_comment:
        before = r"(?<!\S)" if language.id in _BLANK_BEFORE else ""
        alternatives.append(f"(?P<line>{before}{re.escape(language.line_comment)}[^\\n]*)")
    strings = [_string(quote) for quote in sorted(language.quotes, key=len, reverse=True)]
    if language.id == "rust":
        strings.append(r"'(?:\\.[^'\n]{0,8}|[^'\\\n])'")
    if language.id in _REGEX_LITERALS:
        inside = r"(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.){0,80}+\]){1,200}+"
        strings.append(rf"(?<=[=(,:\[!&|?{{}}; ])/(?![/*\s=]){inside}/")
    if strings:
        alternatives.append(f"(?P<string>{'|'.join(strings)})")
        # No string begins at an escaped quote; otherwise each one after an unclosed string would
        # search all the rest for its end, in quadratic time.
        alternatives.append(r"(?P<escaped>\\[\"'`])")
    return re.compile("|".join(alternatives) or r"(?!)")


def _string(quote: str) -> str:
    """Return the pattern of a string; an unclosed one ends with its line, whatever its quotes."""
    sign = re.escape(quote)
    if quote not in _LONG_QUOTES:
        return f"{sign}(?:\\\\[^\\n]|[^{sign}\\\\\\n])*{sign}?"
    char = re.escape(quote[0])
    more = f"|{char}(?!{re.escape(quote[1:])})" if len(quote) > 1 else ""
    inside = f"[^{char}\\\\]*(?:(?:\\\\(?s:.){more})[^{char}\\\\]*)*"
    return f"{sign}{inside}{sign}|{sign}[^\\n]*"
