"""Python: does it compile, and are its names bound? With nothing but the standard library."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from tabwright.checks.faults import Fault, Subject
from tabwright.checks.lines import Changes, line_of
from tabwright.core.names import unbound
from tabwright.core.python import frame
from tabwright.core.text import Edit, Span, apply, difference

_CELL_LINE = re.compile(r"^([ \t]*)(?:[%!?].*|[^#\n'\"]*\?{1,2}[ \t]*)$", re.MULTILINE)
_NAME = re.compile(r"\w+")


@dataclass(frozen=True)
class SyntaxFault:
    """Why a text does not compile; ``line`` from 1, 0 when it is unknown."""

    line: int
    message: str


def syntax_fault(source: str, cell: bool = False) -> SyntaxFault | None:
    """What Python's own compiler says against the text, None when it compiles.

    In a cell, lines for the notebook itself are passed over, and ``await`` may stand anywhere.
    """
    if cell:
        if source.lstrip().startswith("%%"):
            return None
        source = _CELL_LINE.sub(r"\1pass", source)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if cell else 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<buffer>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        return SyntaxFault(error.lineno or 0, error.msg or "invalid syntax")
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return SyntaxFault(0, str(error) or "too deep to compile")
    return None


def check_syntax(subject: Subject, changes: Changes) -> tuple[Fault, ...]:
    """A fault when the text stopped compiling, or still does not because of the changed lines."""
    now = syntax_fault(subject.after, subject.cell)
    if now is None:
        return ()
    fault = Fault("syntax", f"it does not parse: {now.message}", now.line)
    if syntax_fault(subject.before, subject.cell) is None:
        return (fault,)
    if now.line in changes.new or _broken_in_place(subject.before, subject.after):
        return (fault,)
    return ()


def _broken_in_place(before: str, after: str) -> bool:
    """Whether the new text does not parse among its neighbours, where something else would.

    For a document that is broken elsewhere: the compiler tells of the first error only.
    """
    for edit in difference(before, after):
        start = edit.span.start
        line = before.rfind("\n", 0, start) + 1
        end = before.find("\n", edit.span.end)
        whole = Span(line, len(before) if end < 0 else end)
        inner = Edit(Span(start - line, edit.span.end - line), edit.new_text)
        new = apply(before[whole.start : whole.end], (inner,))
        gap = frame(before[: whole.start] + before[whole.end :], whole.start)
        if gap is None or gap.parses_with(new):
            continue
        if any(gap.parses_with(filler) for filler in ("", "pass", "    pass")):
            return True
    return False


def check_names(subject: Subject) -> tuple[Fault, ...]:
    """Names that nothing binds and that were not so before; none for a cell of a notebook."""
    if subject.cell:
        return ()
    now, then = unbound(subject.after), unbound(subject.before)
    if now is None:
        return ()
    fresh = now - (then or frozenset())
    return tuple(
        Fault("name", f"`{name}` is bound nowhere", _first(subject.after, name))
        for name in sorted(fresh)
    )


def _first(source: str, name: str) -> int:
    found = next((word for word in _NAME.finditer(source) if word[0] == name), None)
    return line_of(source, found.start()) if found else 0
