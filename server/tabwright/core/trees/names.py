"""Names that code uses and that nothing in the file binds, as far as one file can tell.

A name that may come from elsewhere is not judged: types, members, what a class may inherit, what is
called in languages where another file of the package may define it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabwright.core.trees.binding_tables import BINDINGS, Bindings
from tabwright.core.trees.tree import SyntaxTree

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST_USES = 300
_MOST_PLACES = 300
_MOST_UP = 100


@dataclass(frozen=True)
class UnboundName:
    """A name that is used at an offset and bound nowhere; ``called``: only as a function."""

    name: str
    offset: int
    called: bool


def unbound(tree: SyntaxTree, start: int, end: int) -> tuple[UnboundName, ...]:
    """The names used between two offsets that nothing in their scope binds, each once, in order.

    Scopes are functions and classes: a name that is bound anywhere in the function, or in one
    around it, counts as bound. Empty for languages that have no table, and where only a part of
    the document was parsed.
    """
    tables = BINDINGS.get(tree.language_id)
    if tables is None or not tree.whole:
        return ()
    found: dict[str, UnboundName] = {}
    for node in _uses(tree, tables, start, end):
        name = tree.text[node.start_byte : node.end_byte]
        called = _is_called(node, tables)
        known = found.get(name)
        if known is not None:
            if known.called and not called:
                found[name] = UnboundName(name, known.offset, False)
            continue
        if name in tables.builtins or (tables.skips and tables.skips.match(name)):
            continue
        if called and not tables.judges_calls:
            continue
        if _is_inherited(node, tables) or _is_bound(tree, tables, node, name):
            continue
        found[name] = UnboundName(name, tree.base + node.start_byte, called)
    return tuple(found.values())


def _identifiers(tree: SyntaxTree, tables: Bindings, start: int, end: int) -> list[Node]:
    kinds = " ".join(f"({kind})" for kind in sorted(tables.identifiers))
    found = tree.matches(f"[{kinds}] @name", start, end).get("name", [])
    low, high = start - tree.base, end - tree.base
    return [node for node in found if low <= node.start_byte < high][:_MOST_USES]


def _uses(tree: SyntaxTree, tables: Bindings, start: int, end: int) -> list[Node]:
    return [
        node
        for node in _identifiers(tree, tables, start, end)
        if node.end_byte > node.start_byte
        and not _binds(node, tables)
        and not _stands(node, tables.ignored)
        and not _within(node, tables.ignored_within | tables.importing)
        and not _is_intrinsic_tag(tree, node)
    ]


def _is_intrinsic_tag(tree: SyntaxTree, node: Node) -> bool:
    up = node.parent
    tag = up is not None and up.type.startswith("jsx_") and up.type.endswith("_element")
    return tag and tree.text[node.start_byte].islower()


def _is_bound(tree: SyntaxTree, tables: Bindings, use: Node, name: str) -> bool:
    """Whether one of the places where the name's word stands binds it for this use."""
    scopes = {node.id for node in _scopes(use, tables)}
    for number, (low, high) in enumerate(_places_of(tree.text, name)):
        if number == _MOST_PLACES:
            return True
        node = tree.root.descendant_for_byte_range(low, high)
        if node is None or node.id == use.id:
            continue
        if _within(node, tables.importing):
            return True
        if node.type not in tables.identifiers:
            spelt = tree.text[node.start_byte : node.end_byte].strip(":\"'")
            if node.type in tables.words and spelt == name:
                return True
            continue
        if not _binds(node, tables):
            continue
        home = _home(node, tables)
        if home is None or home.id in scopes:
            return True
    return False


def _places_of(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Where a name stands as a whole word."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if not _is_word(text[at - 1 : at]) and not _is_word(text[end : end + 1]):
            yield at, end
        at = text.find(name, end)


def _is_word(char: str) -> bool:
    return char.isalnum() or char in ("_", "$")


def _binds(node: Node, tables: Bindings) -> bool:
    return _stands(node, tables.binding)


def _stands(node: Node, places: frozenset[str]) -> bool:
    """Whether a node's parent, with or without the field, is one of the places."""
    up = node.parent
    for _ in range(_MOST_UP):
        if up is None:
            return False
        if up.type in places:
            return True
        field = _field(up, node)
        if field and f"{up.type}.{field}" in places:
            return True
        if f"{up.type}[1]" in places and _first(up) != node.id:
            return True
        if up.type not in _TRANSPARENT:
            return False
        node, up = up, up.parent
    return False


# Lists of targets: what stands in one is bound where the list would be.
_TRANSPARENT = frozenset(("expression_list", "left_assignment_list", "list_literal", "pair"))


def _field(parent: Node, child: Node) -> str | None:
    for number, one in enumerate(parent.children):
        if one.id == child.id:
            return parent.field_name_for_child(number)
    return None


def _first(parent: Node) -> int | None:
    first = parent.named_child(0) if parent.named_child_count else None
    return first.id if first is not None else None


def _within(node: Node, kinds: frozenset[str]) -> bool:
    if not kinds:
        return False
    up: Node | None = node
    for _ in range(_MOST_UP):
        if up is None:
            return False
        if up.type in kinds:
            return True
        up = up.parent
    return False


def _scopes(node: Node, tables: Bindings) -> list[Node]:
    found = []
    up: Node | None = node
    while up is not None:
        if up.type in tables.scopes or up.parent is None:
            found.append(up)
            if up.type in tables.closed:
                break
        up = up.parent
    return found


def _home(node: Node, tables: Bindings) -> Node | None:
    """The scope that a binding is for; a function's own name is for the scope around it."""
    up = node.parent
    if up is not None and up.type in tables.scopes and _field(up, node) in ("name", "declarator"):
        up = up.parent
    while up is not None and up.type not in tables.scopes and up.parent is not None:
        up = up.parent
    return up


def _is_called(node: Node, tables: Bindings) -> bool:
    up = node.parent
    if up is None or up.type not in tables.calls:
        return False
    return _field(up, node) in ("function", "name", "method") or _first(up) == node.id


def _is_inherited(node: Node, tables: Bindings) -> bool:
    """Whether a class around a use has a base, from which the name may come."""
    up = node.parent
    while up is not None:
        if up.type in tables.classes and any(one.type in tables.bases for one in up.children):
            return True
        up = up.parent
    return False
