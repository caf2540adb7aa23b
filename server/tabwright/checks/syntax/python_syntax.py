"""Check whether Python code compiles and its names are defined, with the standard library."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from tabwright.checks.faults import EditCandidate, Fault
from tabwright.checks.lines import LineChanges
from tabwright.core.message import Message
from tabwright.core.syntax.python_names import unbound_names
from tabwright.core.syntax.python_parse import MAX_PARSED_CHARS, parses, tree_of
from tabwright.core.text import difference

_CELL_LINE = re.compile(r"^([ \t]*+)(?:[%!?].*|[^#\n'\"]*\?{1,2}[ \t]*+)$", re.MULTILINE)
_STATEMENT = re.compile(r"^(?=[^\s)\]}#])(?!(?:else|elif|except|finally|case)\b)", re.MULTILINE)


@dataclass(frozen=True)
class SyntaxFault:
    """Why a text does not compile; ``line`` from 1, 0 when it is unknown."""

    line: int
    message: str


def syntax_fault(source: str, cell: bool = False) -> SyntaxFault | None:
    """Return the error of Python's compiler; None when the text compiles or is too long.

    In a cell, lines for the notebook itself are ignored, and ``await`` is allowed anywhere.
    """
    if cell:
        if source.lstrip().startswith("%%"):
            return None
        source = _CELL_LINE.sub(r"\1pass", source)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if cell else 0
    if len(source) > MAX_PARSED_CHARS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<buffer>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        return SyntaxFault(error.lineno or 0, error.msg or Message("invalid syntax"))
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return SyntaxFault(0, str(error) or Message("too deeply nested to compile"))
    return None


def check_syntax(candidate: EditCandidate, changes: LineChanges) -> tuple[Fault, ...]:
    """Return a fault when the edit adds a syntax error, also to a text that had others."""
    if len(candidate.after) > MAX_PARSED_CHARS:
        # Parsing holds the GIL, so of a long text only the statements around the change are parsed.
        broken = _breaks_statements(candidate.before, candidate.after)
        line = min(changes.new_lines, default=0)
        return (_as_fault(SyntaxFault(line, Message("invalid syntax"))),) if broken else ()
    after = syntax_fault(candidate.after, candidate.cell)
    if after is None:
        return ()
    fault = _as_fault(after)
    if syntax_fault(candidate.before, candidate.cell) is None:
        return (fault,)
    if after.line in changes.new_lines or _breaks_statements(candidate.before, candidate.after):
        return (fault,)
    return ()


def _as_fault(found: SyntaxFault) -> Fault:
    return Fault("syntax", Message("it does not parse: {0}", found.message), found.line)


def _breaks_statements(before: str, after: str) -> bool:
    """Whether the top-level statements around the change parsed before and no longer do.

    For a document with an error elsewhere: the compiler reports the first error only.
    """
    for edit in difference(before, after):
        start, end = edit.span.start, edit.span.end
        new_end = start + len(edit.new_text)
        if parses(_statements_around(before, start, end)) and not parses(
            _statements_around(after, start, new_end)
        ):
            return True
    return False


def _statements_around(text: str, start: int, end: int) -> str:
    """Return the top-level statements that the span from ``start`` to ``end`` touches."""
    first = max((one.start() for one in _STATEMENT.finditer(text, 0, start + 1)), default=0)
    following = _STATEMENT.search(text, max(end, start + 1))
    return text[first : following.start() if following else len(text)]


def check_names(candidate: EditCandidate) -> tuple[Fault, ...]:
    """Return a fault for each name that is newly undefined; none for a notebook cell."""
    if candidate.cell:
        return ()
    after, before = unbound_names(candidate.after), unbound_names(candidate.before)
    if after is None:
        return ()
    new = after - (before or frozenset())
    return tuple(
        Fault(
            "name",
            Message("`{0}` is not defined", name),
            _first_line_using(candidate.after, name),
        )
        for name in sorted(new)
    )


def _first_line_using(source: str, name: str) -> int:
    """Return the first line, from 1, that uses the name; 0 if it is unknown."""
    tree = tree_of(source)
    nodes = ast.walk(tree) if tree is not None else ()
    lines = [one.lineno for one in nodes if isinstance(one, ast.Name) and one.id == name]
    return min(lines, default=0)
