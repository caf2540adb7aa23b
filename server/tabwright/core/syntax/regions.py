"""Parts of a document: the block around a span, its logical lines, and an outline of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from tabwright.core.languages import by_id
from tabwright.core.syntax.comments import CommentBlock, blocks, comment_of
from tabwright.core.syntax.extents import block_end, indent_columns
from tabwright.core.syntax.functions import functions
from tabwright.core.syntax.headers import CLASS
from tabwright.core.syntax.signatures import REACH, find_decorators, signature_of
from tabwright.core.syntax.surroundings import Surroundings, around, whole_document
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
    near = around(text, span.start, by_id(language_id), REACH)
    if near is None or own.end > near.base + len(near.text):
        return own
    start, end = own.start - near.base, own.end - near.base
    reaching = [one for one in functions(near) if one.start <= end <= one.end]
    holding = [signature_of(near, one).span for one in reaching]
    holding = [one for one in holding if one.start <= own.start and own.end <= one.end]
    smallest = min(holding, key=len, default=_top_level_statement(near, start, end))
    if _line_count(near, smallest) <= MAX_LINES:
        return smallest
    low, high = start, end
    for _ in range(_LINES_AROUND):
        low = near.line_start(max(0, low - 1))
        high = near.next_line(high)
    low = max(low, smallest.start - near.base)
    return near.span(low, max(end, min(high, smallest.end - near.base)))


def logical_lines(text: str, span: Span, language_id: str) -> Span:
    """Return the whole lines of a span, and the lines around that its brackets extend over.

    Brackets that extend more than 30 lines are ignored, and braces are followed in Python only,
    where they contain no statements. Raises ValueError when the span lies outside the text.
    """
    own = _whole_lines(text, span)
    near = around(text, span.start, by_id(language_id))
    if near is None or own.end > near.base + len(near.text):
        return own
    code = near.masked.code
    signs = _ALL_BRACKETS if language_id == "python" else _ROUND_BRACKETS
    start, end = own.start - near.base, own.end - near.base
    top = start
    for _ in range(_MAX_BRACKET_LINES):
        top = near.line_start(max(0, top - 1))
    start = near.line_start(min((start, *_open_brackets(code[top:start], top, signs))))
    for _ in range(_MAX_BRACKET_LINES):
        if end == len(code) or not _open_brackets(code[start:end], start, signs):
            return near.span(start, end)
        end = near.next_line(end)
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


def _line_count(near: Surroundings, span: Span) -> int:
    return near.text.count("\n", span.start - near.base, span.end - near.base)


def _top_level_statement(near: Surroundings, start: int, end: int) -> Span:
    """Return the lines from the last unindented line above to before the next one below."""
    code = near.masked.code
    top = start
    while top and _continues_statement(near, code[top : near.line_end(top)]):
        top = near.line_start(top - 1)
    bottom = end
    while bottom < len(code):
        line = code[bottom : near.line_end(bottom)]
        if line.strip() and not _continues_statement(near, line):
            break
        bottom = near.next_line(bottom)
    while bottom > end and not near.line(bottom - 1).strip():
        bottom = near.line_start(bottom - 1)
    return near.span(top, max(bottom, end))


def _continues_statement(near: Surroundings, line: str) -> bool:
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
    near = whole_document(text, by_id(language_id))
    comments = {block.end: block for block in blocks(near) if block.kind != "string"}
    strings = {block.start: block for block in blocks(near) if block.kind == "string"}
    found = []
    for one in functions(near):
        _, top = find_decorators(near, one.start)
        body = near.next_line(max(one.start, one.opened - 1))
        header = near.text[one.start : one.opened].rstrip(" \t\n{")
        doc = _doc(near, top, body, comments, strings)
        found.append(Definition(one.name, "function", near.span(top, one.end), header, doc))
    for match in CLASS.finditer(near.masked.code):
        if not match["name"]:
            continue
        start = near.line_start(match.end("indent"))
        body = near.next_line(start)
        end = _end_of_class(near, body, indent_columns(match["indent"] + "x"))
        doc = _doc(near, start, body, comments, strings)
        header = near.line(start).rstrip(" \t{")
        found.append(Definition(match["name"], "class", near.span(start, end), header, doc))
    return tuple(sorted(found, key=lambda one: (one.span.start, -one.span.end)))


def _doc(
    near: Surroundings,
    top: int,
    body: int,
    comments: dict[int, CommentBlock],
    strings: dict[int, CommentBlock],
) -> str:
    block = strings.get(body) if near.language.id == "python" else comments.get(top)
    return comment_of(near, block).text.strip().split("\n", 1)[0] if block else ""


def _end_of_class(near: Surroundings, body: int, margin: int) -> int:
    brace = near.line(body).strip() == "{"
    end = block_end(near, near.next_line(body) if brace else body, margin)
    closes = near.line(end).split() if end < len(near.text) else []
    return near.next_line(end) if closes[:1] == ["end"] else end


def outline(text: str, around: Span, language_id: str, max_chars: int) -> str:
    """Return the headers and first docstring lines of the functions and classes around a span.

    Those that the span touches are excluded, except the headers of classes that contain it. If not
    all fit into ``max_chars``, the nearest are kept, in their order and with their indentation.
    """
    entries = [
        (one, _outline_entry(one))
        for one in definitions(text, language_id)
        if _is_outside(one, around)
    ]
    entries.sort(key=lambda pair: _distance(pair[0].span, around))
    kept = []
    chars_left = max_chars
    for one, lines in entries:
        if len(lines) + 1 > chars_left:
            continue
        chars_left -= len(lines) + 1
        kept.append((one.span.start, lines))
    return "\n".join(lines for _, lines in sorted(kept))


def _is_outside(one: Definition, around: Span) -> bool:
    """Tell whether a definition is outside a span, or is a class that contains it."""
    if one.kind == "class" and one.span.start < around.start and around.end <= one.span.end:
        return True
    return one.span.end <= around.start or max(around.end, around.start + 1) <= one.span.start


def _distance(span: Span, around: Span) -> int:
    return max(span.start - around.end, around.start - span.end, 0)


def _outline_entry(one: Definition) -> str:
    first = one.header.split("\n", 1)[0]
    step = indent_of(first) + "    "
    quoted = f'\n{step}"""{one.doc}"""' if one.header.endswith(":") else f"  // {one.doc}"
    return one.header + (quoted if one.doc else "")
