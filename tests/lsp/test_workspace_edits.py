from __future__ import annotations

from typing import Any

import pytest

from tabwright.lsp.workspace_edits import StaleEdit, apply_workspace_edit

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
    assert apply_workspace_edit(edit, {URI: text}, "utf-16", {URI: 3}) == {URI: after}


def test_a_created_document_starts_empty() -> None:
    new = {"uri": "file:///b.js", "version": None}
    edit = {
        "documentChanges": [
            {"kind": "create", "uri": new["uri"]},
            {"textDocument": new, "edits": [change((0, 0), (0, 0), "let b;\n")]},
        ]
    }
    assert apply_workspace_edit(edit, {URI: "a"}, "utf-16") == {"file:///b.js": "let b;\n"}


def test_an_edit_for_another_version_is_refused() -> None:
    with pytest.raises(StaleEdit, match="version 2"):
        apply_workspace_edit(
            versioned(2, change((0, 0), (0, 1), "b")), {URI: "a"}, "utf-16", {URI: 3}
        )


def test_overlapping_changes_are_refused() -> None:
    edit = versioned(3, change((0, 0), (0, 2), "x"), change((0, 1), (0, 3), "y"))
    with pytest.raises(ValueError, match="overlap"):
        apply_workspace_edit(edit, {URI: "abcd"}, "utf-16")
