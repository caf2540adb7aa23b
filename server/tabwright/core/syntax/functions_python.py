"""Find the functions of Python text, even if it does not parse."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabwright.core.syntax.excerpt import Excerpt
from tabwright.core.syntax.extents import Function, block_end, indent_columns, line_end

_DEF = re.compile(
    r"^(?P<indent>[ \t]*+)(?P<is_async>async[ \t]++)?def[ \t]++(?P<name>\w+)[ \t]*+"
    r"(?:\[[^\]\n]*\])?",
    re.MULTILINE,
)
_NEXT_STATEMENT = re.compile(r"\n[ \t]*+(?:def|class|async def|return|import|from|with|@)\b")
_BRACKET = re.compile(r"[()\[\]{}]")
_PLAIN = re.compile(r"\([^()\[\]{}\n]*\)")  # brackets on one line with none inside
_COLON = re.compile(r"[()\[\]{}:]")


def python_functions(excerpt: Excerpt) -> Iterator[Function]:
    """Yield every function whose header is within reach, in order of their starts."""
    return (_function(excerpt, header) for header in _DEF.finditer(excerpt.masked.code))


def candidate_python_functions(excerpt: Excerpt, at: int) -> Iterator[Function]:
    """Yield the functions that begin before ``at`` and are not ended by a later header.

    The outermost comes first.
    """
    open_headers: list[re.Match[str]] = []
    for header in _DEF.finditer(excerpt.masked.code, 0, at):
        margin = indent_columns(header["indent"])
        while open_headers and indent_columns(open_headers[-1]["indent"]) >= margin:
            open_headers.pop()
        open_headers.append(header)
    return (_function(excerpt, header) for header in open_headers)


def _function(excerpt: Excerpt, header: re.Match[str]) -> Function:
    code = excerpt.masked.code
    start, bracket = header.start(), header.end()
    closer = _closing(code, bracket)
    stop = line_end(code, max(bracket, closer))
    after = max(bracket, closer + 1)
    colon = _colon(code, after, stop)
    result = excerpt.text[after : colon if colon >= 0 else stop]
    result = result.partition("->")[2].strip()
    inner = excerpt.text[bracket + 1 : closer if closer >= 0 else stop]
    rest = code[colon + 1 : stop].strip() if colon >= 0 else ""
    opened = colon + 1 if colon >= 0 else stop
    body = min(len(code), stop + 1)
    end = body if rest else block_end(excerpt, body, indent_columns(header["indent"]))
    return Function(
        header["name"],
        start,
        opened,
        (opened, stop) if rest else (body, end),
        end,
        inner,
        result,
        header["is_async"] is not None,
        lines=not rest,
        whole=colon >= 0,
    )


def _closing(code: str, bracket: int) -> int:
    """Return the offset of the closer of the bracket at an offset; -1 if there is none."""
    if code[bracket : bracket + 1] != "(":
        return -1
    if plain := _PLAIN.match(code, bracket):
        return plain.end() - 1
    depth = 0
    stop = _NEXT_STATEMENT.search(code, bracket)
    for found in _BRACKET.finditer(code, bracket, stop.start() if stop else len(code)):
        depth += 1 if found[0] in "([{" else -1
        if depth == 0:
            return found.start()
    return -1


def _colon(code: str, at: int, line_end: int) -> int:
    depth = 0
    for found in _COLON.finditer(code, at, line_end):
        if found[0] == ":" and depth == 0:
            return found.start()
        depth += (found[0] in "([{") - (found[0] in ")]}")
    return -1
