"""Malformed messages, documents and settings: a clear answer each, and the server lives on."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.editor import Home, editing, engine_for
from support.raw_client import Raw, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE = "def add(a, b):\n    return \n"
URI = "file:///work/code.py"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def raw() -> AsyncIterator[Raw]:
    """One server for all of it: that it lives on is the point."""
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        async for client in serving(Home(Path(folder))):
            yield client


@pytest.mark.parametrize(
    ("body", "code", "answered"),
    [
        (b"{not json", -32700, None),
        (b"[" * 5000, -32700, None),
        (b"\xff\xfe\x00", -32700, None),
        (b"[]", -32600, None),
        (b"3", -32600, None),
        (b"null", -32600, None),
        (b"{}", -32600, None),
        (b'{"jsonrpc": "1.0", "id": 7, "method": "shutdown"}', -32600, 7),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "shutdown"}', -32600, None),
        (b'{"jsonrpc": "2.0", "id": null, "method": "shutdown"}', -32600, None),
        (b'{"jsonrpc": "2.0", "id": 7, "method": 5}', -32600, 7),
        (b'{"jsonrpc": "2.0", "id": 7, "method": "no/such"}', -32601, 7),
        (b'{"jsonrpc": "2.0", "id": 7, "method": "tabwright/nothing", "params": 1}', -32601, 7),
        (b'{"jsonrpc": "2.0", "id": 7, "method": "textDocument/inlineCompletion"}', -32602, 7),
        (
            b'{"jsonrpc": "2.0", "id": 7, "method": "textDocument/inlineCompletion",'
            b' "params": {"textDocument": 3}}',
            -32602,
            7,
        ),
        (
            b'{"jsonrpc": "2.0", "id": 7, "method": "textDocument/inlineCompletion", "params":'
            b' {"textDocument": {"uri": "a"}, "position": {"line": -1, "character": 0}}}',
            -32602,
            7,
        ),
        (
            b'{"jsonrpc": "2.0", "id": 7, "method": "workspace/executeCommand",'
            b' "params": {"command": "tabwright.nothing"}}',
            -32602,
            7,
        ),
        (b'{"jsonrpc": "2.0", "id": 7, "method": "initialize"}', -32600, 7),
    ],
)
async def test_a_malformed_message_gets_one_error(
    raw: Raw, body: bytes, code: int, answered: object
) -> None:
    raw.body(body)
    assert (await raw.answer(answered))["error"]["code"] == code
    await raw.lives()


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"\x00\xff" * 100_000 + b"\n",
        b"Content-Length: nonsense\r\n\r\n",
        b"Content-Length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_input_that_is_no_message_is_skipped(raw: Raw, data: bytes) -> None:
    raw.write(data)
    await raw.lives()


async def test_unusable_notifications_and_responses_are_passed_over(raw: Raw) -> None:
    raw.send(method="no/such", params=[])
    raw.send(method="$/setTrace", params={"value": "off"})
    raw.send(method="textDocument/didChange", params={"textDocument": None})
    raw.send(method="textDocument/didOpen", params={})
    raw.send(method="$/cancelRequest", params={"id": 12345})
    raw.send(id="never asked", result={"a": 1})
    raw.send(id=8, error="not an object")
    change = {"textDocument": {"uri": "file:///x", "version": 1}, "contentChanges": [{"text": ""}]}
    raw.send(method="textDocument/didChange", params=change)
    raw.send(method="workspace/didChangeConfiguration", params={"settings": [1, "x", None]})
    raw.send(method="notebookDocument/didChange", params={"notebookDocument": 5})
    await raw.lives()


async def test_requests_before_initialize_are_refused(home: Home) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tabwright", "serve",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=home.environment(),
    )  # fmt: skip
    client = Raw(process)
    client.send(id=1, method="textDocument/inlineCompletion", params={})
    assert (await client.answer(1))["error"]["code"] == -32002
    client.send(id=2, method="initialize", params={"nonsense": True})
    assert (await client.answer(2))["error"]["code"] == -32602
    client.send(id=3, method="initialize", params={"capabilities": {}})
    assert "result" in await client.answer(3)
    client.send(id=4, method="shutdown")
    await client.answer(4)
    client.send(id=5, method="shutdown")
    assert (await client.answer(5))["error"]["code"] == -32600
    client.send(method="exit")
    assert await asyncio.wait_for(process.wait(), 2) == 0


async def ask(raw: Raw, text: str, line: int, character: int) -> list[str]:
    item = {"uri": URI, "languageId": "python", "version": 1, "text": text}
    raw.send(method="textDocument/didOpen", params={"textDocument": item})
    params = {
        "textDocument": {"uri": URI},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": 1},
    }
    raw.send(id="ask", method="textDocument/inlineCompletion", params=params)
    items = (await raw.answer("ask"))["result"]["items"]
    return [item["insertText"] for item in items]


@pytest.mark.parametrize(
    ("text", "line", "character"),
    [
        (CODE, 1, 11),
        (CODE, 1, 999_999),
        ("x = ", 99, 4),
        ("s = '\ud800\udbff'; x = ", 0, 15),
        ("s = '\udc00'\r\nx = ", 1, 4),
        ("\f\nx = \u2028\x85", 1, 6),
        ("😀 = ", 0, 1),
        ("\x00 = ", 0, 4),
        ("a\rb\rc = ", 2, 4),
        ("x = " + "(" * 3000, 0, 3004),
        ("y = 1; " * 1_500_000, 0, 10_500_000),
        ("é" * 3_000_000 + " = ", 0, 3_000_003),
        ("x = 1\n" * 1_700_000 + "y = ", 1_700_000, 4),
    ],
)
@pytest.mark.timing
async def test_odd_documents_and_positions_are_answered(
    raw: Raw, text: str, line: int, character: int
) -> None:
    assert all(isinstance(text, str) for text in await ask(raw, text, line, character))
    await raw.lives()
    started = time.perf_counter()
    await raw.lives()
    assert time.perf_counter() - started < 0.5


async def test_a_request_before_the_document_is_open_says_why(raw: Raw) -> None:
    params = {"textDocument": {"uri": __file__}, "position": {"line": 0, "character": 0}}
    raw.send(id=1, method="textDocument/inlineCompletion", params=params)
    assert (await raw.answer(1))["result"] == {"items": []}
    raw.send(id=2, method="workspace/executeCommand", params={"command": "tabwright.why"})
    assert (await raw.answer(2))["result"]["reason"] == "the document is not open"


@pytest.mark.parametrize("context", [{"triggerKind": 0}, {}, None, {"triggerKind": 9}])
async def test_trigger_kinds_of_older_clients_are_understood(raw: Raw, context: object) -> None:
    item = {"uri": URI, "languageId": "python", "version": 1, "text": CODE}
    raw.send(method="textDocument/didOpen", params={"textDocument": item})
    params: dict[str, object] = {
        "textDocument": {"uri": URI}, "position": {"line": 1, "character": 11}
    }  # fmt: skip
    if context is not None:
        params["context"] = context
    raw.send(id="ask", method="textDocument/inlineCompletion", params=params)
    assert "items" in (await raw.answer("ask"))["result"]


async def test_settings_that_cannot_be_used_warn_once_and_fall_back(home: Home) -> None:
    bad = {"completion": {"maxTokens": "many"}, "modle": "x", "enabled": True}
    async with engine_for(home, {"text": "a + b"}), editing(home, settings=bad) as editor:
        await editor.until_ready()
        await editor.until(lambda: len(editor.shown) == 2)
        assert any("maxTokens" in text and "192" in text for text in editor.shown)
        assert any("did you mean tabwright.model?" in text for text in editor.shown)
        editor.client.workspace_did_change_configuration(
            editor_settings({"tabwright": {**bad, "languages": {"python": False}}})
        )
        editor.open(CODE)
        assert await editor.texts(1, 11) == []
        assert (await editor.command("why"))["reason"] == "completion is switched off"
        editor.settings = {"languages": {"python": True}}
        editor.client.workspace_did_change_configuration(editor_settings(None))
        await asyncio.sleep(0.1)
        assert await editor.texts(1, 11) == ["a + b"]
        assert len(editor.shown) == 2


def editor_settings(settings: object) -> Any:
    from lsprotocol import types

    return types.DidChangeConfigurationParams(settings=settings)


async def test_user_code_is_not_in_the_log(home: Home) -> None:
    secret = "hunter2_password"
    async with engine_for(home, {"text": "a + b"}), editing(home) as editor:
        await editor.until_ready()
        editor.open(f"{secret} = 1\nx = \n")
        await editor.texts(1, 4)
        editor.client.protocol.notify("textDocument/didChange", {"text": secret})
        editor.client.protocol.notify(f"no/{secret}", {"text": secret})
        await editor.command("why")
    log = home.log
    assert "model" in log and secret not in log.replace(f"no/{secret}", "")
