"""Messages made to hurt: one clear answer each, and the server lives on."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from support.editor import Home
from support.raw_client import Raw, serving

from tabwright.lsp.transport import framing
from tabwright.lsp.transport.framing import Frames, Malformed

pytestmark = pytest.mark.asyncio(loop_scope="module")

URI = "file:///work/code.py"
CODE = 'def add(a, b):\n    """Add."""\n    return a\n'
WHY = b'"method": "workspace/executeCommand", "params": {"command": "tabwright.why"}'
NO_NUMBERS = [2**31, 2**63, 10**30, -1, -(2**40), 1e30, "3x", None, [1], {}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def raw() -> AsyncIterator[Raw]:
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        async for client in serving(Home(Path(folder))):
            item = {"uri": URI, "languageId": "python", "version": 1, "text": CODE}
            client.send(method="textDocument/didOpen", params={"textDocument": item})
            yield client


def nested(depth: int, kind: str) -> bytes:
    opening, closing = (b"[", b"]") if kind == "lists" else (b'{"a":', b"}")
    return opening * depth + b"1" + closing * depth


def command(name: str, *arguments: Any) -> dict[str, Any]:
    params = {"command": f"tabwright.{name}", "arguments": list(arguments)}
    return {"method": "workspace/executeCommand", "params": params}


def at(line: Any, character: Any) -> dict[str, Any]:
    end = {"line": line, "character": character}
    return {"start": end, "end": end}


@pytest.mark.parametrize("number", NO_NUMBERS, ids=str)
async def test_a_position_that_is_none_gets_a_clear_error(raw: Raw, number: Any) -> None:
    wanted = {"uri": URI, "instruction": "x", "to": "java", "id": "generate", "kind": "generate"}
    for where in (at(number, 0), at(0, number)):
        for name in ("act", "edit", "translate", "tests", "explain"):
            raw.send(id=name, **command(name, {**wanted, "range": where}))
            answer = await raw.answer(name)
            assert answer["result"]["reason"] == "a position of this action cannot be read", answer
        params = {"textDocument": {"uri": URI}, "range": where, "context": {"diagnostics": []}}
        raw.send(id="actions", method="textDocument/codeAction", params=params)
        answer = await raw.answer("actions")
        assert answer.get("error", {}).get("code") == -32602, answer
        params = {"textDocument": {"uri": URI}, "position": where["start"]}
        raw.send(id="inline", method="textDocument/inlineCompletion", params=params)
        assert (await raw.answer("inline"))["error"]["code"] == -32602
        data = {**wanted, "range": where, "version": 1}
        action = {"title": "x", "kind": "quickfix", "data": data}
        raw.send(id="resolve", method="codeAction/resolve", params=action)
        assert "edit" not in (await raw.answer("resolve")).get("result", {})
    await raw.lives()


async def test_positions_far_out_are_the_end_of_the_document(raw: Raw) -> None:
    params = {"textDocument": {"uri": URI}, "position": {"line": 2**31 - 1, "character": 2**31 - 1}}
    raw.send(id="inline", method="textDocument/inlineCompletion", params=params)
    assert "items" in (await raw.answer("inline"))["result"]


@pytest.mark.parametrize(
    "identity", [b"{}", b'{"a": 1}', b"[]", b"[1]", b"true", b"false", b"1.5", b"1e999", b"NaN"]
)
async def test_an_id_that_is_none_gets_a_clear_error(raw: Raw, identity: bytes) -> None:
    raw.body(b'{"jsonrpc": "2.0", "id": %b, %b}' % (identity, WHY))
    error = (await raw.answer(None))["error"]
    assert error == {"code": -32600, "message": "method or id of a wrong type"}
    raw.body(b'{"jsonrpc": "2.0", "id": %b, "result": null}' % identity)
    raw.body(b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": %b}}' % identity)
    await raw.lives()


@pytest.mark.parametrize(
    "identity", [b"9" * 400, b"-0", b'""', b'"\\ud800"', b'"' + b"a" * 100_000 + b'"']
)
async def test_an_odd_id_comes_back_as_it_was(raw: Raw, identity: bytes) -> None:
    raw.body(b'{"jsonrpc": "2.0", "id": %b, %b}' % (identity, WHY))
    assert "reason" in (await raw.answer(json.loads(identity)))["result"]


@pytest.mark.parametrize("kind", ["lists", "objects"])
@pytest.mark.parametrize("depth", [101, 200, 900])
async def test_a_message_nested_too_deep_is_answered_with_its_id(
    raw: Raw, depth: int, kind: str
) -> None:
    deep = nested(depth, kind)
    for method in (b"workspace/executeCommand", b"textDocument/inlineCompletion", b"no/such"):
        raw.body(b'{"jsonrpc": "2.0", "id": 7, "method": "%b", "params": %b}' % (method, deep))
        assert (await raw.answer(7))["error"]["message"] == "a message is nested too deep"
    raw.body(b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": %b}' % deep)
    assert (await raw.answer(None))["error"]["code"] == -32700
    await raw.lives()


@pytest.mark.parametrize("kind", ["lists", "objects"])
@pytest.mark.parametrize("depth", [1000, 100_000, 5_000_000])
async def test_nested_deeper_than_python_reads(raw: Raw, depth: int, kind: str) -> None:
    raw.body(b'{"jsonrpc": "2.0", "id": 7, "params": %b}' % nested(depth, kind))
    error = (await raw.answer(None))["error"]
    assert error["code"] == -32700 and len(error["message"]) < 200
    raw.body(nested(depth, kind)[:depth])
    assert (await raw.answer(None))["error"]["code"] == -32700
    await raw.lives()


@pytest.mark.parametrize("depth", [50, 90])
async def test_allowed_nesting_is_accepted_at_any_position(raw: Raw, depth: int) -> None:
    for kind in ("lists", "objects"):
        value = json.loads(nested(depth, kind))
        for name in ("act", "edit", "status", "statistics", "show", "trust"):
            raw.send(id=name, **command(name, value))
            assert "error" not in await raw.answer(name)
            raw.send(id=name, **command(name, {"uri": URI, "range": value, "instruction": value}))
            assert "error" not in await raw.answer(name)
        raw.send(id=1, method="codeAction/resolve", params={"title": "x", "data": value})
        assert (await raw.answer(1))["result"]["data"] == value
        raw.send(method="workspace/didChangeConfiguration", params={"settings": value})
        settings = {"tabwright": {"completion": value, "languages": value}}
        raw.send(method="workspace/didChangeConfiguration", params={"settings": settings})
    await raw.lives()


@pytest.mark.parametrize(
    "number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 4000, b"-1e308"]
)
async def test_numbers_that_are_none_do_not_come_back(raw: Raw, number: bytes) -> None:
    settings = b'{"settings": {"tabwright": {"completion": {"maxTokens": %b}}}}' % number
    raw.body(
        b'{"jsonrpc": "2.0", "method": "workspace/didChangeConfiguration", "params": %b}' % settings
    )
    data = b'{"title": "x", "data": {"uri": "%b", "version": %b}}' % (URI.encode(), number)
    raw.body(b'{"jsonrpc": "2.0", "id": 1, "method": "codeAction/resolve", "params": %b}' % data)
    answer = await raw.answer(1)
    assert "NaN" not in json.dumps(answer) and "Infinity" not in json.dumps(answer)
    await raw.lives()


async def test_of_a_name_given_twice_the_last_counts_once(raw: Raw) -> None:
    raw.body(b'{"jsonrpc": "2.0", "id": 5, "id": 6, %b, %b}' % (WHY, WHY))
    assert "result" in await raw.answer(6)
    await raw.lives()


async def test_a_message_too_long_is_reported_and_uses_little_memory(raw: Raw) -> None:
    process = psutil.Process(raw.process.pid)
    before = process.memory_info().rss
    raw.write(b"Content-Length: %d\r\n\r\n" % (framing.MAX_BODY_BYTES + 1))
    assert "too long" in (await raw.answer(None))["error"]["message"]
    piece = b'"' + b"a" * (1 << 20)
    for _ in range(framing.MAX_BODY_BYTES // len(piece)):
        raw.write(piece)
        await raw.stdin.drain()
    raw.write(b"\r\n")
    await raw.lives()
    assert process.memory_info().rss - before < 40 << 20


async def test_a_file_that_holds_frames_is_never_read_as_messages(raw: Raw) -> None:
    """What a document says stays text, in a message that is right, too long or cut short."""
    inner = b'{"jsonrpc": "2.0", "id": "of the file", "method": "shutdown"}'
    text = f"\r\nContent-Length: {len(inner)}\r\n\r\n{inner.decode()}\r\n" * 3
    item = {"uri": URI + "2", "languageId": "python", "version": 1, "text": text}
    opened = {
        "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": item}
    }  # fmt: skip
    body = json.dumps(opened).encode()
    raw.body(body)
    await raw.lives()
    raw.write(b"Content-Length: %d\r\n\r\n%b" % (len(body) - 40, body))
    assert (await raw.answer(None))["error"]["code"] == -32700
    await raw.lives()
    raw.write(b"Content-Length: %d\r\n\r\n%b" % (len(body) + 40, body))
    raw.send(id=1, method="no/such", params={})
    assert (await raw.answer(None))["error"]["code"] == -32700
    await raw.answer(1)
    raw.write(b"Content-Length: 99999999999\r\n\r\n%b" % body)
    assert "too long" in (await raw.answer(None))["error"]["message"]
    raw.send(id=2, method="no/such", params={})
    await raw.answer(2)
    await raw.lives()


async def test_deep_nesting_is_found_quickly() -> None:
    """A large message that is right is not slowed down: a million numbers, a wide tree."""
    for body in (b"[" + b"1," * 1_000_000 + b"1]", b"[" + b'{"a":[1]},' * 200_000 + b"1]"):
        value = json.loads(body)
        started = time.thread_time()
        assert not framing._is_deeper(value, framing.MAX_DEPTH)
        assert time.thread_time() - started < 1.0
        del value
    await asyncio.sleep(0)


async def test_a_malformed_frame_knows_its_request() -> None:
    body = b'{"id": 9, "params": %b}' % nested(200, "lists")
    data = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    left = [data, b""]
    found = list(Frames(lambda size: left.pop(0)))
    assert found == [Malformed("a message is nested too deep", 9)]
