"""Parts of a document: the block around a span, its logical lines, and an outline of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from tabwright.core.languages import by_id
from tabwright.core.syntax.comments import CommentBlock, blocks, comment_of
from tabwright.core.syntax.excerpt import Excerpt, excerpt_around, whole_document
from tabwright.core.syntax.extents import block_end, indent_columns
from tabwright.core.syntax.functions import functions
from tabwright.core.syntax.headers import CLASS
from tabwright.core.syntax.signatures import REACH, find_decorators, signature_of
from tabwright.core.text import Span, indent_of, line_span

MAX_LINES = 80
_LINES_AROUND = 20
_MAX_CHARS = 400_000
_MAX_BRACKET_LINES = 30
_ALL_BRACKETS, _ROUND_BRACKETS = "()[]{}", "()[]"
_CONTINUES_STATEMENT = ("else", "elif", "except", "finally", "catch", "}", ")", "]")


@dataclass(frozen=True)
class Definition:
    """A function or class: its lines with decorators, its header and its documentation.

    ``doc`` is the first line of its docstring or of the comment above it.
    """

    name: str
    kind: Literal["function", "class"]
    span: Span
    header: str
    doc: str


def enclosing_block(text: str, span: Span, language_id: str) -> Span:
    """Return the whole lines of the smallest function or top-level statement that holds a span.

    If that has more than 80 lines, or there is none: up to 20 lines on both sides of the span.
    Raises ValueError when the span lies outside the text.
    """
    own = _whole_lines(text, span)
    excerpt = excerpt_around(text, span.start, by_id(language_id), REACH)
    if excerpt is None or own.end > excerpt.base + len(excerpt.text):
        return own
    start, end = own.start - excerpt.base, own.end - excerpt.base
    reaching = [one for one in functions(excerpt) if one.start <= end <= one.end]
    holding = [signature_of(excerpt, one).span for one in reaching]
    holding = [one for one in holding if one.start <= own.start and own.end <= one.end]
    smallest = min(holding, key=len, default=_top_level_statement(excerpt, start, end))
    if _line_count(excerpt, smallest) <= MAX_LINES:
        return smallest
    low, high = start, end
    for _ in range(_LINES_AROUND):
        low = excerpt.line_start(max(0, low - 1))
        high = excerpt.next_line(high)
    low = max(low, smallest.start - excerpt.base)
    return excerpt.span(low, max(end, min(high, smallest.end - excerpt.base)))


def logical_lines(text: str, span: Span, language_id: str) -> Span:
    """Return the whole lines of a span, and the lines around that its brackets extend over.

    Brackets that extend more than 30 lines are ignored, and braces are followed in Python only,
    where they contain no statements. Raises ValueError when the span lies outside the text.
    """
    own = _whole_lines(text, span)
    excerpt = excerpt_around(text, span.start, by_id(language_id))
    if excerpt is None or own.end > excerpt.base + len(excerpt.text):
        return own
    code = excerpt.masked.code
    signs = _ALL_BRACKETS if language_id == "python" else _ROUND_BRACKETS
    start, end = own.start - excerpt.base, own.end - excerpt.base
    top = start
    for _ in range(_MAX_BRACKET_LINES):
        top = excerpt.line_start(max(0, top - 1))
    start = excerpt.line_start(min((start, *_open_brackets(code[top:start], top, signs))))
    for _ in range(_MAX_BRACKET_LINES):
        if end == len(code) or not _open_brackets(code[start:end], start, signs):
            return excerpt.span(start, end)
        end = excerpt.next_line(end)
    return own


def _open_brackets(code: str, at: int, signs: str) -> list[int]:
    """Return the offsets of open brackets in ``code``, which begins at offset ``at``."""
    stack: list[int] = []
    for offset, char in enumerate(code, at):
        if char in signs:
            if char in "([{":
                stack.append(offset)
            elif stack:
                stack.pop()
    return stack


def _whole_lines(text: str, span: Span) -> Span:
    start = line_span(text, span.start).start
    last = span.end - 1 if span.end > span.start else span.end
    end = line_span(text, last).end
    return Span(start, end + (2 if text.startswith("\r\n", end) else end < len(text)))


def _line_count(excerpt: Excerpt, span: Span) -> int:
    return excerpt.text.count("\n", span.start - excerpt.base, span.end - excerpt.base)


def _top_level_statement(excerpt: Excerpt, start: int, end: int) -> Span:
    """Return the lines from the last unindented line above to before the next one below."""
    code = excerpt.masked.code
    top = start
    while top and _continues_statement(excerpt, code[top : excerpt.line_end(top)]):
        top = excerpt.line_start(top - 1)
    bottom = end
    while bottom < len(code):
        line = code[bottom : excerpt.line_end(bottom)]
        if line.strip() and not _continues_statement(excerpt, line):
            break
        bottom = excerpt.next_line(bottom)
    while bottom > end and not excerpt.line(bottom - 1).strip():
        bottom = excerpt.line_start(bottom - 1)
    return excerpt.span(top, max(bottom, end))


def _continues_statement(excerpt: Excerpt, line: str) -> bool:
    """Tell whether a line belongs to a statement that begins above it."""
    bare = line.strip()
    return not bare or indent_columns(line) > 0 or bare.startswith(_CONTINUES_STATEMENT)


def definitions(text: str, language_id: str) -> tuple[Definition, ...]:
    """Return the functions and classes of a document in order of their starts.

    Only the first 400,000 characters are read.
    """
    return _definitions(text[:_MAX_CHARS], language_id)


@lru_cache(maxsize=2)
def _definitions(text: str, language_id: str) -> tuple[Definition, ...]:
    excerpt = whole_document(text, by_id(language_id))
    comments = {block.end: block for block in blocks(excerpt) if block.kind != "string"}
    strings = {block.start: block for block in blocks(excerpt) if block.kind == "string"}
    found = []
    for one in functions(excerpt):
        _, top = find_decorators(excerpt, one.start)
        body = excerpt.next_line(max(one.start, one.opened - 1))
        header = excerpt.text[one.start : one.opened].rstrip(" \t\n{")
        doc = _doc(excerpt, top, body, comments, strings)
        found.append(Definition(one.name, "function", excerpt.span(top, one.end), header, doc))
    for match in CLASS.finditer(excerpt.masked.code):
        if not match["name"]:
            continue
        start = excerpt.line_start(match.end("indent"))
        body = excerpt.next_line(start)
        end = _end_of_class(excerpt, body, indent_columns(match["indent"] + "x"))
        doc = _doc(excerpt, start, body, comments, strings)
        header = excerpt.line(start).rstrip(" \t{")
        found.append(Definition(match["name"], "class", excerpt.span(start, end), header, doc))
    return tuple(sorted(found, key=lambda one: (one.span.start, -one.span.end)))


def _doc(
    excerpt: Excerpt,
    top: int,
    body: int,
    comments: dict[int, CommentBlock],
    strings: dict[int, CommentBlock],
) -> str:
    block = strings.get(body) if excerpt.language.id == "python" else comments.get(top)
    return comment_of(excerpt, block).text.strip().split("\n", 1)[0] if block else ""


def _end_of_class(excerpt: Excerpt, body: int, margin: int) -> int:
    brace = excerpt.line(body).strip() == "{"
    end = block_end(excerpt, excerpt.next_line(body) if brace else body, margin)
    closes = excerpt.line(end).split() if end < len(excerpt.text) else []
    return excerpt.next_line(end) if closes[:1] == ["end"] else end


def outline(text: str, target: Span, language_id: str, max_chars: int) -> str:
    """Return the headers and first docstring lines of the functions and classes around a span.

    Those that the span touches are excluded, except the headers of classes that contain it. If not
    all fit into ``max_chars``, the nearest are kept, in their order and with their indentation.
    """
    entries = [
        (one, _outline_entry(one))
        for one in definitions(text, language_id)
        if _is_outside(one, target)
    ]
    entries.sort(key=lambda pair: _distance(pair[0].span, target))
    kept = []
    chars_left = max_chars
    for one, lines in entries:
        if len(lines) + 1 > chars_left:
            continue
        chars_left -= len(lines) + 1
        kept.append((one.span.start, lines))
    return "\n".join(lines for _, lines in sorted(kept))


def _is_outside(one: Definition, target: Span) -> bool:
    """Tell whether a definition is outside a span, or is a class that contains it."""
    if one.kind == "class" and one.span.start < target.start and target.end <= one.span.end:
        return True
    return one.span.end <= target.start or max(target.end, target.start + 1) <= one.span.start


def _distance(span: Span, target: Span) -> int:
    return max(span.start - target.end, target.start - span.end, 0)


def _outline_entry(one: Definition) -> str:
    first = one.header.split("\n", 1)[0]
    step = indent_of(first) + "    "
    quoted = f'\n{step}"""{one.doc}"""' if one.header.endswith(":") else f"  // {one.doc}"
    return one.header + (quoted if one.doc else "")
