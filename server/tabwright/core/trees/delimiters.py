"""Brackets, words and tags that open and close: what is open at an offset, and what closes it.

The grammar says which tokens are delimiters, so none inside a string or a comment counts. Their
partners are found here and not taken from the tree: where a closer is missing, a parser lets the
enclosing block's closer end the inner block and reports the error elsewhere, in each grammar
differently. Here the closers' indentation decides in that case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tabwright.core.trees.grammars import GRAMMARS, Grammar, load
from tabwright.core.trees.tree import SyntaxTree

if TYPE_CHECKING:
    from tree_sitter import Node

REACH = 4_000
TAB_COLUMNS = 4
_MOST_OPEN = 200  # openers in which the partner of a closer is looked for
# HTML closes these by itself, or they have no end tag at all.
VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param")
)
VOID |= {"source", "track", "wbr", "!doctype"}
_OPTIONAL = frozenset(
    ("p", "li", "dt", "dd", "td", "th", "tr", "thead", "tbody", "tfoot", "option")
)
_OPTIONAL |= {"optgroup", "rt", "rp", "html", "body"}
_COMMENTS = (b"//", b"#", b"/*", b"--", b"<!--")
_NAME = re.compile(r"<\s*/?\s*([^\s>/{]*)")
_BLOCK_NAME = re.compile(r"\{\s*[#/]\s*(\w+)")


@dataclass(frozen=True)
class Delimiter:
    """A token that opens or closes: where it stands, ``text``, and the text of its partner.

    ``line`` is where its line begins, ``indent`` the indentation of that, ``column`` its width;
    ``first`` and ``last``: it is the first or last of its line. ``optional``: HTML does not ask for
    its end tag.
    """

    start: int
    end: int
    text: str
    closer: str
    opens: bool
    line: int
    indent: str
    column: int
    first: bool
    last: bool
    optional: bool = False


@dataclass(frozen=True)
class OpenDelimiter:
    """A delimiter that is open at an offset, and where what closes it begins: None when missing."""

    opener: Delimiter
    closed_at: int | None


def delimiters(tree: SyntaxTree, start: int, end: int, split: int | None = None) -> list[Delimiter]:
    """The delimiters between two offsets, in order, but for pairs that stand on one line.

    Those around the offset ``split`` are there even so. A token that is only missing is none.
    """
    grammar = tree.grammar
    found = tree.matches(_source(tree.language_id), start, end)
    low, high = start - tree.base, end - tree.base
    middle = -1 if split is None else split - tree.base
    tokens = [
        (node.start_byte, node.end_byte, opens, node)
        for opens, name in ((True, "open"), (False, "close"))
        for node in found.get(name, ())
    ]
    tokens.sort(key=lambda token: (token[0], -token[1]))
    raw, pairs = tree.raw, grammar.pairs
    kept: list[tuple[int, int, bool, Node]] = []
    for token in tokens:
        if not low <= token[0] < high or token[0] == token[1]:
            continue
        if kept and (kept[-1][0] == token[0] or kept[-1][1] == token[1]):
            continue  # a brace of Svelte's {#if}, which is one delimiter
        if not token[2] and kept and kept[-1][2]:
            opener = kept[-1]
            # Most pairs end here, before anything that takes time is asked.
            kind = opener[3].type
            alike = pairs.get(kind) == token[3].type
            if not alike and grammar.tags.get(kind) == token[3].type:
                name = raw[token[0] + 2 : token[1] - 1]
                alike = (
                    raw.startswith(name, opener[0] + 1) and raw[opener[0] : opener[0] + 1] == b"<"
                )
            around = opener[1] <= middle <= token[0]
            if alike and not around and raw.find(b"\n", opener[0], token[0]) < 0:
                kept.pop()
                continue
        kept.append(token)
    lines = _Lines(tree)
    made = (
        (_opener if opens else _closer)(tree, grammar, node, lines) for _, _, opens, node in kept
    )
    return [one for one in made if one]


def open_at(tree: SyntaxTree, offset: int, reach: int = REACH) -> tuple[OpenDelimiter, ...]:
    """What is open at an offset, outermost first, as far as the text within ``reach`` tells.

    What was opened further up is not named. What the text within reach does not close counts as
    closed at the reach's end, unless the document ends there or an outer opener is closed before.
    """
    low, high = max(tree.base, offset - reach), min(tree.end, offset + reach)
    around = delimiters(tree, low, high, offset)
    stack = _paired(one for one in around if one.end <= offset).open
    below = [one for one in around if one.start >= offset]
    closed = _closers(stack, below)
    whole = high == tree.end
    return tuple(
        OpenDelimiter(opener, closed.get(opener, None if whole or closed else high))
        for opener in stack
    )


def missing_closers(
    before: SyntaxTree, after: SyntaxTree, start: int, end: int
) -> tuple[Delimiter, ...]:
    """The openers of a new text that nothing closes, innermost first.

    ``start`` and ``end`` are where the new text stands in ``after``. A closer below that belongs
    to an opener around the text, by its indentation or because it did so in ``before``, is not
    theirs. With those around whose closers the text replaced.
    """
    found = open_at(after, end)
    known = {one.opener.start: one.closed_at for one in open_at(before, start)}
    old_end = max(start, end - len(after.text) + len(before.text))
    lost, replaced = 0, set[int]()
    for one in found:
        then = known.get(one.opener.start)
        if one.opener.start < start and one.closed_at is None and then is not None:
            if start <= then < old_end:
                replaced.add(one.opener.start)
            else:
                lost += 1
    missing = []
    for one in reversed(found):
        if one.opener.start >= start and (one.closed_at is None or lost > 0):
            lost -= one.closed_at is not None
            missing.append(one.opener)
        elif one.opener.start in replaced:
            missing.append(one.opener)
    return tuple(missing)


def extra_closers(
    before: SyntaxTree, after: SyntaxTree, start: int, end: int
) -> tuple[Delimiter, ...]:
    """The closers of a new text that close something which is closed below it already.

    Ask where the new text does not fit: a text that closes one block and opens the next, as
    ``} else {`` does, has such a closer too.
    ``start`` and ``end`` are where the new text stands in ``after``.
    """
    outer = _paired(delimiters(after, start, end)).unmatched
    if not outer:
        return ()
    room = [one for one in open_at(before, start) if one.closed_at is None]
    wanted = [one.opener for one in room]
    extra = []
    for one in outer:
        at = _partner(wanted, one)
        if at is None:
            extra.append(one)
        else:
            del wanted[at:]
    return tuple(extra)


def closed_pairs(tree: SyntaxTree, start: int, end: int) -> list[tuple[Delimiter, Delimiter]]:
    """The openers and closers that belong together, of the closers between two offsets."""
    found = _paired(delimiters(tree, max(tree.base, start - REACH), end))
    return [pair for pair in found.pairs if pair[1].start >= start]


def closing_text(openers: Iterable[Delimiter], ending: str = "") -> str:
    """What to write to close openers, innermost first, each at the depth of its opener's line.

    What opened at the end of a line is closed on a line of its own, together with what else was
    opened on that line. ``ending`` follows a round bracket that is closed so, as ``;`` in PHP.
    """
    text = ""
    before: Delimiter | None = None
    for one in openers:
        shared = before is not None and before.line == one.line
        if not shared:
            text += ending if text.endswith(")") and "\n" in text else ""
            own_line = one.last or (one.closer.isalpha() and one.first)
            text += f"\n{one.indent}" if own_line else ""
        text += one.closer
        before = one
    return text + (ending if text.endswith(")") and "\n" in text else "")


def unbalanced(found: Iterable[Delimiter]) -> int:
    """How many of these delimiters have no partner among them, optional ones left out."""
    stack: list[Delimiter] = []
    alone = 0
    for one in found:
        if one.opens:
            stack.append(one)
            continue
        while stack and stack[-1].optional and not _match(stack[-1], one):
            stack.pop()
        if stack and _match(stack[-1], one):
            stack.pop()
        else:
            alone += 1
    return alone + sum(not one.optional for one in stack)


def _match(opener: Delimiter, closer: Delimiter) -> bool:
    return opener.closer == closer.text


@dataclass(frozen=True)
class _Paired:
    """Delimiters by their partners: openers still open, closers without an opener, and pairs."""

    open: list[Delimiter]
    unmatched: list[Delimiter]
    pairs: list[tuple[Delimiter, Delimiter]]


def _paired(found: Iterable[Delimiter]) -> _Paired:
    """Give each closer its opener; what was opened in between stays without one."""
    result = _Paired([], [], [])
    for one in found:
        if one.opens:
            result.open.append(one)
            continue
        at = _partner(result.open, one)
        if at is None:
            result.unmatched.append(one)
        else:
            result.pairs.append((result.open[at], one))
            del result.open[at:]
    return result


def _closers(stack: Sequence[Delimiter], below: Iterable[Delimiter]) -> dict[Delimiter, int]:
    """Where each of the open delimiters is closed, as far as it is."""
    left = list(stack)
    inner: list[Delimiter] = []
    closed: dict[Delimiter, int] = {}
    for one in below:
        if one.opens:
            inner.append(one)
            continue
        # What opened below is closed first, except by a closer whose indentation is further out.
        at = _partner(inner, one)
        if at is not None:
            del inner[at:]
            continue
        at = _partner(left, one)
        if at is not None:
            closed[left[at]] = one.start
            del left[at:]
            inner.clear()
        if not left:
            break
    return closed


def _partner(stack: Sequence[Delimiter], closer: Delimiter) -> int | None:
    """Which of the open delimiters a closer belongs to; those after it are never closed.

    That is the innermost of its kind. A closer that begins its line belongs to the one whose line
    has the same indentation, where that is further out and the innermost one is deeper.
    """
    lowest = max(0, len(stack) - _MOST_OPEN)
    innermost: int | None = None
    for at in range(len(stack) - 1, lowest - 1, -1):
        if not _match(stack[at], closer):
            continue
        if innermost is None:
            innermost = at
            if not closer.first or stack[at].column <= closer.column:
                break
        if stack[at].column == closer.column:
            return at
    return innermost


class _Lines:
    """The indentation of the lines of a tree, each line looked at once."""

    def __init__(self, tree: SyntaxTree) -> None:
        self._raw = tree.raw
        self._known: dict[int, tuple[int, str]] = {}

    def of(self, at: int) -> tuple[int, str]:
        """The start and the indentation of the line of an offset in the tree's text."""
        start = self._raw.rfind(b"\n", 0, at) + 1
        known = self._known.get(start)
        if known is None:
            text = self._raw[start : start + 400]
            bare = text.lstrip(b" \t")
            blank = text[: len(text) - len(bare)]
            known = (start, blank.decode("ascii"))
            self._known[start] = known
        return known


def _delimiter(
    tree: SyntaxTree, node: Node, lines: _Lines, text: str, closer: str, optional: bool = False
) -> Delimiter:
    start, end = node.start_byte, node.end_byte
    line, indent = lines.of(start)
    stop = tree.raw.find(b"\n", end)
    rest = tree.raw[end : len(tree.raw) if stop < 0 else stop].strip()
    return Delimiter(
        start + tree.base,
        end + tree.base,
        text,
        closer,
        bool(closer),
        line + tree.base,
        indent,
        len(indent.expandtabs(TAB_COLUMNS)),
        start == line + len(indent),
        not rest or rest.startswith(_COMMENTS),
        optional,
    )


def _opener(tree: SyntaxTree, grammar: Grammar, node: Node, lines: _Lines) -> Delimiter | None:
    start, end, kind = node.start_byte, node.end_byte, node.type
    text = tree.text[start:end]
    closer, optional = grammar.pairs.get(kind, ""), False
    if not text or (kind in grammar.openers_at_line_start and _follows_value(tree, start)):
        return None
    if kind in grammar.tags:
        name = _tag_name(text)
        html = kind == "start_tag"
        if text.endswith("/>") or (html and name.lower() in VOID):
            return None
        optional = html and name.lower() in _OPTIONAL
        closer = f"{{/{name}}}" if text.startswith("{") else f"</{name}>"
    return _delimiter(tree, node, lines, text, closer, optional)


def _closer(tree: SyntaxTree, grammar: Grammar, node: Node, lines: _Lines) -> Delimiter | None:
    text, kind = tree.text[node.start_byte : node.end_byte], node.type
    if not text or (kind == ")" and node.parent is not None and node.parent.type == "case_item"):
        return None  # Bash: "start)" in a case closes nothing
    if kind in grammar.tags.values() or kind == "erroneous_end_tag":
        name = _tag_name(text)
        text = f"{{/{name}}}" if text.startswith("{") else f"</{name}>"
    return _delimiter(tree, node, lines, text, "")


def _tag_name(text: str) -> str:
    found = _BLOCK_NAME.match(text) if text.startswith("{") else _NAME.match(text)
    return found[1] if found else ""


def _follows_value(tree: SyntaxTree, start: int) -> bool:
    """Whether a word follows a value on its line, as Ruby's ``if`` in ``x if y`` does."""
    before = tree.raw[max(0, start - 40) : start].rpartition(b"\n")[2].rstrip(b" \t")
    return bool(before) and not before.endswith((b"=", b"(", b",", b"|", b";", b"{", b"["))


@cache
def _source(language_id: str) -> str:
    """The query for a language's delimiters, made of those types that its grammar has."""
    grammar = GRAMMARS[language_id]

    language = load(language_id)
    kinds: dict[str, list[str]] = {"open": [], "close": []}
    tags = set(grammar.tags), {*grammar.tags.values(), "erroneous_end_tag"}
    tokens = set(grammar.pairs), set(grammar.pairs.values())
    for name, nodes, texts in zip(kinds, tags, tokens, strict=True):
        for kind in sorted(nodes):
            if language and language.id_for_node_kind(kind, True) is not None:
                kinds[name].append(f"({kind})")
        for kind in sorted(texts):
            if language and language.id_for_node_kind(kind, False) is not None:
                escaped = kind.replace("\\", "\\\\")
                kinds[name].append(f'"{escaped}"')
    return "\n".join(f"[{' '.join(found)}] @{name}" for name, found in kinds.items() if found)
