"""Find names that Python text uses but does not bind."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import warnings
from collections.abc import Iterator

_BUILTINS = frozenset(dir(builtins)) | {"__file__", "__name__", "__path__", "__class__"}
_MAX_CHARS = 60_000
_WORD = re.compile(r"[^\W\d]\w*")
# Lines that may bind a name of the module: unindented lines, and imports anywhere.
_BINDING_LINE = re.compile(r"^(?:[^\s#].*|[ \t]++(?:import|from|global)\b.*)$", re.MULTILINE)
_STAR_IMPORT = re.compile(r"^[ \t]*+from\s.*import\s*+\*", re.MULTILINE)


def unbound_names(source: str, elsewhere: str = "") -> frozenset[str] | None:
    """Return the names that ``source`` uses and that neither it nor ``elsewhere`` binds.

    ``elsewhere`` is the module's other text. None if the source does not parse, is too long, or a
    star import may bind anything. A name that only ``+=`` and the like assign counts as unbound.
    """
    if len(source) > _MAX_CHARS or _STAR_IMPORT.search(source) or _STAR_IMPORT.search(elsewhere):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            module = symtable.symtable(source, "<buffer>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    known = set(_BUILTINS)
    for line in _BINDING_LINE.finditer(elsewhere):
        known.update(_WORD.findall(line[0]))
    known.update(symbol.get_name() for symbol in module.get_symbols() if _binds(symbol))
    known.update(_declared_global(module))
    return frozenset(
        name for name in (*_global_lookups(module), *_only_augmented(tree)) if name not in known
    )


def _binds(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()


def _declared_global(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_declared_global() and symbol.is_assigned():
            yield symbol.get_name()
    for child in table.get_children():
        yield from _declared_global(child)


def _global_lookups(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the names that any scope looks up in the module or the builtins."""
    at_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or (at_top and not _binds(symbol))):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _global_lookups(child)


def _only_augmented(tree: ast.AST) -> Iterator[str]:
    """Yield the names in functions that only augmented assignments such as ``+=`` bind."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        nodes = list(ast.walk(function))
        targets = [node.target for node in nodes if isinstance(node, ast.AugAssign)]
        augmented = {target.id for target in targets if isinstance(target, ast.Name)}
        bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
        for node in nodes:
            if isinstance(node, ast.Global | ast.Nonlocal):
                bound.update(node.names)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.update(() if any(node is target for target in targets) else (node.id,))
        yield from augmented - bound
