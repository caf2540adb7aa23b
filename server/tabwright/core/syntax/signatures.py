"""Signatures of functions: the header, the documentation, and whether the body is a stub."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

from tabwright.core.languages import by_id
from tabwright.core.syntax.comments import CommentBlock, blocks, comment_of, dedented, string_lines
from tabwright.core.syntax.excerpt import Excerpt, excerpt_around
from tabwright.core.syntax.extents import Function, indent_columns
from tabwright.core.syntax.functions import candidate_functions
from tabwright.core.syntax.headers import FUNCTION_SYNTAX
from tabwright.core.syntax.parameters import Parameter, parse
from tabwright.core.syntax.stubs import is_placeholder
from tabwright.core.text import Span, indent_of

__all__ = ["Parameter", "Signature", "signature_at"]

REACH = 40_000
_DECORATOR = re.compile(r"[ \t]*+(?:@[\w.]|#!?\[|\[\w[^\n]*\][ \t]*+$)")
_IMPORT = re.compile(
    r"\#\s*+(?:include|import|define|pragma)\b|(?:using|import|package|typedef|use)\b[^\n]*;?"
)
_STRINGS = re.compile(r'[rRuU]?"+')
_MAX_HEADER_CHARS = 4_000
_MAX_BLANK_LINES = 3


@dataclass(frozen=True)
class Signature:
    """A function's header, documentation and spans.

    ``header`` holds the whole lines of the header (without decorators), ``body`` the lines between
    it and the closer: empty if the body is missing or shares a line with the header. ``span`` is
    the whole function with decorators and closer, ``rest`` the part of ``body`` after a docstring.
    ``is_stub``: the body is empty or a placeholder. ``complete``: neither opener nor closer is
    missing, and body and header share no line, so that ``rest`` alone can be replaced.
    """

    language_id: str
    name: str
    parameters: tuple[Parameter, ...]
    result: str
    is_async: bool
    decorators: tuple[str, ...]
    doc: str
    header: Span
    body: Span
    rest: Span
    span: Span
    indent: str
    is_stub: bool
    complete: bool


def signature_at(text: str, offset: int, language_id: str) -> Signature | None:
    """Return the innermost function whose header or body holds the offset or begins on its line.

    Raises ValueError when the offset lies outside the text.
    """
    excerpt = excerpt_around(text, offset, by_id(language_id), REACH)
    return None if excerpt is None else signature_near(excerpt, excerpt.at)


def signature_near(excerpt: Excerpt, at: int) -> Signature | None:
    """Return the innermost function at an offset into the excerpt."""
    at = _below_decorators(excerpt, at)
    best: Function | None = None
    for function in candidate_functions(excerpt, at):
        if _holds(excerpt, function, at):
            best = function
    return None if best is None else signature_of(excerpt, best)


def _below_decorators(excerpt: Excerpt, at: int) -> int:
    line = excerpt.line_start(at)
    while line < len(excerpt.text) and _DECORATOR.match(
        excerpt.masked.code, line, excerpt.line_end(line)
    ):
        following = excerpt.next_line(line)
        if following == line:
            break
        line = at = following
    return at


def _holds(excerpt: Excerpt, function: Function, at: int) -> bool:
    if at < function.start:
        return False
    if at < function.end or (at == len(excerpt.text) and excerpt.text[at - 1 : at] != "\n"):
        return at <= function.end
    # Blank lines below an open body belong to it, because the user is about to write there.
    gap = excerpt.text[function.end : excerpt.line_end(at)]
    open_body = not function.whole or excerpt.language.id == "python"
    if gap.strip() or gap.count("\n") >= _MAX_BLANK_LINES or not open_body:
        return False
    deeper = indent_columns(excerpt.line(at)) > indent_columns(excerpt.line(function.start))
    body_code = excerpt.masked.code[slice(*function.inner)]
    return deeper or not _STRINGS.sub("", body_code).strip()


def signature_of(excerpt: Excerpt, function: Function) -> Signature:
    """Return the signature of a function in the excerpt."""
    language_id = excerpt.language.id
    decorators, top = find_decorators(excerpt, function.start)
    doc, rest = _documentation(excerpt, function, top)
    header_end = excerpt.next_line(max(function.start, function.opened - 1))
    inner = excerpt.bare[rest : function.inner[1]]
    body = function.inner if function.lines else (header_end, header_end)
    rest = min(max(rest, body[0]), body[1])
    return Signature(
        language_id,
        function.name,
        _parameters(excerpt, function),
        function.result,
        function.is_async,
        decorators,
        doc,
        excerpt.span(function.start, header_end),
        excerpt.span(*body),
        excerpt.span(rest, body[1]),
        excerpt.span(top, max(function.end, header_end)),
        indent_of(excerpt.line(function.start)),
        is_stub=is_placeholder(inner, language_id),
        complete=function.whole and function.lines,
    )


def find_decorators(excerpt: Excerpt, start: int) -> tuple[tuple[str, ...], int]:
    """Return the decorators, annotations or attributes above a header, and their start offset."""
    found: list[str] = []
    while start:
        above = excerpt.line_start(start - 1)
        if not _DECORATOR.match(excerpt.masked.code, above, start - 1):
            break
        found.append(excerpt.text[above : start - 1].strip())
        start = above
    return tuple(reversed(found)), start


def _documentation(excerpt: Excerpt, function: Function, top: int) -> tuple[str, int]:
    """Return a function's documentation, and the offset in its body after it."""
    start, end = function.inner
    if excerpt.language.id != "python":
        above = comment_above(excerpt, blocks(excerpt), _above_imports(excerpt, top))
        return (comment_of(excerpt, above).text if above else ""), start
    code = excerpt.masked.code[start:end]
    found = re.match(r"\s*+(?P<literal>[rRuU]?\"+)[ \t]*+;?[ \t]*+(?=\n|$)", code)
    if found is None:
        return "", start
    literal = excerpt.text[start + found.start("literal") : start + found.end("literal")]
    return dedented(string_lines(literal)), min(end, start + found.end() + 1)


def _above_imports(excerpt: Excerpt, top: int) -> int:
    """Return the start of the imports directly above ``top``; ``top`` if there are none."""
    at = highest = top
    while at:
        line = excerpt.line_start(at - 1)
        if _IMPORT.match(excerpt.text, line, at):
            highest = line
        elif excerpt.text[line:at].strip():
            break
        at = line
    return highest


def comment_above(
    excerpt: Excerpt, comment_blocks: Iterable[CommentBlock], top: int
) -> CommentBlock | None:
    """Return the comment that ends on the line above ``top`` with the same indentation."""
    for block in comment_blocks:
        if block.end == top and block.kind != "string":
            same = indent_columns(excerpt.line(block.start)) == indent_columns(excerpt.line(top))
            return block if same else None
    return None


def _parameters(excerpt: Excerpt, function: Function) -> tuple[Parameter, ...]:
    if excerpt.language.id == "python":
        parsed = _python_parameters(function.parameters)
        return parse(function.parameters, "colon") if parsed is None else parsed
    return parse(function.parameters, FUNCTION_SYNTAX[excerpt.language.id].style)


def _python_parameters(text: str) -> tuple[Parameter, ...] | None:
    """Parse Python's parameters with ``ast``; None if they do not parse."""
    if len(text) > _MAX_HEADER_CHARS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(f"def f({text}\n): ...")
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef):
        return None
    arguments = function.args
    found = [_one(arg) for arg in (*arguments.posonlyargs, *arguments.args)]
    found += [_one(arguments.vararg, "*")] if arguments.vararg else []
    found += [_one(arg) for arg in arguments.kwonlyargs]
    found += [_one(arguments.kwarg, "**")] if arguments.kwarg else []
    return tuple(found)


def _one(arg: ast.arg, sign: str = "") -> Parameter:
    type_ = ast.unparse(arg.annotation) if arg.annotation else ""
    return Parameter(sign + arg.arg, type_)
