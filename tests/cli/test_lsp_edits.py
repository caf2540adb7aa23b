from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.cli.lsp_edits import StaleEdit, applied, change_between
from tabwright.cli.lsp_positions import offset_at

URI = "file:///a.py"


def change(start: tuple[int, int], end: tuple[int, int], new: str) -> dict[str, Any]:
    positions = ({"line": line, "character": column} for line, column in (start, end))
    return {"range": dict(zip(("start", "end"), positions, strict=True)), "newText": new}


def versioned(version: int | None, *changes: dict[str, Any]) -> dict[str, Any]:
    document = {"uri": URI, "version": version}
    return {"documentChanges": [{"textDocument": document, "edits": list(changes)}]}


@pytest.mark.parametrize(
    ("edit", "text", "after"),
    [
        (versioned(None, change((0, 0), (0, 1), "b")), "a = 1\n", "b = 1\n"),
        ({"changes": {URI: [change((1, 0), (1, 0), "x\n")]}}, "a\r\nb\r\n", "a\r\nx\nb\r\n"),
        # Two changes, counted in the old text and given in the wrong order; an emoji is two units.
        (
            versioned(3, change((1, 0), (1, 1), "B"), change((0, 3), (0, 4), "!")),
            "😀a b\nb",
            "😀a!b\nB",
        ),
        (versioned(3, change((0, 1), (0, 1), "x"), change((0, 1), (0, 1), "y")), "ab", "axyb"),
    ],
)
def test_changes_are_put_in(edit: dict[str, Any], text: str, after: str) -> None:
    assert applied(edit, {URI: text}, "utf-16", {URI: 3}) == {URI: after}


def test_a_created_document_starts_empty() -> None:
    new = {"uri": "file:///b.js", "version": None}
    edit = {
        "documentChanges": [
            {"kind": "create", "uri": new["uri"]},
            {"textDocument": new, "edits": [change((0, 0), (0, 0), "let b;\n")]},
        ]
    }
    assert applied(edit, {URI: "a"}, "utf-16") == {"file:///b.js": "let b;\n"}


def test_an_edit_for_another_version_is_refused() -> None:
    with pytest.raises(StaleEdit, match="version 2"):
        applied(versioned(2, change((0, 0), (0, 1), "b")), {URI: "a"}, "utf-16", {URI: 3})


def test_overlapping_changes_are_refused() -> None:
    edit = versioned(3, change((0, 0), (0, 2), "x"), change((0, 1), (0, 3), "y"))
    with pytest.raises(ValueError, match="overlap"):
        applied(edit, {URI: "abcd"}, "utf-16")


LINES = st.lists(st.sampled_from(["a", "é", "😀", "\n", "\r\n", "\r", "\ud800"]), max_size=12).map(
    "".join
)


@given(
    before=LINES, old=LINES, new=LINES, after=LINES, encoding=st.sampled_from(["utf-8", "utf-16"])
)
def test_a_change_makes_one_text_of_another(
    before: str, old: str, new: str, after: str, encoding: str
) -> None:
    text, wanted = before + old + after, before + new + after
    found = change_between(text, wanted, encoding)
    start, end = (offset_at(text, found["range"][at], encoding) for at in ("start", "end"))
    assert text[:start] + found["text"] + text[end:] == wanted


@pytest.mark.parametrize("middle", [0, 1, 4095, 4096, 5000, 9999])
def test_of_a_long_text_little_is_sent(middle: int) -> None:
    lines = [f"value_{number} = {number}\n" for number in range(10_000)]
    other = [*lines[:middle], "changed\n", *lines[middle + 1 :]]
    found = change_between("".join(lines), "".join(other), "utf-16")
    assert (found["text"], found["range"]["start"]["line"]) == ("changed\n", middle)
