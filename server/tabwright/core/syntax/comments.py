"""Find comments as blocks of whole lines, and return their text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tabwright.core.languages import Language
from tabwright.core.syntax.excerpt import Excerpt
from tabwright.core.text import Span, indent_of

_STRING = re.compile(r"[rRuUbB]{0,2}(?P<quote>\"\"\"|'''|\"|')")
# Ends of a line whose statement continues with a string on the next line.
_STATEMENT_CONTINUES = tuple("([{,=+\\%|")
_STARS = re.compile(r"\A[ \t]*+\*++(?!/)(?: |(?=\t)|$)")


@dataclass(frozen=True)
class Comment:
    """One comment of whole lines.

    ``span`` holds the lines with line ends, ``text`` the text without comment signs and common
    indentation, ``indent`` the first line's indentation. ``string``: it is a string expression, as
    docstrings are.
    """

    span: Span
    text: str
    indent: str
    string: bool = False


@dataclass(frozen=True)
class CommentBlock:
    """The lines of one comment, in offsets into the excerpt; ``end`` is after the line end."""

    start: int
    end: int
    kind: str


@lru_cache(maxsize=2)
def blocks(excerpt: Excerpt) -> tuple[CommentBlock, ...]:
    """Return every comment on lines of its own; adjacent line comments are one block."""
    return tuple(_blocks(excerpt))


def _blocks(excerpt: Excerpt) -> Iterator[CommentBlock]:
    pending: CommentBlock | None = None
    indent = ""
    for begin, finish, kind in _comment_ranges(excerpt):
        start, end = excerpt.line_start(begin), excerpt.next_line(max(begin, finish - 1))
        if excerpt.text[start:begin].strip() or excerpt.masked.code[finish:end].strip():
            continue
        indent_here = excerpt.text[start:begin]
        if (
            pending
            and pending.kind == kind == "line"
            and pending.end == start
            and indent == indent_here
        ):
            pending = CommentBlock(pending.start, end, kind)
            continue
        if pending:
            yield pending
        pending, indent = CommentBlock(start, end, kind), indent_here
    if pending:
        yield pending


def _comment_ranges(excerpt: Excerpt) -> list[tuple[int, int, str]]:
    found = [
        (comment.span.start, comment.span.end, "block" if comment.block else "line")
        for comment in excerpt.masked.comments
    ]
    if excerpt.language.id == "python":
        found += [(*ends, "string") for ends in _string_statements(excerpt)]
    return sorted(found)


def _string_statements(excerpt: Excerpt) -> Iterator[tuple[int, int]]:
    """Yield the ranges of strings that are whole statements, including their prefixes."""
    for span in excerpt.masked.strings:
        head = excerpt.text[excerpt.line_start(span.start) : span.start].lstrip(" \t")
        if len(head) > 2 or head.strip("rRuUbB"):
            continue
        before = excerpt.masked.code[: span.start - len(head)].rstrip()[-1:]
        long = excerpt.text.startswith(('"""', "'''"), span.start)
        if before not in _STATEMENT_CONTINUES and (long or before != '"'):
            yield span.start - len(head), span.end


def comment_of(excerpt: Excerpt, block: CommentBlock) -> Comment:
    """Return the comment of a block, with its span in the document."""
    raw = excerpt.text[block.start : block.end]
    text = _TEXT_OF[block.kind](raw, excerpt.language)
    return Comment(
        excerpt.span(block.start, block.end), text, indent_of(raw), block.kind == "string"
    )


def dedented(lines: list[str]) -> str:
    """Join lines without the indentation that all after the first share, as in docstrings."""
    lines = [line.rstrip().expandtabs(4) for line in lines]
    first = lines[0].strip() if lines else ""
    rest = lines[1:]
    margins = [len(line) - len(line.lstrip()) for line in rest if line]
    margin = min(margins, default=0)
    return "\n".join([first, *(line[margin:] for line in rest)]).strip("\n")


def _line_comment_text(raw: str, language: Language) -> str:
    sign = language.line_comment
    pattern = _line_sign(sign)
    stripped = [pattern.sub("", line, count=1) for line in raw.splitlines()]
    shared = min((len(line) - len(line.lstrip()) for line in stripped if line.strip()), default=0)
    return "\n".join(line[shared:].rstrip() for line in stripped).strip("\n")


@lru_cache(maxsize=16)
def _line_sign(sign: str) -> re.Pattern[str]:
    """Return the pattern of a line comment's sign; its last character may repeat."""
    last_char = re.escape(sign[-1])
    return re.compile(rf"(?<![ \t])[ \t]*+{re.escape(sign)}{last_char}*+(?:!(?=\s|$))?")


def _block_comment_text(raw: str, language: Language) -> str:
    opener, closer = language.block_comment or ("", "")
    stripped = raw.strip().removeprefix(opener).removesuffix(closer)
    if opener == "/*":
        stripped = stripped.lstrip("*!").rstrip("*")
    lines = stripped.split("\n")
    starred = [line for line in lines[1:] if line.strip()]
    if starred and all(_STARS.match(line) for line in starred):
        lines[1:] = [_STARS.sub("", line, count=1) for line in lines[1:]]
    return dedented(lines)


def _string_text(raw: str, language: Language) -> str:
    return dedented(string_lines(raw))


def string_lines(literal: str) -> list[str]:
    """Return the lines of a string literal without prefix and quotes, otherwise unchanged."""
    stripped = literal.strip()
    opening_quote = _STRING.match(stripped)
    if opening_quote is None:
        return stripped.split("\n")
    return stripped[opening_quote.end() :].removesuffix(opening_quote["quote"]).split("\n")


_TEXT_OF = {"line": _line_comment_text, "block": _block_comment_text, "string": _string_text}
