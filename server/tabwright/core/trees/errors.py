"""Where a document does not parse, and whether an edit makes that worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabwright.core.text import Span
from tabwright.core.trees.delimiters import REACH, delimiters, extra_closers, unbalanced
from tabwright.core.trees.tree import SyntaxTree

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST = 200


@dataclass(frozen=True)
class ParseError:
    """A part that fits no rule, or, with ``missing``, where a token of that type is missing."""

    span: Span
    missing: str = ""


def errors(tree: SyntaxTree) -> tuple[ParseError, ...]:
    """The tree's errors in order, the first 200; an error inside another is not counted again."""
    found: list[ParseError] = []
    waiting = [tree.root]
    while waiting and len(found) < _MOST:
        node = waiting.pop()
        if node.is_error or node.is_missing or _is_stray_tag(node):
            span = Span(tree.base + node.start_byte, tree.base + node.end_byte)
            found.append(ParseError(span, node.type if node.is_missing else ""))
        elif node.has_error:
            waiting.extend(child for child in reversed(node.children) if _may_err(child))
    return tuple(found)


def fits(before: SyntaxTree, after: SyntaxTree, start: int, end: int) -> bool:
    """Whether the file with an edit parses no worse than without it.

    ``start`` and ``end`` are where the new text stands in ``after``. A file is incomplete while
    somebody types in it, so it may keep its errors. In markup, where any text parses, the edit
    also must not leave more tags without a partner.
    """
    if after.root.has_error:
        if not before.root.has_error:
            return False
        old, new = errors(before), errors(after)
        if any(one.span.start <= start <= one.span.end and len(one.span) for one in old):
            # The parser found no structure at all around the cursor, so its errors say nothing.
            return _unpaired(after, start, end) <= _unpaired(before, start, start)
        if len(new) > len(old):
            return False
        grown = sum(map(_size, new)) - sum(map(_size, old))
        if grown > max(0, end - start):
            return False
    shift = len(after.text) - len(before.text)
    old_end = max(start, end - shift)
    # Ruby and Bash take a superfluous "end" or "fi" for a name.
    words = any(closer.isalpha() for closer in after.grammar.pairs.values())
    if words and not before.root.has_error:
        extra = extra_closers(before, after, start, end)
        if any(one.text.isalpha() for one in extra):
            return False
    if not after.grammar.tags:
        return True
    return _unpaired_tags(after, start, end) <= _unpaired_tags(before, start, old_end)


def _unpaired(tree: SyntaxTree, start: int, end: int) -> int:
    """How many delimiters around a range have no partner there."""
    return unbalanced(delimiters(tree, max(tree.base, start - REACH), min(tree.end, end + REACH)))


def _unpaired_tags(tree: SyntaxTree, start: int, end: int) -> int:
    """How many tags around a range have no partner there."""
    found = delimiters(tree, max(tree.base, start - REACH), min(tree.end, end + REACH))
    return unbalanced(one for one in found if (one.closer or one.text).startswith(("</", "{/")))


def _size(error: ParseError) -> int:
    return len(error.span)


def _may_err(node: Node) -> bool:
    return node.has_error or node.is_error or node.is_missing or _is_stray_tag(node)


def _is_stray_tag(node: Node) -> bool:
    """HTML's grammar takes an end tag without a start tag for a part of the document."""
    return node.type == "erroneous_end_tag"
