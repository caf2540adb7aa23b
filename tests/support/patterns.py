"""All regular expressions of the server's source, and texts that make a slow one show itself.

Patterns are found by reading the syntax of every file: a call of ``re`` whose pattern can be
computed from the names of its module is computed; all compiled patterns that a module holds are
collected too. What is built from local names must stand in ``MAKERS``.
"""

from __future__ import annotations

import ast
import importlib
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

SOURCE = Path(__file__).parents[2] / "server" / "tabwright"
FUNCTIONS = frozenset(
    ("compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
)
# These meet text without a search through it: a slow start at every offset does not count.
ANCHORED = frozenset(("match", "fullmatch"))
# Other modules that compile patterns, and where they are known to meet no text of an attacker's or
# to be tested apart.
OTHER_WAYS = frozenset(("re", "sre_compile", "regex", "fnmatch", "glob", "pathspec", "string"))
KNOWN_WAYS = frozenset(
    (
        ("tabwright.app.documents.privacy", "pathspec"),
        ("tabwright.app.documents.secret_names", "fnmatch"),
        ("tabwright.models.pulling.hub_download", "fnmatch"),
    )
)
Maker = Callable[[ModuleType], Sequence["re.Pattern[Any] | str"]]


@dataclass(frozen=True)
class Found:
    """One pattern: where it is used, the pattern, and whether a text is searched through for it."""

    place: str
    pattern: re.Pattern[Any]
    searched: bool


class Unknown(Exception):
    """A pattern that is built at run time by a function that the test does not know."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    """The dotted name and the syntax of every file of the server."""
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def has_patterns(name: str, tree: ast.Module) -> bool:
    """Whether a module imports ``re``; raises Unknown where it does so in a way not read here."""
    found = False
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            plain = all(alias.asname is None for alias in node.names)
            if names == ["re"] and plain and node.col_offset == 0:
                found = True
                continue
        for one in names:
            assert isinstance(node, ast.Import | ast.ImportFrom)
            if one.split(".")[0] in OTHER_WAYS and (name, one) not in KNOWN_WAYS:
                raise Unknown(f"{name}, line {node.lineno}: {ast.unparse(node)}")
    return found


def find(makers: Mapping[str, Maker]) -> list[Found]:
    """Every pattern of the server; raises Unknown for one that cannot be computed."""
    found: dict[tuple[str | bytes, int], Found] = {}

    def add(place: str, pattern: re.Pattern[Any], searched: bool) -> None:
        known = found.get((pattern.pattern, pattern.flags))
        if known is None or (searched and not known.searched):
            found[pattern.pattern, pattern.flags] = Found(place, pattern, searched)

    for name, tree in modules():
        if not has_patterns(name, tree):
            continue
        module = importlib.import_module(name)
        held = list(_held(module))
        only_anchored = _only_anchored(tree)
        for label, pattern in held:
            add(f"{name}:{label}", pattern, label not in only_anchored)
        for function, call, used in _calls(tree):
            place = f"{name}:{function}"
            try:
                pattern = _computed(module, call)
            except NameError:
                if not function:
                    continue  # what a module builds in a loop is among what the module holds
                maker = makers.get(place)
                if maker is None:
                    raise Unknown(
                        f"{place}, line {call.lineno}: {ast.unparse(call)[:90]}"
                    ) from None
                for one in maker(module):
                    add(place, one if isinstance(one, re.Pattern) else re.compile(one), True)
                continue
            if function:
                add(place, pattern, used not in ANCHORED)
    return list(found.values())


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call, str]]:
    """Each call of ``re`` with the function that it stands in, and how the pattern is used."""

    def visit(
        node: ast.AST, function: str, parent: ast.AST | None
    ) -> Iterator[tuple[str, ast.Call, str]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if _is_re_call(node):
            assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            used = node.func.attr
            if used == "compile":
                used = parent.attr if isinstance(parent, ast.Attribute) else "finditer"
            yield function, node, used
        for child in ast.iter_child_nodes(node):
            yield from visit(child, function, node)

    yield from visit(tree, "", None)


def _is_re_call(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in FUNCTIONS
    )


def _computed(module: ModuleType, call: ast.Call) -> re.Pattern[Any]:
    """The pattern of a call, computed in its module; raises NameError where it has local names."""
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr != "compile":
        # The text, and what replaces it, are no part of the pattern.
        flags = [word.value for word in call.keywords if word.arg == "flags"]
        position = {"sub": 4, "subn": 4, "split": 3}.get(call.func.attr, 2)
        flags += call.args[position : position + 1]
    else:
        flags = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "flags")]
    pattern = _value(module, call.args[0])
    flag = _value(module, flags[0]) if flags else 0
    return re.compile(pattern, flag)


def _value(module: ModuleType, node: ast.expr) -> Any:
    return eval(compile(ast.Expression(node), "<pattern>", "eval"), dict(vars(module)))


def _only_anchored(tree: ast.Module) -> frozenset[str]:
    """The names of the module whose patterns are used by ``match`` and ``fullmatch`` alone."""
    uses: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                how = node.attr if isinstance(node, ast.Attribute) else "elsewhere"
                uses.setdefault(child.id, set()).add(how)
    return frozenset(name for name, how in uses.items() if how and how <= ANCHORED)


def _held(module: ModuleType) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """All compiled patterns in a module's globals, in tables, dataclasses and classes too."""
    for label, value in sorted(vars(module).items()):
        if not label.startswith("__"):
            seen: set[int] = set()
            for pattern in _inside(value, module.__name__, seen):
                yield label, pattern


def _inside(value: object, module: str, seen: set[int]) -> Iterator[re.Pattern[Any]]:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Mapping):
        for one in list(value.values()):
            yield from _inside(one, module, seen)
    elif isinstance(value, tuple | list | set | frozenset):
        for one in value:
            yield from _inside(one, module, seen)
    elif isinstance(value, type):
        if value.__module__ == module:
            for one in list(vars(value).values()):
                yield from _inside(one, module, seen)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _inside(getattr(value, field.name, None), module, seen)


_GENERAL = (
    *" \t\n\r\"'`\\/*#-=:;,.<>()[]{}@$_aA0 é中“”",
    *("\r\n", " \n", "a ", "a, ", "a.", "a(", "()", "[]", "{}", '"""', "'''", "``", "\\\\", '\\"'),
    *("//", "/*", "*/", "<!--", "# ", "for x= ", "f(x) ", "def f(", "import a ", "a:", "a: b\n"),
    *("- ", "--", "=>", "->", "\n\n", "\t\n", "a\n", " a\n", "a = ", "a\\\n", "0.", "e.g. ", "A\n"),
)
_ENDS = ("\x00", "!", "\n\x00", "a", ")")


def pumps(pattern: re.Pattern[Any], seed: int = 0) -> list[Callable[[int], Any]]:
    """Makers of texts of about the length they are asked for, from the parts of a pattern.

    For each repetition of the pattern: what may stand before it, its body over and over, and an end
    that may let the match fail; and the same of the start and the body together.
    """
    luck = random.Random(seed)
    tree = parser.parse(pattern.pattern, pattern.flags & ~code.SRE_FLAG_DEBUG)
    pieces: dict[tuple[str, str, str], None] = {}
    for piece in _GENERAL:
        for end in ("", "\x00"):
            pieces["", piece, end] = None
    for _ in range(3):
        for prefix, body in _repeats(list(tree), luck):
            if not body:
                continue
            for end in _ENDS[: 3 if len(body) > 8 else None]:
                pieces[prefix, body, end] = None
            if prefix:
                pieces["", prefix + body, ""] = None
                pieces["", prefix, ""] = None
                pieces["", prefix + body, "\x00"] = None
        whole = _sample(list(tree), luck, 1)
        if whole:
            pieces["", whole, ""] = None
            pieces["", whole[: max(1, len(whole) - 1)], ""] = None
            pieces["", whole + "\n", ""] = None

    def maker(prefix: str, body: str, end: str) -> Callable[[int], Any]:
        def make(length: int) -> Any:
            text = prefix + body * max(1, length // len(body)) + end
            return text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text

        make.__name__ = f"{prefix[:60]!r} + n * {body[:60]!r} + {end!r}"
        return make

    return [maker(*parts) for parts in pieces]


def _repeats(tree: list[Any], luck: random.Random, before: str = "") -> Iterator[tuple[str, str]]:
    """For each repetition in a parsed pattern: a text that leads to it, and one of its body."""
    for op, argument in tree:
        if op in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT):
            _, most, body = argument
            if most == code.MAXREPEAT or most > 8:
                yield before, _sample(list(body), luck, 1)
                yield before, _sample(list(body), luck, 3)
            yield from _repeats(list(body), luck, before)
        elif op is code.SUBPATTERN:
            yield from _repeats(list(argument[-1]), luck, before)
        elif op is code.ATOMIC_GROUP:
            yield from _repeats(list(argument), luck, before)
        elif op is code.BRANCH:
            for way in argument[1]:
                yield from _repeats(list(way), luck, before)
        elif op in (code.ASSERT, code.ASSERT_NOT):
            yield from _repeats(list(argument[1]), luck, before)
        before += _sample([(op, argument)], luck, 1)


def _sample(tree: list[Any], luck: random.Random, times: int) -> str:
    """A text that a parsed pattern may match, by chance; each repetition comes ``times`` times."""
    text = ""
    for op, argument in tree:
        if op is code.LITERAL:
            text += chr(argument)
        elif op is code.NOT_LITERAL:
            text += luck.choice([one for one in 'a \n"' if one != chr(argument)])
        elif op is code.ANY:
            text += luck.choice("a \"'(:,`")
        elif op is code.IN:
            text += luck.choice(_members(argument))
        elif op in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT):
            least, most, body = argument
            count = min(int(most), max(int(least), luck.choice((0, times))))
            text += "".join(_sample(list(body), luck, times) for _ in range(min(count, 20)))
        elif op is code.SUBPATTERN:
            text += _sample(list(argument[-1]), luck, times)
        elif op is code.ATOMIC_GROUP:
            text += _sample(list(argument), luck, times)
        elif op is code.BRANCH:
            text += _sample(list(luck.choice(argument[1])), luck, times)
        elif op is code.ASSERT and argument[0] > 0:
            # What must follow is mostly in the text anyway.
            continue
    return text


def _members(members: list[Any]) -> list[str]:
    """Characters of a class, several where there are."""
    candidates = "a \n\t0A_\"'(.,:;=-/*#<>{}[]`$@!|é中\r"
    if members and members[0][0] is code.NEGATE:
        out = [one for one in candidates if not _has(members[1:], one)]
    else:
        out = [one for one in candidates if _has(members, one)]
        out += [chr(value) for op, value in members if op is code.LITERAL]
        out += [chr(value[0]) for op, value in members if op is code.RANGE]
    return out or ["a"]


_CATEGORIES: Mapping[Any, Callable[[str], bool]] = {
    code.CATEGORY_SPACE: str.isspace,
    code.CATEGORY_NOT_SPACE: lambda one: not one.isspace(),
    code.CATEGORY_DIGIT: str.isdecimal,
    code.CATEGORY_NOT_DIGIT: lambda one: not one.isdecimal(),
    code.CATEGORY_WORD: lambda one: one.isalnum() or one == "_",
    code.CATEGORY_NOT_WORD: lambda one: not (one.isalnum() or one == "_"),
}


def _has(members: list[Any], one: str) -> bool:
    for op, value in members:
        if op is code.LITERAL and value == ord(one):
            return True
        if op is code.RANGE and value[0] <= ord(one) <= value[1]:
            return True
        if op is code.CATEGORY and _CATEGORIES[value](one):
            return True
    return False
