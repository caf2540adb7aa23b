"""Find the functions around an offset: the start, header end and end of each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from tabwright.core.syntax.excerpt import Excerpt
from tabwright.core.syntax.extents import Function, block_end, indent_columns, line_end
from tabwright.core.syntax.functions_python import candidate_python_functions, python_functions
from tabwright.core.syntax.headers import FUNCTION_SYNTAX, FunctionSyntax

_BRACKET = re.compile(r"[()\[\]{}]")
_PARTNER = {")": "(", "]": "[", "}": "{"}
_MAX_UNCLOSED = 12
_KEYWORDS = frozenset(("if", "for", "while", "switch", "catch", "return", "synchronized", "using"))
_BODY_FOLLOWS = re.compile(r"[^\n]*(?:\{|=>)|[^\n;]*\n[ \t]*+[{:]")
# A function type of TypeScript, up to its arrow.
_FUNCTION_TYPE = re.compile(r"\((?!\()(?s:.)*\)\s*+")
_BRACE = re.compile(r"\s*+\{")
_ARROW = re.compile(r"\s*+=>")
# Parameters without brackets, by what closes the function's body.
_BARE_PARAMETERS = {"}": re.compile(r"[^\n=;{]*"), "end": re.compile(r"[^\n;]*")}
_END = re.compile(r"end\b")
_MODIFIERS = re.compile(
    r"\b(?:public|private|protected|internal|static|final|abstract|virtual|override|async|inline"
    r"|extern|constexpr|unsafe|synchronized|native|default|explicit|friend|partial|sealed|external"
    r"|export)\b|@\w+"
)


def functions(excerpt: Excerpt) -> tuple[Function, ...]:
    """Return every function whose header is within reach, in order of their starts."""
    # The cursor affects the result only if the text's start is out of reach; else cache for any.
    return _functions(replace(excerpt, at=0) if excerpt.from_document_start else excerpt)


def candidate_functions(excerpt: Excerpt, at: int) -> Iterable[Function]:
    """Return, in order, the functions that begin at or above the line of ``at`` and may hold it."""
    stop = excerpt.line_end(at)
    if excerpt.language.id == "python":
        return candidate_python_functions(excerpt, stop)
    return (function for function in functions(excerpt) if function.start <= stop)


@lru_cache(maxsize=4)
def _functions(excerpt: Excerpt) -> tuple[Function, ...]:
    if excerpt.language.id == "python":
        return tuple(python_functions(excerpt))
    syntax = FUNCTION_SYNTAX.get(excerpt.language.id)
    if syntax is None:
        return ()
    partners = _partners(excerpt.masked.code)
    found: dict[int, Function] = {}
    for pattern in (*syntax.starts, *syntax.calls):
        for header in pattern.finditer(excerpt.masked.code):
            at = header.start() + len(header["indent"])
            if at not in found and header["name"] not in _KEYWORDS:
                function = _function(excerpt, syntax, header, partners, pattern in syntax.calls)
                if function:
                    found[at] = function
    return tuple(found[at] for at in sorted(found))


def _partners(code: str) -> dict[int, int]:
    """Return the offset of the closer for each opener's offset."""
    stack: list[int] = []
    found: dict[int, int] = {}
    for bracket in _BRACKET.finditer(code):
        if bracket[0] in "([{":
            stack.append(bracket.start())
            continue
        for back in range(1, min(len(stack), _MAX_UNCLOSED) + 1):
            if code[stack[-back]] == _PARTNER[bracket[0]]:
                found[stack[-back]] = bracket.start()
                del stack[-back:]
                break
    return found


def _function(
    excerpt: Excerpt,
    syntax: FunctionSyntax,
    header: re.Match[str],
    partners: dict[int, int],
    may_be_call: bool,
) -> Function | None:
    """Return the function of a header; None if it is a call or a declaration."""
    code, at = excerpt.masked.code, header.end()
    start = excerpt.line_start(header.start() + len(header["indent"]))
    stop = line_end(code, at)
    if code[at : at + 1] == "(":
        closer = partners.get(at, -1)
        if may_be_call and not _BODY_FOLLOWS.match(code, max(at, closer) + 1):
            return None
        parameters = excerpt.text[at + 1 : closer if closer >= 0 else stop]
    else:
        word = _BARE_PARAMETERS[syntax.closer].match(code, at)
        closer = word.end() - 1 if word else at - 1
        parameters = excerpt.text[at : closer + 1].strip()
    after = closer + 1 if closer >= 0 else stop
    groups = header.groupdict()
    before = groups.get("result") or ""
    result, after = (
        (before, after) if syntax.result == "before" else _result(excerpt, syntax, after)
    )
    if syntax.result == "before":
        result = " ".join(_MODIFIERS.sub("", before).split())
    function = Function(
        groups["name"] or groups.get("init") or "",
        start,
        after,
        (after, after),
        excerpt.next_line(max(start, after - 1)),
        parameters,
        " ".join(result.split()),
        groups.get("is_async") is not None or "async" in before.split(),
        lines=False,
        whole=False,
    )
    if syntax.closer == "end":
        return _with_end_keyword(excerpt, function, header)
    skipped = syntax.after.match(code, after)
    begin = skipped.end() if skipped and skipped[0].strip() else after
    # A brace on the next line belongs to a header that looks like a call only in languages that
    # write the type before the name.
    return _with_braces(
        excerpt, function, begin, partners, may_be_call and syntax.result != "before"
    )


def _result(excerpt: Excerpt, syntax: FunctionSyntax, at: int) -> tuple[str, int]:
    """Return the result type that begins at ``at``, and its end offset."""
    code = excerpt.masked.code
    if syntax.result == "go":
        found = re.compile(r"[ \t]*+(?:[^\n{]|(?<=interface)\{\}|(?<=struct)\{\})*").match(code, at)
        end = found.end() if found else at
        return excerpt.text[at:end].strip(), end
    sign = _result_sign(syntax.result, excerpt.language.id == "swift").match(code, at)
    if not syntax.result or sign is None:
        return "", at
    begin = end = sign.end()
    depth = 0
    while end < min(len(code), begin + 500):
        char = code[end]
        if depth == 0 and code.startswith("=>", end):
            if not _FUNCTION_TYPE.fullmatch(code, begin, end) or _BRACE.match(code, end + 2):
                break
            end += 1
        elif depth == 0 and _ends_type(code[begin:end].rstrip(), char):
            break
        depth += (char in "([{") - (char in ")]}")
        end += 1
    return excerpt.text[begin:end].strip(), begin + len(excerpt.text[begin:end].rstrip())


@lru_cache(maxsize=16)
def _result_sign(sign: str, swift: bool) -> re.Pattern[str]:
    """Return the pattern between a function's brackets and its result type."""
    effects = r"(?:\s*+(?:async|throws|rethrows)\b)*" if swift else ""
    return re.compile(rf"{effects}\s*+{re.escape(sign)}[ \t]*+")


def _ends_type(before: str, char: str) -> bool:
    """Tell whether a character outside brackets ends the type read so far."""
    if char == "\n":
        return before[-1:] not in ("", "|", "&")
    return char in "=;,)" or (char == "{" and bool(before))


def _with_end_keyword(excerpt: Excerpt, function: Function, header: re.Match[str]) -> Function:
    """Complete a function whose body ends with the keyword ``end``."""
    code, margin = excerpt.masked.code, indent_columns(header["indent"] + "x")
    stop = line_end(code, function.opened)
    inline = re.compile(r"\bend\b").search(code, function.opened, stop)
    if inline:
        return replace(
            function,
            inner=(function.opened, inline.start()),
            end=min(len(code), stop + 1),
            whole=True,
        )
    body = min(len(code), stop + 1)
    end = block_end(excerpt, body, margin)
    closer = re.compile(r"\s*+").match(code, end)
    at = closer.end() if closer else end
    closed = _END.match(code, at) is not None and indent_columns(excerpt.line(at)) == margin
    last = excerpt.line_start(at) if closed else end
    whole_end = excerpt.next_line(at) if closed else end
    return replace(function, inner=(body, last), end=whole_end, lines=True, whole=closed)


def _with_braces(
    excerpt: Excerpt, function: Function, at: int, partners: dict[int, int], may_be_call: bool
) -> Function | None:
    """Complete a function whose body is in braces, follows ``=>`` or ``=``, or is missing."""
    code = excerpt.masked.code
    arrow = _ARROW.match(code, at)
    at = arrow.end() if arrow else at
    brace = re.compile(r"[ \t]*+\n?[ \t]*+\{").match(code, at)
    if brace and not (may_be_call and not arrow and "\n" in brace[0]):
        return _function_in_braces(excerpt, function, brace.end(), partners)
    stop = line_end(code, at)
    rest = code[at:stop].strip()
    if arrow and rest:
        return replace(
            function, opened=at, inner=(at, stop), end=min(len(code), stop + 1), whole=True
        )
    if rest.startswith("=") and excerpt.language.id in ("kotlin", "scala"):
        at = code.index("=", at) + 1
        return replace(
            function, opened=at, inner=(at, stop), end=min(len(code), stop + 1), whole=True
        )
    if rest or (may_be_call and not arrow):
        return None
    return replace(function, opened=stop, inner=(stop, stop))


def _function_in_braces(
    excerpt: Excerpt, function: Function, opened: int, partners: dict[int, int]
) -> Function:
    code = excerpt.masked.code
    closer = partners.get(opened - 1, -1)
    margin = indent_columns(excerpt.line(function.start))
    alone = not excerpt.text[opened : excerpt.line_end(opened)].strip()
    if closer >= 0:
        line = excerpt.line_start(closer)
        first = not code[line:closer].strip()
        if not first or line <= function.start or indent_columns(excerpt.line(closer)) >= margin:
            has_own_lines = alone and first and line > opened
            inner = (excerpt.next_line(opened), line) if has_own_lines else (opened, closer)
            return replace(
                function,
                opened=opened,
                inner=inner,
                end=excerpt.next_line(closer),
                lines=has_own_lines,
                whole=True,
            )
    body = excerpt.next_line(opened)
    end = block_end(excerpt, body, margin)
    return replace(function, opened=opened, inner=(body, end), end=end, lines=alone)
