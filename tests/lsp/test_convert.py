"""Positions in all encodings against a naive reference, and answers as the protocol wants them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from tabwright.app.documents.buffers import Buffers
from tabwright.core.text import Edit, Snapshot, Span
from tabwright.lsp.convert import (
    has_inline_completion,
    inline_list,
    menu_list,
    offset_at,
    position_at,
    take_snapshot,
    to_changes,
)

ENCODINGS = ["utf-8", "utf-16", "utf-32"]
PIECES = [
    "a",
    "é",
    "漢",
    "😀",
    "\ud800",
    "\udc00",
    "\n",
    "\r",
    "\r\n",
    "\f",
    "\u2028",
    "\x85",
    "  ",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def width(character: str, encoding: str) -> int:
    code = ord(character)
    if encoding == "utf-8":
        return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    return 2 if encoding == "utf-16" and code > 0xFFFF else 1


def reference(text: str, encoding: str) -> list[tuple[int, int]]:
    """The position of each offset, one character after the other."""
    found: list[tuple[int, int]] = []
    line = column = 0
    for at, character in enumerate(text):
        found.append((line, column))
        if character == "\r" and text[at + 1 : at + 2] == "\n":
            continue  # the offset between the two is still the end of this line
        if character in "\r\n":
            line, column = line + 1, 0
        else:
            column += width(character, encoding)
    return [*found, (line, column)]


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=TEXTS)
def test_every_offset_has_the_reference_position_and_comes_back(encoding: str, text: str) -> None:
    for offset, (line, column) in enumerate(reference(text, encoding)):
        position = position_at(text, offset, encoding)
        assert (position.line, position.character) == (line, column)
        inside_crlf = text[max(0, offset - 1) : offset + 1] == "\r\n" and offset > 0
        assert offset_at(text, position, encoding) == offset - inside_crlf


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=TEXTS, line=st.integers(0, 12), character=st.integers(0, 12))
def test_any_position_is_clamped_as_the_reference_clamps(
    encoding: str, text: str, line: int, character: int
) -> None:
    lines = re.split("\r\n|\r|\n", text)
    starts = [0, *(found.end() for found in re.finditer("\r\n|\r|\n", text))]
    if line >= len(lines):
        expected = len(text)
    else:
        expected, left = starts[line], character
        for each in lines[line]:
            left -= width(each, encoding)
            if left < 0:
                break
            expected += 1
    assert offset_at(text, types.Position(line, character), encoding) == expected


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_long_texts_agree_with_the_reference_across_blocks(encoding: str) -> None:
    text = ("x = '😀é'\r\n" * 700) + "漢" * 9000 + "\r" + "tail"
    wanted = reference(text, encoding)
    for offset in [0, 4095, 4096, 4097, 7000, 8191, 8192, 12000, 16000, len(text)]:
        position = position_at(text, offset, encoding)
        assert (position.line, position.character) == wanted[offset]
        assert abs(offset_at(text, position, encoding) - offset) <= 1


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("text", ["x" * 10_000_000, "é" * 10_000_000, "ab\n" * 3_300_000])
def test_ten_megabytes_take_little_time(encoding: str, text: str) -> None:
    end = position_at(text, len(text), encoding)
    started = time.thread_time()
    assert offset_at(text, end, encoding) == len(text)
    assert time.thread_time() - started < 0.25


def test_a_position_inside_a_pair_goes_before_it() -> None:
    assert offset_at("a😀b", types.Position(0, 2), "utf-16") == 1
    assert offset_at("a😀b", types.Position(0, 3), "utf-16") == 2
    assert offset_at("a😀b", types.Position(0, 3), "utf-8") == 1


def test_a_closed_document_has_no_snapshot_and_an_open_one_has_the_cursor() -> None:
    buffers = Buffers("utf-16")
    buffers.open("file:///a/b.py", "python", 3, "😀 = 1\nprint(")
    cursor = take_snapshot(buffers, "file:///a/b.py", types.Position(0, 2))
    assert cursor is not None
    assert (cursor.offset, cursor.snapshot.version, cursor.path) == (1, 3, "/a/b.py")
    assert take_snapshot(buffers, "file:///other.py", types.Position(0, 0)) is None


def test_changes_with_a_range_are_read_in_the_encoding() -> None:
    where = types.Range(types.Position(0, 2), types.Position(0, 3))
    part = types.TextDocumentContentChangePartial(range=where, text="Y")
    whole = types.TextDocumentContentChangeWholeDocument(text="😀x\f")
    buffers = Buffers("utf-16")
    buffers.open("file:///a", "python", 1, "old")
    buffers.change("file:///a", 2, to_changes([whole, part]))
    found = buffers.get("file:///a")
    assert found is not None and found.text == "😀Y\f"


def test_inline_items_have_a_range_on_one_line() -> None:
    snapshot = Snapshot("file:///a", "python", 1, "😀 = f()\n")
    edit = Edit(Span(6, 7), "1,\n2)")
    found = inline_list(snapshot, [edit], "utf-16").items[0]
    assert isinstance(found, types.InlineCompletionItem)
    assert found.insert_text == "1,\n2)"
    where = found.range
    assert where is not None
    assert (where.start.line, where.start.character, where.end.character) == (0, 7, 8)


def menu_item(text: str, offset: int, edit: Edit) -> types.CompletionItem:
    snapshot = Snapshot("file:///a", "python", 1, text)
    return menu_list(snapshot, offset, [edit], "utf-16").items[0]


def test_a_menu_item_replaces_the_word_that_clients_filter_by() -> None:
    item = menu_item("x = pri", 7, Edit(Span(7, 7), 'nt("hi")'))
    assert item.filter_text == item.label == 'print("hi")'
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.new_text == 'print("hi")'
    assert item.text_edit.range.start.character == 4
    assert item.text_edit.range.end.character == 7
    assert item.label_details and item.label_details.description == "Tabwright"


def test_a_menu_item_of_several_lines_shows_them_all_and_filters_by_the_first() -> None:
    item = menu_item("def f():\n    ", 13, Edit(Span(13, 13), "a = 1\n    return `````a"))
    assert (item.label, item.filter_text) == ("a = 1", "a = 1")
    assert isinstance(item.documentation, types.MarkupContent)
    assert "return `````a" in item.documentation.value
    assert item.documentation.value.startswith("``````python\n")


@pytest.mark.parametrize("new_text", ["\n    return 1", "   x", "😀" * 200, "\ud800", "\u2028a"])
def test_a_menu_item_of_odd_text_can_be_made(new_text: str) -> None:
    item = menu_item("if x:", 5, Edit(Span(5, 5), new_text))
    assert item.label and len(item.label) <= 60
    assert isinstance(item.documentation, types.MarkupContent)
    item.documentation.value.encode()


def test_no_edit_gives_an_empty_menu() -> None:
    snapshot = Snapshot("file:///a", "python", 1, "")
    assert menu_list(snapshot, 0, (), "utf-8").items == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (None, False),
        (types.TextDocumentClientCapabilities(), False),
        (
            types.TextDocumentClientCapabilities(
                inline_completion=types.InlineCompletionClientCapabilities()
            ),
            True,
        ),
    ],
)
def test_inline_completion_is_announced(
    document: types.TextDocumentClientCapabilities | None, expected: bool
) -> None:
    assert has_inline_completion(types.ClientCapabilities(text_document=document)) is expected
