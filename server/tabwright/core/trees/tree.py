"""Parse a document, whole or around an offset, and anew after an edit.

The parser counts bytes. It gets one byte for each character, so that its offsets are offsets into
``str``: what is not ASCII stands as the letter x, or as a blank where it is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabwright.core.trees.grammars import Grammar, grammar_of, load, query
from tabwright.core.trees.unsafe import is_unsafe

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

LONGEST = 250_000  # characters that are parsed as one; of a longer text, a part around an offset
_REACH = 60_000
_SLICE = 1_024
# The parser calls back every 100 of its steps, after some 15 µs. Sources need one call for each 80
# to 250 characters, and read each slice once or twice. Text that is no source needs more, and some
# grammars look for the end of a string or comment again at each of its characters.
_CALLS = 200
_CHARS_PER_CALL = 50
_READS = 200
_READS_PER_SLICE = 8
_KEPT = 6

_AFTER_BLANK = re.compile(r"\n\n(?=[^\s})\]])")
_MARGIN = re.compile(r"\n(?=[^\s})\]])")
_LINE_END = re.compile(r"\n")
_LONE_CARRIAGE = re.compile(r"\r(?!\n)")
_OTHER_BLANKS = re.compile("[\x00\x85\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]")
_OTHERS = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, eq=False)
class SyntaxTree:
    """The tree of ``text``, which stands at the offset ``base`` of its document.

    All offsets that go in and out are the document's. ``whole``: no part of the document is left
    out.
    """

    language_id: str
    text: str
    base: int
    whole: bool
    raw: bytes
    tree: Tree

    @property
    def grammar(self) -> Grammar:
        """The grammar that it was parsed by."""
        found = grammar_of(self.language_id)
        assert found is not None
        return found

    @property
    def root(self) -> Node:
        """The root node, whose bytes are characters of ``text``."""
        return self.tree.root_node

    @property
    def end(self) -> int:
        """The document's offset where ``text`` ends."""
        return self.base + len(self.text)

    def with_edit(self, start: int, end: int, new_text: str) -> SyntaxTree | None:
        """The tree with ``new_text`` in place of what stands from ``start`` to ``end``.

        Only what the edit changes is parsed. None where that takes too long, as when an edit opens
        a string that nothing closes. Raises ValueError for a range outside the tree.
        """
        low, high = start - self.base, end - self.base
        if not 0 <= low <= high <= len(self.text):
            raise ValueError(f"no range from {start} to {end} in this tree")
        text = self.text[:low] + new_text + self.text[high:]
        if "\r" in new_text or self.text[max(0, low - 1) : high + 1].find("\r") >= 0:
            raw = _raw(text)
        else:
            raw = self.raw[:low] + _raw(new_text) + self.raw[high:]
        old = self.tree.copy()
        row, column = _point(self.raw, low)
        old.edit(
            low,
            high,
            low + len(new_text),
            (row, column),
            _moved(self.raw, low, high, row, column),
            _moved(raw, low, low + len(new_text), row, column),
        )
        parsed = _parse(raw, self.language_id, old, _CALLS + len(new_text) // _CHARS_PER_CALL)
        if parsed is None:
            return None
        return SyntaxTree(self.language_id, text, self.base, self.whole, raw, parsed)

    def node_at(self, offset: int, end: int | None = None) -> Node:
        """The smallest node that holds the range from ``offset`` to ``end``, tokens included."""
        low = max(0, min(offset - self.base, len(self.raw)))
        high = low if end is None else max(low, min(end - self.base, len(self.raw)))
        return self.root.descendant_for_byte_range(low, high) or self.root

    def matches(self, source: str, start: int, end: int) -> dict[str, list[Node]]:
        """What a query captures between two offsets: nodes by name, in order of their starts."""
        compiled = query(self.language_id, source)
        if compiled is None:
            return {}
        from tree_sitter import QueryCursor

        cursor = QueryCursor(compiled)
        cursor.set_byte_range(max(0, start - self.base), max(0, end - self.base))
        found = cursor.captures(self.root)
        for nodes in found.values():
            nodes.sort(key=lambda node: node.start_byte)
        return found


def parse(
    text: str, language_id: str, at: int = 0, is_over: Callable[[], bool] | None = None
) -> SyntaxTree | None:
    """Parse a document; None where there is no grammar or the parser takes too long.

    Of a text longer than 250,000 characters only whole lines around the offset ``at`` are parsed.
    ``is_over`` is asked again and again, and ends the parse when it says so: text made for that
    takes some grammars seconds within the number of steps that sources need.
    """
    if grammar_of(language_id) is None:
        return None
    low, high = _part(text, at)
    piece = text if high - low == len(text) else text[low:high]
    raw = _raw(piece)
    tree = _parse(raw, language_id, None, _CALLS + len(raw) // _CHARS_PER_CALL, is_over)
    if tree is None:
        return None
    return SyntaxTree(language_id, piece, low, high - low == len(text), raw, tree)


# The newest trees, newest first, and the texts that were not parsed in time. Only a memory: what is
# not in it is parsed.
_recent: list[SyntaxTree] = []
_failed: list[tuple[str, str]] = []


def tree_of(
    text: str, language_id: str, at: int = 0, is_over: Callable[[], bool] | None = None
) -> SyntaxTree | None:
    """The tree of a document, made from that of its last version where it is known.

    So a keystroke costs the part of the tree that it changes, and a text that could not be parsed
    is not tried again while it stays much the same. See `parse`.
    """
    if len(text) > LONGEST:
        for known in _recent:
            room = known.base <= at - _REACH // 2 and at + _REACH // 2 <= known.end
            near = known.language_id == language_id and not known.whole
            if near and room and text.startswith(known.text, known.base):
                return known
        return _remember(_parse_once(text, language_id, at, is_over))
    for known in list(_recent):
        if known.language_id != language_id or not known.whole:
            continue
        if known.text == text:
            return known
        edit = _small_edit(known.text, text)
        if edit is not None:
            new = known.with_edit(*edit) or _parse_once(text, language_id, at, is_over)
            return _remember(new, known)
    return _remember(_parse_once(text, language_id, at, is_over))


def _parse_once(
    text: str, language_id: str, at: int, is_over: Callable[[], bool] | None
) -> SyntaxTree | None:
    """The tree, unless a text much like this one took too long before."""
    for other, failed in _failed:
        if other == language_id and _small_edit(failed, text) is not None:
            return None
    tree = parse(text, language_id, at, is_over)
    if tree is None and grammar_of(language_id) is not None:
        _failed[:] = [(language_id, text), *_failed][:_KEPT]
    return tree


def _remember(tree: SyntaxTree | None, instead: SyntaxTree | None = None) -> SyntaxTree | None:
    if tree is not None:
        others = [known for known in _recent if known is not instead and known is not tree]
        _recent[:] = [tree, *others][:_KEPT]
    return tree


def _small_edit(old: str, new: str) -> tuple[int, int, str] | None:
    """The edit that makes ``new`` of ``old``; None when they differ in more than a quarter."""
    head = _shared(old, new, False)
    tail = min(_shared(old, new, True), min(len(old), len(new)) - head)
    if len(old) and head + tail < 0.75 * max(len(old), len(new)):
        return None
    return head, len(old) - tail, new[head : len(new) - tail]


def _shared(left: str, right: str, at_end: bool) -> int:
    """How many characters two texts share at their starts, or ends."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if at_end:
            same = left.endswith(right[len(right) - middle : len(right) - low], 0, len(left) - low)
        else:
            same = left.startswith(right[low:middle], low)
        low, high = (middle, high) if same else (low, middle - 1)
    return low


def _part(text: str, at: int) -> tuple[int, int]:
    """The range of whole lines to parse; lines without indentation begin and end it if near."""
    if len(text) <= LONGEST:
        return 0, len(text)
    low, high = max(0, at - _REACH), min(len(text), at + _REACH)
    if low:
        low = next(_margins(text, low, min(at, low + _REACH // 4)), low)
    if high < len(text):
        high = next(_margins(text, max(at, high - _REACH // 4), high), high)
    return low, high


def _margins(text: str, low: int, high: int) -> Iterator[int]:
    """Where lines begin, first those after a blank line that have no indentation."""
    for pattern in (_AFTER_BLANK, _MARGIN, _LINE_END):
        for found in pattern.finditer(text, low, high):
            yield found.end()


def _raw(text: str) -> bytes:
    """One byte for each character: see above. A lone carriage return stands as a line end."""
    if "\r" in text:
        text = _LONE_CARRIAGE.sub("\n", text)
    if not text.isascii() or "\0" in text:
        text = _OTHER_BLANKS.sub(" ", text)
        text = _OTHERS.sub(lambda found: "x" * len(found[0]), text)
    return text.encode("ascii")


def _point(raw: bytes, at: int) -> tuple[int, int]:
    return raw.count(b"\n", 0, at), at - (raw.rfind(b"\n", 0, at) + 1)


def _moved(raw: bytes, start: int, end: int, row: int, column: int) -> tuple[int, int]:
    """The row and column of ``end``, given those of ``start``."""
    rows = raw.count(b"\n", start, end)
    if not rows:
        return row, column + end - start
    return row + rows, end - (raw.rfind(b"\n", start, end) + 1)


def _parse(
    raw: bytes,
    language_id: str,
    old: Tree | None,
    most_calls: int,
    is_over: Callable[[], bool] | None = None,
) -> Tree | None:
    language = load(language_id)
    if language is None or is_unsafe(raw, language_id):
        return None
    from tree_sitter import Parser

    calls = reads = 0
    most_reads = _READS + len(raw) // _SLICE * _READS_PER_SLICE

    def read(at: int, _: object) -> bytes:
        nonlocal reads
        reads += 1
        return raw[at : at + _SLICE] if reads <= most_reads else b""

    def is_too_long(at: int, has_error: bool) -> bool:
        nonlocal calls
        calls += 1
        return calls > most_calls or (is_over is not None and is_over())

    parser = Parser(language)
    try:
        if old is None:
            tree = parser.parse(read, progress_callback=is_too_long)
        else:
            tree = parser.parse(read, old, progress_callback=is_too_long)
    except ValueError:
        return None
    return tree if reads <= most_reads else None
