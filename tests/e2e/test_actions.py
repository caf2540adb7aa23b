"""Code actions over stdio: what is listed, what resolving gives, and when it gives nothing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from support.editor import URI, Editor, Home, capabilities, editing, engine_for
from support.lost_name import CODE, CURSOR, LOST

FIXED = CODE.replace("a + c", "a + b")
ANSWER = f"{FIXED}```\n"
FIX = {"match": "undefined", "text": ANSWER}
NOWHERE = types.Range(types.Position(0, 0), types.Position(0, 0))


async def fix(editor: Editor) -> types.CodeAction:
    """The quick fix of the one diagnostic, not resolved yet."""
    (found,) = await editor.actions(LOST.range, LOST, only=["quickfix"])
    assert isinstance(found, types.CodeAction)
    return found


async def test_listed_actions(home: Home) -> None:
    async with engine_for(home), editing(home) as editor:
        editor.open(CODE)
        found = await editor.actions(CURSOR, LOST)
        titles = ["Fix: undefined name `c`", "Simplify", "Document", "Write tests"]
        assert [action.title for action in found] == [*titles, "Translate to JavaScript"]
        first = found[0]
        assert first.kind == "quickfix" and first.diagnostics[0].message == LOST.message
        assert first.is_preferred is None and first.edit is None and first.command is None
        assert list(first.tags) == [types.CodeActionTag.LlmGenerated]
        kinds = {action.kind for action in found[1:]}
        ours = "refactor.rewrite.tabwright."
        assert kinds == {ours + each for each in ("simplify", "document", "tests", "translate")}


@pytest.mark.parametrize(
    ("only", "count"),
    [
        (["quickfix"], 1),
        (["refactor"], 4),
        (["refactor.rewrite.tabwright.tests"], 1),
        (["refactor.rewrite.tabwright.translate"], 9),
        (["refactor.extract"], 0),
        (["source"], 0),
        (["quick"], 0),
        ([""], 5),
    ],
)
async def test_only_the_requested_kinds_are_listed(home: Home, only: list[str], count: int) -> None:
    async with engine_for(home), editing(home) as editor:
        editor.open(CODE)
        assert len(await editor.actions(CURSOR, LOST, only=only)) == count


async def test_a_comment_is_offered_to_be_generated(home: Home) -> None:
    async with engine_for(home), editing(home) as editor:
        editor.open("# TODO: write a function fib(n) that gives the nth Fibonacci number\n")
        found = await editor.actions(NOWHERE, only=["refactor.rewrite.tabwright.generate"])
        assert [action.title for action in found] == ["Generate fib"]


@pytest.mark.timing
async def test_listing_takes_less_than_20_ms_and_asks_no_engine(home: Home) -> None:
    text = CODE + "".join(f"\n\ndef f{n}(a):\n    return a + {n}\n" for n in range(500))
    async with engine_for(home) as engine, editing(home) as editor:
        await editor.until_ready()
        asked = len(engine.recorded)
        editor.open(text)
        await editor.actions(LOST.range, LOST)
        took = []
        for line in range(20):
            where = types.Range(types.Position(line * 40, 0), types.Position(line * 40, 0))
            started = time.perf_counter()
            await editor.actions(where, LOST)
            took.append(time.perf_counter() - started)
        assert sorted(took)[10] < 0.02
        assert len(engine.recorded) == asked


async def test_an_excluded_file_has_no_actions_and_why_explains_it(home: Home) -> None:
    uri = "file:///work/.env"
    async with engine_for(home), editing(home) as editor:
        editor.open("A = 1\n", uri, "python")
        assert await editor.actions(NOWHERE, uri=uri) == []
        why = await editor.command("why")
        assert why["reason"] == "this file is kept from the model" and ".env" in why["detail"]
        answer = await editor.command("edit", {"uri": uri, "instruction": "Rename A to B"})
        assert answer["edit"] is None and "kept from the model" in answer["reason"]


@pytest.mark.parametrize(
    "settings", [{"enabled": False}, {"languages": {"python": False}}], ids=["all", "python"]
)
async def test_switched_off_nothing_is_offered(home: Home, settings: Any) -> None:
    async with engine_for(home), editing(home, settings=settings) as editor:
        editor.open(CODE)
        assert await editor.actions(LOST.range, LOST) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("versions", [True, False], ids=["documentChanges", "changes"])
async def test_a_fix_is_checked_and_touches_its_line_alone(
    home: Home, encoding: str, versions: bool
) -> None:
    text = "NAME = '😀'  # é 😀\n" + CODE
    answer = {"match": "undefined", "text": "NAME = '😀'  # é 😀\n" + ANSWER}
    announce = capabilities(encoding, versions=versions)
    async with engine_for(home, answer) as engine, editing(home, announce=announce) as editor:
        editor.open(text)
        where = types.Range(types.Position(2, 15), types.Position(2, 16))
        lost = types.Diagnostic(where, LOST.message, source="Ruff", code="F821")
        (action,) = await editor.actions(where, lost, only=["quickfix"])
        resolved = await editor.resolve(action)
        assert resolved.title == action.title and editor.shown == []
        assert resolved.edit is not None
        assert editor.edited(resolved.edit, {URI: text}) == {URI: text.replace("a + c", "a + b")}
        if versions:
            assert resolved.edit.changes is None and resolved.edit.document_changes
            (part,) = resolved.edit.document_changes
            assert isinstance(part, types.TextDocumentEdit)
            assert part.text_document.version == 1
            edits: Any = part.edits
        else:
            assert resolved.edit.changes and resolved.edit.document_changes is None
            edits = resolved.edit.changes[URI]
        assert [edit.new_text for edit in edits] == ["    return a + b\n"]
        (asked,) = [each["body"] for each in engine.recorded if each["body"]["max_tokens"]]
        assert asked["lane"] == "actions" and asked["temperature"] == 0
        assert "return a + c" in asked["prediction"]["content"]


async def test_a_fix_uses_definitions_of_the_projects_files(home: Home, tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("def tool(first, *, second):\n    return first\n")
    (tmp_path / "private.py").write_text("def tool(secret):\n    return secret\n")
    (tmp_path / ".tabwrightignore").write_text("private.py\n")
    uri = (tmp_path / "code.py").as_uri()
    text = "from tools import tool\nfrom private import tool\ntool(1, 2)\n"
    where = types.Range(types.Position(2, 8), types.Position(2, 9))
    wrong = types.Diagnostic(where, "Expected 1 positional argument", source="Pyright")
    async with (
        engine_for(home, {"match": "positional", "text": text}) as engine,
        editing(home, root=tmp_path) as editor,
    ):
        editor.open(text, uri)
        (action,) = await editor.actions(where, wrong, uri=uri, only=["quickfix"])
        await editor.resolve(action)
        prompts = [each["body"]["prompt"] for each in engine.recorded]
    assert any("def tool(first, *, second):" in prompt for prompt in prompts)
    assert not any("secret" in prompt for prompt in prompts)


async def test_several_lines_are_several_edits(home: Home) -> None:
    text = "def f(a):\n    b = 1\n    return c\n\n\ndef g(a):\n    b = 1\n    return c\n"
    fixed = text.replace("return c", "return b")
    async with engine_for(home, {"match": "undefined", "text": fixed}), editing(home) as editor:
        editor.open(text)
        where = types.Range(types.Position(2, 11), types.Position(2, 12))
        lost = types.Diagnostic(where, "undefined name `c`")
        (action,) = await editor.actions(where, lost, only=["quickfix"])
        edit = (await editor.resolve(action)).edit
        assert edit is not None and edit.document_changes is not None
        (part,) = edit.document_changes
        assert isinstance(part, types.TextDocumentEdit) and len(part.edits) == 2
        assert editor.edited(edit, {URI: text}) == {URI: fixed}


async def test_windows_line_ends_stay(home: Home) -> None:
    text = CODE.replace("\n", "\r\n")
    async with engine_for(home, FIX), editing(home) as editor:
        editor.open(text)
        edit = (await editor.resolve(await fix(editor))).edit
        assert editor.edited(edit, {URI: text}) == {URI: FIXED.replace("\n", "\r\n")}


async def test_an_edit_for_an_older_version_is_refused(home: Home) -> None:
    async with engine_for(home, FIX) as engine, editing(home) as editor:
        editor.open(CODE)
        action = await fix(editor)
        editor.change("# new\n" + CODE)
        resolved = await editor.resolve(action)
        assert resolved.edit is None and "has changed since" in editor.shown[0]
        assert not [each for each in engine.recorded if each["body"]["lane"] == "actions"]


async def test_a_change_in_mid_action_gives_it_up(home: Home) -> None:
    slow = {**FIX, "delay_ms": 50}
    async with engine_for(home, slow) as engine, editing(home) as editor:
        editor.open(CODE)
        resolving = asyncio.create_task(editor.resolve(await fix(editor)))
        await until_asked(editor, engine)
        editor.change("# new\n" + CODE)
        assert (await asyncio.wait_for(resolving, 2)).edit is None
        assert "has changed since" in editor.shown[0]
        await engine.wait_for(1, "disconnected")


async def test_a_closed_document_gives_it_up(home: Home) -> None:
    slow = {**FIX, "delay_ms": 50}
    async with engine_for(home, slow) as engine, editing(home) as editor:
        editor.open(CODE)
        resolving = asyncio.create_task(editor.resolve(await fix(editor)))
        await until_asked(editor, engine)
        closed = types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(URI))
        editor.client.text_document_did_close(closed)
        assert (await asyncio.wait_for(resolving, 2)).edit is None
        assert "not open" in editor.shown[0]


async def until_asked(editor: Editor, engine: Any) -> None:
    def asked() -> bool:
        return any(each["sent"] for each in engine.recorded if each["body"]["lane"] == "actions")

    await editor.until(asked)


@pytest.mark.timing
async def test_cancelling_the_request(home: Home) -> None:
    slow = {**FIX, "delay_ms": 50}
    async with engine_for(home, slow) as engine, editing(home) as editor:
        editor.open(CODE)
        action, method = await fix(editor), types.CODE_ACTION_RESOLVE
        sent = editor.client.protocol.send_request(method, action, msg_id="r1")
        resolving = asyncio.wrap_future(sent)
        await until_asked(editor, engine)
        started = time.perf_counter()
        editor.cancel("r1")
        with pytest.raises(JsonRpcException) as raised:
            await asyncio.wait_for(resolving, 2)
        assert raised.value.code == -32800 and time.perf_counter() - started < 0.1
        await engine.wait_for(1, "disconnected", timeout=1)
        await editor.until(lambda: bars(editor, "end"))
        assert editor.shown == []


async def test_cancelling_by_the_progress_bar(home: Home) -> None:
    slow = {**FIX, "delay_ms": 50}
    async with engine_for(home, slow) as engine, editing(home) as editor:
        editor.open(CODE)
        resolving = asyncio.create_task(editor.resolve(await fix(editor)))
        await until_asked(editor, engine)
        (bar,) = bars(editor, "begin")
        assert bar.value["title"] == "Tabwright: Fix: undefined name `c`"
        assert bar.value["cancellable"] is True
        cancel = types.WorkDoneProgressCancelParams(bar.token)
        editor.client.window_work_done_progress_cancel(cancel)
        assert (await asyncio.wait_for(resolving, 2)).edit is None
        await engine.wait_for(1, "disconnected", timeout=1)
        assert editor.shown == [] and bars(editor, "end")[0].value["message"] == "cancelled"


def bars(editor: Editor, kind: str) -> list[Any]:
    """The messages of the bars of actions."""
    titled = [bar for bar in editor.bars if "loading" not in bar.value.get("title", "loading")]
    tokens = {bar.token for bar in titled}
    return [bar for bar in editor.bars if bar.token in tokens and bar.value["kind"] == kind]


async def test_progress_shows_the_current_step(home: Home) -> None:
    async with engine_for(home, FIX), editing(home) as editor:
        editor.open(CODE)
        await editor.resolve(await fix(editor))
        await editor.until(lambda: bars(editor, "end"))
        told = [bar.value["message"] for bar in bars(editor, "report")]
        assert "asking the model" in told and told[-1] == "checking"


DATA: list[Any] = [
    None,
    7,
    {},
    {"id": "nothing", "uri": URI, "version": 1},
    {"id": "fix", "uri": "file:///elsewhere.py"},
    {"id": "fix", "uri": URI, "version": 1, "range": {"start": 1}},
    {"id": "fix", "uri": URI, "version": 1, "range": {"start": {"line": -1, "character": 0}}},
    {"id": "fix", "uri": URI, "version": 1, "diagnostics": ["x"]},
    {"id": "fix", "uri": URI, "version": 1, "diagnostics": "x"},
    {"id": "fix", "uri": URI, "version": 1},
]


@pytest.mark.parametrize("data", DATA, ids=repr)
async def test_data_that_is_not_ours_is_a_message(home: Home, data: Any) -> None:
    async with engine_for(home, FIX), editing(home) as editor:
        editor.open(CODE)
        action = types.CodeAction("Something", data=data)
        assert (await editor.resolve(action)).edit is None
        assert len(editor.shown) == 1 and "Something" in editor.shown[0]
        answer = await editor.command("act", *([data] if isinstance(data, dict) else []))
        assert answer["applied"] is False and answer["reason"]


async def test_a_place_past_the_end_is_clamped(home: Home) -> None:
    async with engine_for(home, FIX), editing(home) as editor:
        editor.open(CODE)
        far = types.Range(types.Position(900, 5), types.Position(901, 5))
        lost = types.Diagnostic(far, "undefined name `c`")
        (action,) = await editor.actions(far, lost, only=["quickfix"])
        edit = (await editor.resolve(action)).edit
        assert editor.edited(edit, {URI: CODE}) == {URI: FIXED}
