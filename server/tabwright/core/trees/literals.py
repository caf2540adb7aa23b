"""Where the strings and comments of a document are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabwright.core.text import Span
from tabwright.core.trees.tree import SyntaxTree

if TYPE_CHECKING:
    from tree_sitter import Node

_COMMENT = re.compile(r".*comment.*|php_end_tag")
_STRING = re.compile(
    r"(?:.*_)?string(?:_.*)?|.*(?:char|character|rune)_literal|template_string|.*heredoc.*"
    r"|.*(?:double|single)_quote_scalar|block_scalar|quoted_attribute_value|AttValue|regex(?:_.*)?"
    r"|.*encapsed_string|.*literal_string|encapsed_string|code_fence_content|.*raw_string.*"
)
_NOT_STRING = re.compile(r"predefined_type|string_type|.*identifier|string_array|json_string_array")


def literals(tree: SyntaxTree, start: int, end: int, *, of_lines: bool = False) -> tuple[Span, ...]:
    """The strings and comments between two offsets, in order: where no indentation may change.

    ``of_lines``: only those that go on over a line's end, which are found much more quickly.
    """
    low, high = start - tree.base, end - tree.base
    found: list[Span] = []
    waiting = [tree.root]
    while waiting:
        node = waiting.pop()
        if node.end_byte <= low or node.start_byte >= high:
            continue
        if of_lines and tree.raw.find(b"\n", node.start_byte, node.end_byte) < 0:
            continue
        kind = node.type
        if node.is_named and (_COMMENT.fullmatch(kind) or _is_string(kind)):
            found.append(Span(tree.base + node.start_byte, tree.base + node.end_byte))
        else:
            waiting.extend(_children_between(node, low, high))
    return tuple(found)


def _children_between(node: Node, low: int, high: int) -> list[Node]:
    """The children of a node that touch a range, last first."""
    # Not by Node.first_child_for_byte, which ends the process where there is no such child.
    cursor = node.walk()
    found: list[Node] = []
    more = cursor.goto_first_child_for_byte(max(low, node.start_byte)) is not None
    while more and cursor.node is not None and cursor.node.start_byte < high:
        found.append(cursor.node)
        more = cursor.goto_next_sibling()
    return found[::-1]


def _is_string(kind: str) -> bool:
    return _STRING.fullmatch(kind) is not None and not _NOT_STRING.fullmatch(kind)
