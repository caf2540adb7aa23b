"""Edits asked for in real functions: by rule, so that nobody picked them."""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from bench.lib import lines

LEAST_LINES, MOST_LINES = 12, 30
LEAST_USES = 4  # of the variable that an edit is about


@dataclass(frozen=True)
class FunctionEdit:
    """A function as it stands (whole lines), what is asked, and how it should look then."""

    kind: str
    name: str  # module and first line
    code: str
    instruction: str
    expected: str


@dataclass(frozen=True)
class _Function:
    name: str
    code: str
    variable: str  # the local one that is used most
    places: tuple[int, ...]  # offsets of its uses in the code


def chosen(count: int) -> list[FunctionEdit]:
    """``count`` edits of each kind, each of another function, from the modules in turn."""
    drawn = [_drawn(module) for module in lines.MODULES]
    mixed = [function for row in zip_longest(*drawn) for function in row if function is not None]
    return [
        make(function)
        for index, make in enumerate(KINDS.values())
        for function in mixed[index :: len(KINDS)][:count]
    ]


def renamed(function: _Function) -> FunctionEdit:
    """Another name for a variable, as one asks for it in words."""
    old, new = function.variable, f"{function.variable}_value"
    return FunctionEdit(
        "rename",
        function.name,
        function.code,
        f"Rename the variable `{old}` to `{new}` throughout this function.",
        _put(function, function.places, new),
    )


def misspelt(function: _Function) -> FunctionEdit:
    """One use of a variable lacks its last letter, and a linter's message says so."""
    place = function.places[len(function.places) // 2]
    wrong = function.variable[:-1]
    return FunctionEdit(
        "fix",
        function.name,
        _put(function, (place,), wrong),
        f"Fix this error in line {function.code.count(chr(10), 0, place) + 1}: "
        f"Undefined name `{wrong}` (Ruff F821).",
        function.code,
    )


KINDS: dict[str, Callable[[_Function], FunctionEdit]] = {"rename": renamed, "fix": misspelt}


def _drawn(module: str) -> list[_Function]:
    """The functions of a module that an edit can be about, shuffled by rule."""
    text = lines.source(module).read_text(encoding="utf-8")
    found = list(_functions(module, text))
    random.Random(module).shuffle(found)
    return found


def _functions(module: str, text: str) -> Iterator[_Function]:
    file = lines.file_lines(text)
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef) or node.end_lineno is None:
            continue
        code = "".join(file[node.lineno - 1 : node.end_lineno])
        if not code.isascii() or not LEAST_LINES <= code.count("\n") <= MOST_LINES:
            continue
        variable = _busiest(node)
        places = _places(code, node, variable) if variable else ()
        if len(places) >= LEAST_USES:
            yield _Function(f"{module}:{node.lineno}", code, variable, places)


def _busiest(function: ast.FunctionDef) -> str:
    """The variable assigned in a function that is used most; "" when there is none."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    local = {node.id for node in names if isinstance(node.ctx, ast.Store) and len(node.id) > 3}
    uses = Counter(node.id for node in names if node.id in local)
    return max(sorted(uses), key=lambda name: uses[name], default="")


def _places(code: str, function: ast.FunctionDef, variable: str) -> tuple[int, ...]:
    """Offsets of a variable's uses in ASCII ``code``; none if its name also stands for others."""
    starts = [0]
    for line in lines.file_lines(code):
        starts.append(starts[-1] + len(line))
    found = sorted(
        starts[node.lineno - function.lineno] + node.col_offset
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id == variable
    )
    words = [match.start() for match in re.finditer(rf"\b{variable}\b", code)]
    return tuple(found) if found == words else ()


def _put(function: _Function, places: tuple[int, ...], name: str) -> str:
    code = function.code
    for place in reversed(places):
        code = code[:place] + name + code[place + len(function.variable) :]
    return code
