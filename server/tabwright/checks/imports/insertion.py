"""Insert missing imports below the existing ones; in Python by the syntax tree."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Sequence

from tabwright.checks.imports import insertion_by_lines
from tabwright.checks.lines import line_end, split_lines, terminate_line
from tabwright.core.syntax.python_parse import tree_of

_Import = ast.Import | ast.ImportFrom


def insert_imports(text: str, imports: Sequence[str], language_id: str) -> str:
    """Return the text with each missing import inserted, with the text's own line ends.

    In Python lines that are no imports, and names that are already imported, are skipped.
    """
    wanted = [line.strip() for line in imports if line.strip()]
    if not wanted:
        return text
    if language_id == "python":
        tree = tree_of(text)
        if tree is not None:
            return _insert_python_imports(text, tree, wanted)
        wanted = [ast.unparse(node) for line in wanted for node in _statements(line)]
    return insertion_by_lines.insert_imports(text, wanted, language_id)


def _insert_python_imports(text: str, tree: ast.Module, wanted: Sequence[str]) -> str:
    for line in wanted:
        for node in _statements(line):
            missing = _missing(node, tree)
            if missing is None:
                continue
            text = _insert_python_import(text, tree, missing)
            new_tree = tree_of(text)
            if new_tree is None:
                return text
            tree = new_tree
    return text


def _statements(line: str) -> list[_Import]:
    tree = tree_of(line)
    return [node for node in tree.body if isinstance(node, _Import)] if tree else []


def _missing(wanted: _Import, tree: ast.Module) -> _Import | None:
    """Return the part of an import that the module lacks; None if it lacks nothing."""
    existing = {
        _alias_key(node, alias) for node in _module_imports(tree.body) for alias in node.names
    }
    modules = {alias.name for node in _module_imports(tree.body) for alias in node.names}
    names = []
    for alias in wanted.names:
        star = isinstance(wanted, ast.ImportFrom) and _alias_key(wanted, ast.alias("*")) in existing
        inside = isinstance(wanted, ast.Import) and alias.asname is None
        inside = inside and any(name.startswith(f"{alias.name}.") for name in modules)
        if _alias_key(wanted, alias) not in existing and not star and not inside:
            names.append(alias)
    if not names:
        return None
    if isinstance(wanted, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(wanted.module, names, wanted.level)


def _module_imports(body: Sequence[ast.stmt]) -> list[_Import]:
    """Return the imports at module level, also those inside ``if`` and ``try``."""
    found: list[_Import] = []
    for node in body:
        if isinstance(node, _Import):
            found.append(node)
        elif isinstance(node, ast.If):
            found += _module_imports((*node.body, *node.orelse))
        elif isinstance(node, ast.Try):
            handled = [line for handler in node.handlers for line in handler.body]
            found += _module_imports((*node.body, *handled, *node.orelse, *node.finalbody))
    return found


def _alias_key(node: _Import, alias: ast.alias) -> tuple[str, str, str]:
    module = "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else "\0"
    return module, alias.name, alias.asname or alias.name


def _insert_python_import(text: str, tree: ast.Module, node: _Import) -> str:
    lines, end = split_lines(text), line_end(text)
    body = [one for one in tree.body if not _is_docstring(one, tree)]
    block: list[_Import] = []
    for one in body:
        if not isinstance(one, _Import):
            break
        block.append(one)
    new = ast.unparse(node) + end
    if not block:
        return _insert_first_import(lines, tree, new, end)
    group = [one for one in block if _sort_key(one)[0] == _sort_key(node)[0]]
    lower = [one for one in group or block if _sort_key(one) <= _sort_key(node)]
    at = _last_line(lower[-1]) if lower else (group or block)[0].lineno - 1
    terminate_line(lines, at, end)
    head = [end] if lower and not group else []
    below = lines[at] if at < len(lines) else end
    foot = [end] if not group and below.strip() else []
    return "".join((*lines[:at], *head, new, *foot, *lines[at:]))


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _insert_first_import(lines: list[str], tree: ast.Module, new: str, end: str) -> str:
    """Insert an import below the docstring, else below the comments at the top, else first."""
    if tree.body and _is_docstring(tree.body[0], tree):
        at = tree.body[0].end_lineno or 1
    else:
        at = _count_header_comments(lines)
    terminate_line(lines, at, end)
    below = at
    while below < len(lines) and not lines[below].strip(" \t\r\n"):
        below += 1
    rest = lines[below:]
    head = [end] if at and lines[at - 1].strip() else []
    needs_two_lines = rest and re.match(r"@|(?:async\s++)?def\b|class\b|#", rest[0])
    foot = [] if not rest else [end, end] if needs_two_lines else [end]
    return "".join((*lines[:at], *head, new, *foot, *rest))


def _count_header_comments(lines: Sequence[str]) -> int:
    """Count the lines that stay at the top: for the system, and a comment above a blank line."""
    count = 0
    while count < len(lines) and re.match(r"#!|#.*coding[:=]", lines[count]):
        count += 1
    last = count
    while last < len(lines) and lines[last].startswith("#"):
        last += 1
    apart = last < len(lines) and not lines[last].strip()
    return last if apart else count


def _is_docstring(node: ast.stmt, tree: ast.Module) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    text = isinstance(value, ast.Constant) and isinstance(value.value, str)
    return text and node is tree.body[0]


def _sort_key(node: _Import) -> tuple[int, bool, str]:
    """Return the sort key of an import: future, standard library, installed, relative."""
    plain = isinstance(node, ast.Import)
    module = node.names[0].name if isinstance(node, ast.Import) else node.module or ""
    top = module.partition(".")[0]
    if isinstance(node, ast.ImportFrom) and node.level:
        return 3, True, module.casefold()
    group = 0 if top == "__future__" else 1 if top in sys.stdlib_module_names else 2
    return group, not plain, module.casefold()
