"""What an offset stands in, and where the statement ends that begins there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tabwright.core.text import Span
from tabwright.core.trees.grammars import GRAMMARS
from tabwright.core.trees.tree import SyntaxTree

if TYPE_CHECKING:
    from tree_sitter import Node

Kind = Literal["code", "string", "comment", "docstring", "text", "tag"]

_COMMENT = re.compile(r".*comment.*|php_end_tag")
_STRING = re.compile(
    r"(?:.*_)?string(?:_.*)?|.*(?:char|character|rune)_literal|template_string|.*heredoc.*"
    r"|.*(?:double|single)_quote_scalar|block_scalar|quoted_attribute_value|AttValue|regex(?:_.*)?"
    r"|.*encapsed_string|.*literal_string|encapsed_string|code_fence_content|.*raw_string.*"
)
_NOT_STRING = re.compile(r"predefined_type|string_type|.*identifier|string_array|json_string_array")
_INSERTED = re.compile(
    r".*(?:interpolat|substitution|expansion|embedded).*|jsx_expression|string_interpolation"
)
_TEXT = re.compile(r"text|jsx_text|CharData|inline|paragraph|heading_content|raw_text")
_TAG = re.compile(
    r"start_tag|end_tag|self_closing_tag|jsx_(?:opening|closing|self_closing)_element|[SE]Tag"
    r"|EmptyElemTag"
)
# Nodes that hold statements or items side by side without delimiters of their own.
_LISTS = frozenset(("module", "block", "source_file", "program", "chunk", "translation_unit"))
_LISTS |= {"compilation_unit", "statement_list", "statements", "document", "fragment", "stream"}
_LISTS |= {"body_statement", "then", "else", "block_mapping", "block_sequence", "block_node"}
_LISTS |= {"stylesheet", "section", "template_body", "indented_block", "do_group", "declarations"}
_LISTS |= {"content"}
_SIGN = re.compile(rb"[ \t]*+[;,]")
_KIND_OF_SCRIPT = re.compile(r"\b(?:lang|type)\s*+=\s*+[\"']?(?:text/|application/)?+([\w+-]++)")
_MOST_UP = 200


@dataclass(frozen=True)
class Place:
    """What an offset stands in, and the whole of that string, comment, text or tag."""

    kind: Kind
    span: Span


def place_at(tree: SyntaxTree, offset: int) -> Place:
    """What an offset stands in: between characters of a string it is the string, and so on.

    At the end of a line comment it is the comment; before a string's first quote and behind its
    last it is what is around. Code that is inserted in a string is code.
    """
    low = max(0, min(offset - tree.base, len(tree.raw)))
    for node in _around(tree, low):
        inside = node.start_byte < low < node.end_byte
        kind = node.type
        if _INSERTED.fullmatch(kind) and inside:
            break
        if not node.is_named:
            continue
        if _COMMENT.fullmatch(kind) and node.start_byte < low <= node.end_byte:
            open_end = low < node.end_byte or not _is_block_comment(tree, node)
            if open_end:
                return Place("comment", _span(tree, node))
        elif inside and _is_string(tree, node):
            whole = _whole_string(node)
            doc = tree.language_id == "python" and _is_docstring(whole)
            if whole.start_byte < low < whole.end_byte:
                return Place("docstring" if doc else "string", _span(tree, whole))
        elif inside and _TAG.fullmatch(kind):
            return Place("tag", _span(tree, node))
        elif _TEXT.fullmatch(kind) and node.start_byte <= low <= node.end_byte:
            return Place("text", _span(tree, node))
    else:
        if GRAMMARS[tree.language_id].tags and tree.language_id not in _CODE_WITH_TAGS:
            return Place("text", Span(offset, offset))
    return Place("code", Span(offset, offset))


_CODE_WITH_TAGS = ("javascript", "javascriptreact", "typescriptreact")


def literals(
    tree: SyntaxTree, start: int, end: int, *, of_lines: bool = False
) -> tuple[Place, ...]:
    """The strings and comments between two offsets, in order: where no indentation may change.

    ``of_lines``: only those that go on over a line's end, which are found much more quickly.
    """
    low, high = start - tree.base, end - tree.base
    found: list[Place] = []
    waiting = [tree.root]
    while waiting:
        node = waiting.pop()
        if node.end_byte <= low or node.start_byte >= high:
            continue
        if of_lines and tree.raw.find(b"\n", node.start_byte, node.end_byte) < 0:
            continue
        kind = node.type
        if node.is_named and _COMMENT.fullmatch(kind):
            found.append(Place("comment", _span(tree, node)))
        elif node.is_named and _is_string(tree, node):
            found.append(Place("string", _span(tree, node)))
        else:
            waiting.extend(_children_between(node, low, high))
    return tuple(found)


def statement_end(tree: SyntaxTree, offset: int) -> int:
    """Where the statement, block or element ends that begins at or after an offset.

    With the ``;`` or ``,`` that follows it on its line. The offset itself when nothing follows.
    """
    raw = tree.raw
    low = max(0, min(offset - tree.base, len(raw)))
    rest = raw[low : low + 4_000]
    begin = low + len(rest) - len(rest.lstrip())
    if begin >= len(raw):
        return offset
    node = tree.root.descendant_for_byte_range(begin, min(begin + 1, len(raw)))
    if node is None:
        return offset
    for _ in range(_MOST_UP):
        up = node.parent
        if up is None or up.start_byte != begin or up.type in _LISTS or up.is_error:
            break
        node = up
    end = node.end_byte
    while end > begin and raw[end - 1 : end] in (b"\n", b"\r", b" ", b"\t"):
        end -= 1
    sign = _SIGN.match(raw, end)
    return tree.base + (sign.end() if sign else end)


def statement_at(tree: SyntaxTree, offset: int) -> Span:
    """The innermost statement, item or element that holds an offset: what stands in a list."""
    low = max(0, min(offset - tree.base, len(tree.raw)))
    node = tree.root.descendant_for_byte_range(low, min(low + 1, len(tree.raw))) or tree.root
    for _ in range(_MOST_UP):
        up = node.parent
        if up is None:
            break
        if node.is_named and (up.type in _LISTS or _is_body(up)):
            return _span(tree, node)
        node = up
    return _span(tree, node)


def embedded(tree: SyntaxTree, offset: int) -> tuple[str, Span] | None:
    """The language and the span of code in another language that an offset stands in, or None.

    That is a script or style in HTML, Vue or Svelte, and a fence in Markdown.
    """
    low = max(0, min(offset - tree.base, len(tree.raw)))
    for node in _around(tree, low):
        if node.type == "raw_text" and node.parent is not None:
            return _language_of(tree, node.parent), _span(tree, node)
        if node.type == "code_fence_content" and node.parent is not None:
            info = next((one for one in node.parent.children if one.type == "info_string"), None)
            words = tree.text[info.start_byte : info.end_byte].split() if info else []
            return (words[0].lower() if words else ""), _span(tree, node)
    return None


def _language_of(tree: SyntaxTree, element: Node) -> str:
    head = element.children[0] if element.children else element
    text = tree.text[head.start_byte : head.end_byte].lower()
    found = _KIND_OF_SCRIPT.search(text)
    if element.type == "style_element":
        return found[1] if found and found[1] in ("scss", "less") else "css"
    names = {"ts": "typescript", "tsx": "typescriptreact", "typescript": "typescript"}
    names |= {"json": "json", "ld+json": "json", "importmap": "json", "jsx": "javascriptreact"}
    return names.get(found[1], "javascript") if found else "javascript"


def _around(tree: SyntaxTree, low: int) -> Iterator[Node]:
    """The nodes around a place, innermost first; those that end there come before others."""
    if low:
        left = tree.root.descendant_for_byte_range(low - 1, low)
        for _ in range(_MOST_UP):
            if left is None:
                return
            yield left
            left = left.parent
    else:
        yield tree.root


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


def _is_body(node: Node) -> bool:
    children = node.child_count
    last = node.child(children - 1) if children > 1 else None
    return last is not None and last.type == "}"


def _whole_string(node: Node) -> Node:
    """The string that a part of it belongs to."""
    up = node.parent
    while up is not None and _STRING.fullmatch(up.type) and not _NOT_STRING.fullmatch(up.type):
        node, up = up, up.parent
    return node


def _is_string(tree: SyntaxTree, node: Node) -> bool:
    kind = node.type
    return _STRING.fullmatch(kind) is not None and not _NOT_STRING.fullmatch(kind)


def _is_docstring(node: Node) -> bool:
    up = node.parent
    if up is None or up.type != "expression_statement" or up.parent is None:
        return False
    return up.parent.type in ("module", "block") and up.prev_named_sibling is None


def _is_block_comment(tree: SyntaxTree, node: Node) -> bool:
    return tree.raw[node.end_byte - 2 : node.end_byte] in (b"*/", b"->", b"]]", b"-}", b"=#")


def _span(tree: SyntaxTree, node: Node) -> Span:
    return Span(tree.base + node.start_byte, tree.base + node.end_byte)
