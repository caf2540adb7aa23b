"""Actions by command: applied edits, conversations, new documents, explanations, syntax reports."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from support.editor import URI, Editor, Home, as_dict, capabilities, editing, engine_for

CODE = "import os\n\n\ndef add(a, b):\n    return a + b\n\n\ndef other():\n    return os.name\n"
ADD = "def add(a, b):\n    return a + b\n"
TWICE = "def add(a, b):\n    return 2 * (a + b)\n"
ASYNC = "async def add(a, b):\n    return 2 * (a + b)\n"
RANGE = {"start": {"line": 3, "character": 0}, "end": {"line": 4, "character": 16}}
DOUBLE = {"match": "Double", "not_match": "async", "text": TWICE + "```"}
MAKE_ASYNC = {"match": "async", "text": ASYNC + "```"}
RULES = (DOUBLE, MAKE_ASYNC)


def where(line: int, end: int) -> types.Range:
    return types.Range(types.Position(line, 0), types.Position(end, 0))


def edit(instruction: str, version: int = 1, **more: Any) -> dict[str, Any]:
    return {"uri": URI, "range": RANGE, "version": version, "instruction": instruction, **more}


def asked(engine: Any) -> list[str]:
    """The prompts of the actions."""
    bodies = [each["body"] for each in engine.recorded]
    return [body["prompt"] for body in bodies if body["lane"] == "actions"]


# Applied edits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("actions", ["literal", "command"])
async def test_clients_that_cannot_resolve_get_a_command(
    home: Home, actions: str, announced: bool
) -> None:
    documented = ADD.replace(":\n", ':\n    """Add."""\n')
    rule = {"match": "docstring", "text": documented + "```"}
    announce = capabilities("utf-16", actions=actions)
    assert announce.workspace is not None
    announce.workspace.apply_edit = announced  # Kate and ALE apply edits without saying so
    async with engine_for(home, rule), editing(home, announce=announce) as editor:
        editor.open(CODE)
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(URI),
            where(3, 5),
            types.CodeActionContext([], only=["refactor.rewrite.tabwright.document"]),
        )
        (found,) = await editor.plain(types.TEXT_DOCUMENT_CODE_ACTION, params)
        assert found["title"] == "Document"
        command = found["command"] if actions == "literal" else found
        assert command["command"] == "tabwright.act" and "data" not in found
        answer = await editor.command("act", *command["arguments"])
        assert answer["applied"] is True and answer["faults"] == []
        (applied,) = editor.applied
        assert applied.label == "Tabwright: Document"
        assert editor.edited(applied.edit, {URI: CODE}) == {URI: CODE.replace(ADD, documented)}


@pytest.mark.parametrize("refusal", ["the buffer is read-only", ""])
async def test_an_edit_that_the_editor_refuses_is_reported(home: Home, refusal: str) -> None:
    async with engine_for(home, *RULES), editing(home) as editor:
        editor.refusal = refusal
        editor.open(CODE)
        answer = await editor.command("edit", edit("Double the sum", apply=True))
        assert answer["applied"] is False and answer["text"] == TWICE
        assert (refusal or "refused") in editor.shown[0]


async def test_without_apply_edit_the_edit_is_in_the_answer(home: Home) -> None:
    announce = capabilities("utf-16")
    assert announce.workspace is not None
    announce.workspace.apply_edit = False
    async with engine_for(home, *RULES), editing(home, announce=announce) as editor:
        editor.open(CODE)
        answer = await editor.command("edit", edit("Double the sum", apply=True))
        assert answer["applied"] is False and editor.applied == []
        assert editor.edited(answer["edit"], {URI: CODE}) == {URI: CODE.replace(ADD, TWICE)}


# Conversations ----------------------------------------------------------------------------------


async def test_an_edit_by_instruction(home: Home) -> None:
    async with engine_for(home, *RULES), editing(home) as editor:
        editor.open(CODE)
        answer = await editor.command("edit", edit("Double the sum"))
        assert answer["text"] == TWICE and answer["version"] == 1
        assert answer["faults"] == [] and answer["reason"] == "" and answer["applied"] is False
        assert editor.edited(answer["edit"], {URI: CODE}) == {URI: CODE.replace(ADD, TWICE)}
        assert editor.applied == [] and editor.shown == []


async def test_a_follow_up_refines_an_edit_that_was_not_applied(home: Home) -> None:
    async with engine_for(home, *RULES) as engine, editing(home) as editor:
        editor.open(CODE)
        await editor.command("edit", edit("Double the sum"))
        answer = await editor.command("edit", edit("Now make it async"))
        assert editor.edited(answer["edit"], {URI: CODE}) == {URI: CODE.replace(ADD, ASYNC)}
        last = asked(engine)[-1]
        assert "Double the sum" in last and "Now make it async" in last
        assert last.count("return 2 * (a + b)") == 2 and ADD not in last


@pytest.mark.parametrize("given", [True, False], ids=["with a range", "without"])
async def test_a_follow_up_refines_an_applied_edit(home: Home, given: bool) -> None:
    async with engine_for(home, *RULES) as engine, editing(home) as editor:
        editor.open(CODE)
        await editor.command("edit", edit("Double the sum", apply=True))
        doubled = editor.edited(editor.applied[0].edit, {URI: CODE})[URI]
        editor.change(doubled)
        wish = edit("Now make it async", 2, apply=True)
        if not given:
            del wish["range"]
        await editor.command("edit", wish)
        assert editor.edited(editor.applied[1].edit, {URI: doubled}) == {
            URI: CODE.replace(ADD, ASYNC)
        }
        assert "Double the sum" in asked(engine)[-1]


async def test_typing_elsewhere_keeps_the_conversation(home: Home) -> None:
    async with engine_for(home, *RULES) as engine, editing(home) as editor:
        editor.open(CODE)
        await editor.command("edit", edit("Double the sum"))
        moved = "# above\n" + CODE + "# below\n"
        editor.change(moved)
        wish = edit("Now make it async", 2)
        del wish["range"]
        answer = await editor.command("edit", wish)
        assert editor.edited(answer["edit"], {URI: moved}) == {URI: moved.replace(ADD, ASYNC)}
        assert "Double the sum" in asked(engine)[-1]


async def end_by_accept(editor: Editor) -> int:
    assert await editor.command("accept", {"uri": URI}) == {"ended": True}
    assert await editor.command("accept", {"uri": URI}) == {"ended": False}
    return 1


async def end_by_drop(editor: Editor) -> int:
    assert await editor.command("drop", {"uri": URI}) == {"ended": True}
    return 1


async def end_by_closing(editor: Editor) -> int:
    closed = types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(URI))
    editor.client.text_document_did_close(closed)
    editor.open(CODE)
    return 1


async def end_by_typing(editor: Editor) -> int:
    editor.change(CODE.replace("a + b", "a + b + 0"))
    editor.change(CODE)
    return 3


async def end_by_asking_elsewhere(editor: Editor) -> int:
    elsewhere = {"start": {"line": 7, "character": 0}, "end": {"line": 7, "character": 3}}
    await editor.command("edit", edit("Double the name", range=elsewhere))
    return 1


@pytest.mark.parametrize(
    "end",
    [end_by_accept, end_by_drop, end_by_closing, end_by_typing, end_by_asking_elsewhere],
    ids=lambda end: end.__name__,
)
async def test_a_conversation_ends(home: Home, end: Any) -> None:
    async with engine_for(home, *RULES) as engine, editing(home) as editor:
        editor.open(CODE)
        await editor.command("edit", edit("Double the sum"))
        version = await end(editor)
        await editor.command("edit", edit("Now make it async", version))
        assert "Double the sum" not in asked(engine)[-1]


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({}, "not open"),
        ({"uri": URI, "instruction": ""}, "the instruction is empty: say what to change"),
        ({"uri": URI, "instruction": "x", "version": 7}, "has changed since"),
        ({"uri": URI, "instruction": "x", "range": "all"}, "range of this action"),
    ],
    ids=str,
)
async def test_an_edit_that_cannot_be(home: Home, wish: Any, reason: str) -> None:
    async with engine_for(home, *RULES), editing(home) as editor:
        editor.open(CODE)
        answer = await editor.command("edit", wish)
        assert answer["edit"] is None and reason in answer["reason"]
        assert len(editor.shown) == 1 and reason in editor.shown[0]


# New documents ----------------------------------------------------------------------------------

SCRIPT = "function add(a, b) {\n  return a + b;\n}\n"
TRANSLATED = {"match": "Translate", "text": SCRIPT + "```"}
TESTED = {"match": "Write tests", "text": "\n\ndef test_add():\n    assert add(1, 2) == 3\n```"}


def document(folder: Path) -> str:
    (folder / "maths.py").write_text(ADD)
    return (folder / "maths.py").as_uri()


async def test_a_translation_becomes_a_new_document(home: Home, tmp_path: Path) -> None:
    uri = document(tmp_path)
    async with engine_for(home, TRANSLATED), editing(home, root=tmp_path) as editor:
        editor.open(ADD, uri)
        answer = await editor.command("translate", {"uri": uri, "target": "javascript"})
        made = (tmp_path / "maths.js").as_uri()
        assert answer["applied"] is True and answer["uri"] == made and answer["text"] == SCRIPT
        assert answer["languageId"] == "javascript" and editor.opened == [made]
        (applied,) = editor.applied
        assert applied.edit.document_changes is not None
        create, _ = applied.edit.document_changes
        assert isinstance(create, types.CreateFile) and create.options is not None
        assert create.options.overwrite is False and create.options.ignore_if_exists is False
        assert editor.edited(applied.edit, {})[made] == SCRIPT


async def test_tests_become_a_new_document_that_overwrites_none(home: Home, tmp_path: Path) -> None:
    uri = document(tmp_path)
    (tmp_path / "test_maths.py").write_text("")
    async with engine_for(home, TESTED), editing(home, root=tmp_path) as editor:
        editor.open(ADD, uri)
        editor.open("", (tmp_path / "test_maths_2.py").as_uri())
        await editor.command("tests", {"uri": uri})
        assert [Path(uri).name for uri in editor.opened] == ["test_maths_3.py"]
        (text,) = editor.edited(editor.applied[0].edit, {}).values()
        assert text.startswith("from maths import add\n") and "assert add(1, 2) == 3" in text


@pytest.mark.parametrize("actions", ["resolve", "resolve all"])
async def test_a_resolved_action_makes_a_document_too(
    home: Home, tmp_path: Path, actions: str
) -> None:
    uri = document(tmp_path)
    announce = capabilities("utf-16", actions=actions)
    async with engine_for(home, TESTED), editing(home, announce=announce) as editor:
        editor.open(ADD, uri)
        only = ["refactor.rewrite.tabwright.tests"]
        (action,) = await editor.actions(where(0, 0), uri=uri, only=only)
        resolved = await editor.resolve(action)
        made = (tmp_path / "test_maths.py").as_uri()
        assert list(editor.edited(resolved.edit, {})) == [made]
        if actions == "resolve":
            assert resolved.command is None
        else:
            assert resolved.command is not None
            arguments = [dict(as_dict(each)) for each in resolved.command.arguments or ()]
            assert await editor.command("show", *arguments) == {"shown": True}
            assert editor.opened == [made]


@pytest.mark.parametrize("uri", [URI, "untitled:Untitled-1"])
async def test_where_no_document_can_be_made_the_text_is_given(home: Home, uri: str) -> None:
    announce = capabilities("utf-16", creates=uri != URI)
    async with engine_for(home, TRANSLATED), editing(home, announce=announce) as editor:
        editor.open(ADD, uri)
        answer = await editor.command("translate", {"uri": uri, "target": "javascript"})
        assert answer["text"] == SCRIPT and answer["edit"] is None and not answer["applied"]
        assert answer["reason"] == "" and editor.applied == [] and editor.shown == []
        only = ["refactor.rewrite.tabwright.translate"]
        action = (await editor.actions(where(0, 0), uri=uri, only=only))[0]
        assert (await editor.resolve(action)).edit is None and len(editor.shown) == 1


async def test_a_new_document_only_prepared(home: Home, tmp_path: Path) -> None:
    uri = document(tmp_path)
    async with engine_for(home, TRANSLATED), editing(home) as editor:
        editor.open(ADD, uri)
        wish = {"uri": uri, "target": "javascript", "apply": False}
        answer = await editor.command("translate", wish)
        assert editor.edited(answer["edit"], {}) == {(tmp_path / "maths.js").as_uri(): SCRIPT}
        assert editor.applied == [] and editor.opened == [] and answer["applied"] is False


async def test_a_language_that_is_not_known(home: Home) -> None:
    async with engine_for(home, TRANSLATED), editing(home) as editor:
        editor.open(ADD)
        answer = await editor.command("translate", {"uri": URI, "target": "klingon"})
        assert "choose one of these languages" in answer["reason"]


async def test_the_document_may_change_while_another_is_written(home: Home) -> None:
    slow = {**TRANSLATED, "delay_ms": 30}
    announce = capabilities("utf-16", creates=False)
    async with engine_for(home, slow) as engine, editing(home, announce=announce) as editor:
        editor.open(ADD)
        wish = {"uri": URI, "target": "javascript"}
        working = asyncio.create_task(editor.command("translate", wish))
        await editor.until(lambda: asked(engine))
        editor.change("# new\n" + ADD)
        assert (await working)["text"] == SCRIPT


# Explanations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [True, False])
async def test_an_explanation(home: Home, opened: bool) -> None:
    rule = {"match": "Explain", "text": "It adds `a` and `b`."}
    async with engine_for(home, rule), editing(home) as editor:
        editor.open(CODE)
        wish = {"uri": URI, "range": RANGE, "open": opened}
        answer = await editor.command("explain", wish)
        assert answer["markdown"] == "It adds `a` and `b`.\n" and answer["reason"] == ""
        assert len(editor.opened) == opened
        if opened:
            path = Path(editor.opened[0].removeprefix("file://"))
            assert path.read_text() == answer["markdown"]
            assert path.parent.stat().st_mode & 0o077 == 0
    if opened:
        assert not path.exists()


# Syntax reports ---------------------------------------------------------------------------------

ON = {"diagnostics": {"syntax": True}}


async def test_syntax_errors_are_reported_and_taken_back(home: Home) -> None:
    async with engine_for(home), editing(home, settings=ON) as editor:
        await editor.until_ready()
        editor.open("x = '😀' +\n")
        await editor.until(lambda: editor.published)
        (found,) = editor.published[0].diagnostics
        assert found.source == "tabwright" and found.severity is types.DiagnosticSeverity.Error
        assert found.message == "invalid syntax" and editor.published[0].version == 1
        assert found.range.start.line == 0 and found.range.start.character == 10
        editor.change("x = '😀'\n")
        await editor.until(lambda: len(editor.published) == 2)
        assert list(editor.published[1].diagnostics) == []
        editor.change("def f(\n")
        await editor.until(lambda: len(editor.published) == 3)
        closed = types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(URI))
        editor.client.text_document_did_close(closed)
        await editor.until(lambda: len(editor.published) == 4)
        assert list(editor.published[3].diagnostics) == []


async def test_a_reported_error_can_be_fixed(home: Home) -> None:
    rule = {"match": "was never closed", "text": "print(1)\n```"}
    async with engine_for(home, rule), editing(home, settings=ON) as editor:
        editor.open("print(1\n")
        await editor.until(lambda: editor.published)
        (found,) = editor.published[0].diagnostics
        (action,) = await editor.actions(found.range, found, only=["quickfix"])
        resolved = await editor.resolve(action)
        assert editor.edited(resolved.edit, {URI: "print(1\n"}) == {URI: "print(1)\n"}
        assert resolved.title == "Fix: '(' was never closed"


@pytest.mark.parametrize(
    ("settings", "language"), [(None, "python"), (ON, "javascript")], ids=["off", "javascript"]
)
async def test_no_diagnostics_are_published_unless_enabled(
    home: Home, settings: Any, language: str
) -> None:
    async with engine_for(home), editing(home, settings=settings) as editor:
        editor.open("def f(\n", language=language)
        await asyncio.sleep(0.6)
        assert editor.published == []


async def test_typing_on_reports_once(home: Home) -> None:
    async with engine_for(home), editing(home, settings=ON) as editor:
        await editor.until_ready()
        editor.open("x\n")
        for count in range(8):
            editor.change("(" * (count + 1))
            await asyncio.sleep(0.05)
        await editor.until(lambda: editor.published)
        await asyncio.sleep(0.4)
        assert len(editor.published) == 1 and editor.published[0].version == 9
