"""The templates of all sentences that the server's source may show a user, read from its syntax.

A text is looked for where sentences are made (``SINKS``, ``RETURNS``, ``TABLES``). An f-string
becomes a template with ``{0}``, ``{1}`` and so on for what varies; constants are put in.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "server" / "tabwright"
PACKAGES = ("app", "assists", "checks", "client", "core", "engine", "lsp", "models")
# Which arguments of a call a user may come to read, by position or name.
SINKS: Mapping[str, tuple[int | str, ...]] = {
    **dict.fromkeys(("Nothing", "Rejected", "Unanswered", "_Refused", "NoGrammar"), (0,)),
    **dict.fromkeys(("Unusable", "EngineError", "EngineUnavailable", "ModelMissing"), (0,)),
    **dict.fromkeys(("NotConnected", "Disconnected", "ModelError", "ModelInvalid"), (0,)),
    **dict.fromkeys(("PullFailed", "PullCancelled", "SourceFailed", "PromptTooLong"), (0,)),
    **dict.fromkeys(("bar", "end", "apply", "_words", "joined", "StatisticsError"), (0,)),
    "TrustError": (0,),
    "ModelChanged": (0,),
    **dict.fromkeys(("Fault", "SyntaxFault", "Pulled", "Failure", "Assist", "at", "show"), (1,)),
    **dict.fromkeys(("_tell", "tell", "title", "_nothing", "_failed", "_guarded"), (0,)),
    **dict.fromkeys(("warn", "trouble"), (1,)),
    "Said": tuple(range(5)),
    "_option": (3,),
    "_about_code": (1,),
    "Target": (0,),
    "nothing": (0, 1),
    "Made": ("reason",),
    "Outcome": ("reason",),
    "Done": (2,),
    "say": (2,),
    "ask": (1, 2),
    "Progress": (5,),
    "_warn": (0,),
    "counting": (0,),
    "_scrub": (0,),
    "Fault": (1, "advice"),
}
MORE_SINKS: Mapping[tuple[str, str], tuple[int | str, ...]] = {
    ("checks/check.py", "_failed"): (0, 2),
    ("checks/check.py", "_guarded"): (0, 1),
    ("client/local/watchdog.py", "_fail"): (1,),
    ("models/pulling/sources.py", "report"): (1,),
}
LISTS = frozenset({"reasons", "_reasons", "warnings"})
KEYS = frozenset({"reason", "message", "detail", "problem"})
# Functions that return a sentence, or say why something is so.
RETURNS: Mapping[str, tuple[str, ...]] = {
    "assists/registry.py": (
        *("_fixes", "_generates", "_simplifies", "_documents", "_tests", "_translates"),
    ),
    "checks/check.py": ("_why_not",),
    "checks/examples/sandboxed.py": ("judge", "_judge_value"),
    "checks/sandbox/runs.py": ("unsupported",),
    "client/remote/breaker.py": ("refusal",),
    "client/local/launch.py": ("_tail", "_log_hint"),
    "client/remote/engine.py": ("_fault",),
    "client/local/watchdog.py": ("quiet", "hung"),
    "app/actions/executor.py": ("_words", "stale"),
    "app/actions/search.py": ("_words",),
    "app/documents/privacy.py": ("allowed", "_denied", "_ignored_in"),
    "lsp/client.py": ("apply",),
    "models/manifest.py": ("problem",),
    "trust.py": ("_unsafe",),
}
TABLES: Mapping[str, tuple[str, ...]] = {
    "checks/syntax/risks.py": ("_ANY", "_SCRIPT", "_C", "_BY_LANGUAGE"),
    "client/remote/hiding.py": ("MANGLED",),
    "app/actions/executor.py": ("CANCELLED",),
    "app/runtime/engines.py": ("STARTING", "LOADING", "READY", "MISSING", "FAILED"),
    "app/runtime/notices.py": ("_ADVICE",),
    "app/settings/settings.py": ("_SWITCH", "_TEXT", "_NAME", "_FULL_PATH"),
    "app/runtime/pulling.py": ("_STAGES", "YES", "NO", "_CANCELLED"),
    "app/actions/model_choice.py": ("NEVER",),
}
_HOLE = re.compile(r"\{\d+\}")
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module


@dataclass(frozen=True)
class Found:
    """A template, and where it is made."""

    template: str
    where: str


def templates() -> list[Found]:
    """All templates, each as often as it is made."""
    modules = {
        str(path.relative_to(SOURCE)): ast.parse(path.read_text("utf-8"))
        for package in PACKAGES
        for path in sorted((SOURCE / package).rglob("*.py"))
    }
    for name in ("statistics.py", "trust.py"):
        modules[name] = ast.parse((SOURCE / name).read_text("utf-8"))
    return [found for name in modules for found in _Module(name, modules).found()]


class _Module:
    """One file: its constants, those it imports, and the sentences in it."""

    def __init__(self, name: str, modules: Mapping[str, ast.Module]) -> None:
        self._name = name
        self._tree = modules[name]
        self._constants = dict(_assigned(self._tree))
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tabwright."):
                inside = (node.module or "").removeprefix("tabwright.").replace(".", "/") + ".py"
                there = dict(_assigned(modules[inside])) if inside in modules else {}
                for alias in node.names:
                    if alias.name in there:
                        self._constants[alias.asname or alias.name] = there[alias.name]

    def found(self) -> Iterator[Found]:
        for table in TABLES.get(self._name, ()):
            yield from self._read(self._constants[table], {}, f"{self._name} {table}")
        yield from self._inside(self._tree, {})

    def _inside(self, scope: Scope, outer: Mapping[str, ast.expr]) -> Iterator[Found]:
        names = {**outer, **dict(_assigned(scope))} if scope is not self._tree else {}
        returns = getattr(scope, "name", "") in RETURNS.get(self._name, ())
        for node in _own(scope):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from self._inside(node, names)
                continue
            shown: list[ast.expr | None] = []
            if returns and isinstance(node, ast.Return):
                shown = [node.value]
            elif isinstance(node, ast.Call):
                shown = list(self._arguments(node))
            elif isinstance(node, ast.Dict) and self._name != "engine/http/api.py":
                pairs = zip(node.keys, node.values, strict=True)
                shown = [
                    value
                    for key, value in pairs
                    if isinstance(key, ast.Constant) and key.value in KEYS
                ]
            for each in shown:
                if each is not None:
                    yield from self._read(each, names, f"{self._name}:{each.lineno}")

    def _arguments(self, call: ast.Call) -> Iterator[ast.expr]:
        name = _name(call.func)
        if name == "append" and isinstance(call.func, ast.Attribute):
            if _name(call.func.value) in LISTS:
                yield from call.args
            return
        if self._name.startswith("core/") and name not in ("Rejected", "Said"):
            return
        if name == "ask" and len(call.args) < 3:
            return  # RpcServer's, whose words are for the log
        for place in MORE_SINKS.get((self._name, name), SINKS.get(name, ())):
            if isinstance(place, int) and place < len(call.args):
                yield call.args[place]
            yield from (each.value for each in call.keywords if each.arg == place)

    def _read(self, node: ast.expr, names: Mapping[str, ast.expr], where: str) -> Iterator[Found]:
        """The templates that an expression may come to, and those of its parts."""
        holes: list[ast.expr] = []
        match node:
            case ast.Constant(value=str(text)):
                if any(char.isalpha() for char in text) or _HOLE.search(text):
                    yield Found(text, where)
            case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                text = self._template(node, holes)
                if _HOLE.sub("", text):
                    yield Found(text, where)
                for hole in holes:
                    yield from self._read(hole, names, where)
            case ast.IfExp(body=body, orelse=orelse):
                yield from self._read(body, names, where)
                yield from self._read(orelse, names, where)
            case ast.BoolOp(values=values) | ast.Tuple(elts=values):
                for value in values:
                    yield from self._read(value, names, where)
            case ast.Dict(values=values):
                for value in values:
                    yield from self._read(value, names, where)
            case ast.Name(id=name) if name in names or name in self._constants:
                value = names.get(name) or self._constants[name]
                rest = {key: each for key, each in names.items() if key != name}
                if not (isinstance(value, ast.Name) and value.id == name):
                    yield from self._read(value, rest, where)
            case ast.Subscript(value=ast.Name() as table):
                yield from self._read(table, names, where)
            case ast.Call(func=ast.Attribute(value=ast.Name() as table, attr="get")):
                for each in (table, *node.args[1:]):
                    yield from self._read(each, names, where)

    def _template(self, node: ast.expr, holes: list[ast.expr]) -> str:
        """An expression as a template; what varies in it is put into ``holes``."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr(values=values):
                return "".join(self._template(value, holes) for value in values)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self._template(left, holes) + self._template(right, holes)
            case ast.FormattedValue(value=value, conversion=-1):
                return self._template(value, holes)
            case ast.Name(id=name) if name in self._constants:
                value = self._constants[name]
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    return value.value
        holes.append(node)
        return f"{{{len(holes) - 1}}}"


def _name(node: ast.expr) -> str:
    """A name, or the last part of a dotted one; "" for anything else."""
    return str(getattr(node, "id", "") or getattr(node, "attr", ""))


def _own(scope: Scope) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of the functions in it, which come as themselves."""
    waiting: list[ast.AST] = list(scope.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting[:0] = ast.iter_child_nodes(node)


def _assigned(scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    """Names that are given a value in a scope, several of one name as alternatives."""
    found: dict[str, list[ast.expr]] = {}
    for node in _own(scope):
        pairs: list[tuple[ast.expr, ast.expr]] = []
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs += zip(target.elts, node.value.elts, strict=True)
                else:
                    pairs.append((target, node.value))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pairs.append((node.target, node.value))
        for target, value in pairs:
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(value)
    for name, values in found.items():
        yield name, values[0] if len(values) == 1 else ast.Tuple(elts=values)
