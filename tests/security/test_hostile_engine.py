"""A remote engine that is broken or hostile: bounded work, and one clear error."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tabwright.client.engine import Answer, EngineError, EngineUnavailable, Request
from tabwright.client.remote.engine import RemoteEngine, RemoteOptions
from tabwright.core.prompting.prompt import Prompt, Token

KEY = "sk-the-key-of-this-test"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
MEGABYTE = b"x" * 1_000_000


@dataclass
class Hostile:
    """What was asked of a server that answers with given bytes, again and again."""

    head: bytes
    forever: bytes = b""
    chunk_s: float = 0.0
    asked: list[bytes] = field(default_factory=list)
    sent: int = 0
    port: int = 0
    handlers: list[asyncio.Task[None]] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head)
            if head.startswith(b"GET /v1/models") and b"/models-too" not in self.head:
                body = b'{"data": [{"id": "m"}]}'
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                    b"\r\n%b" % (len(body), body)
                )
                await writer.drain()
                return await self.answer(reader, writer)
            writer.write(self.head)
            await writer.drain()
            # Never more than 300 MB, should nobody hang up.
            while self.forever and self.sent < 300_000_000:
                writer.write(self.forever)
                await writer.drain()
                self.sent += len(self.forever)
                await asyncio.sleep(self.chunk_s)
        writer.close()
        return None


@contextlib.asynccontextmanager
async def hostile(
    head: bytes, forever: bytes = b"", chunk_s: float = 0.0
) -> AsyncIterator[Hostile]:
    served = Hostile(head, forever, chunk_s)
    server = await asyncio.start_server(served.answer, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


def request(n: int = 1) -> Request:
    parts = (Token("<|fim_suffix|>"), "\n", Token("<|fim_middle|>"), "x = ")
    return Request(model="m", prompt=Prompt(parts), max_tokens=16, n=n)


async def ask(served: Hostile, timeout_s: float = 20.0) -> Answer:
    options = RemoteOptions(f"http://127.0.0.1:{served.port}", "m", "MY_KEY", timeout_s=timeout_s)
    engine = RemoteEngine(options, refusal=lambda: None)
    try:
        return await engine.generate(request())
    finally:
        await engine.aclose()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)


def event(text: object) -> bytes:
    return b"data: " + json.dumps(text).encode() + b"\n\n"


ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Header: aaaaaaaaaaaaaaaaaaaa\r\n" * 1000),
    "one header": (b"HTTP/1.1 200 OK\r\nX-Header: ", MEGABYTE),
    "a status line": (b"HTTP/1.1 200 ", MEGABYTE),
    "no HTTP": (b"", MEGABYTE),
    "a body": (WHOLE, MEGABYTE),
    "JSON": (WHOLE + b'{"choices": [', b'{"text": "a"},' * 10_000),
    "a line": (STREAM + b"data: ", MEGABYTE),
    "a line of no event": (STREAM, MEGABYTE),
    "an event of many lines": (STREAM, b"data: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 20_000),
    "comments": (STREAM, b": still there\n\n" * 50_000),
    "pieces": (STREAM, event({"choices": [{"index": 0, "text": "a" * 900}]}) * 1000),
    "an error": (b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n", MEGABYTE),
    "a redirect's body": (b"HTTP/1.1 302 Go\r\nLocation: /x\r\n\r\n", MEGABYTE),
    "chunk sizes": (STREAM[:-2] + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 100_000),
    "chunk extensions": (STREAM[:-2] + b"Transfer-Encoding: chunked\r\n\r\n1;", MEGABYTE),
    "trailers": (STREAM[:-2] + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 10_000),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_an_endless_response_is_ended(name: str) -> None:
    head, forever = ENDLESS[name]
    tracemalloc.start()
    try:
        async with hostile(head, forever) as served:
            said = ""
            try:
                # An answer that does not go on with the word at the cursor may end as none.
                assert (await ask(served, 8.0)).texts == ("",)
            except EngineError as error:
                said = str(error)
            most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (said or name == "pieces") and len(said) < 3000 and KEY not in said
    # The size of a chunk is read by aiohttp, which keeps nothing of it; only time ends that.
    assert served.sent < 200_000_000 or name.startswith("chunk")
    assert most < 120 << 20


@pytest.mark.parametrize("name", ["headers", "a body", "comments"])
async def test_a_slow_endless_response_is_ended_by_the_time_limit(name: str) -> None:
    head, forever = ENDLESS[name]
    async with hostile(head, forever[:10], 0.05) as served:
        started = time.monotonic()
        with pytest.raises(EngineUnavailable, match=r"did not answer within 1 s"):
            await ask(served, 1.0)
        assert time.monotonic() - started < 15


@pytest.mark.parametrize("kind", ["gzip", "deflate", "br", "zstd", "GZIP", "gzip, gzip"])
async def test_nothing_is_unpacked(kind: str) -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    sent = WHOLE[:-2] + f"Content-Encoding: {kind}\r\n\r\n".encode() + bomb
    tracemalloc.start()
    try:
        async with hostile(sent) as served:
            with pytest.raises(EngineError, match="compressed answer"):
                await ask(served)
            assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert b"accept-encoding: identity" in served.asked[-1].lower()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:PORT/v1/completions", "https://127.0.0.1:PORT/", "//127.0.0.1:PORT/",
        "file:///etc/passwd", "unix:///run/x.sock", "http://169.254.169.254/latest/meta-data",
        "gopher://127.0.0.1:PORT/", "http://user:pass@127.0.0.1:PORT/", "",
    ],
)  # fmt: skip
async def test_no_redirect_is_followed(status: int, to: str) -> None:
    async with hostile(b"HTTP/1.1 200 OK\r\n\r\n") as other:
        to = to.replace("PORT", str(other.port))
        sent = f"HTTP/1.1 {status} X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
        async with hostile(sent) as served:
            with pytest.raises(EngineError, match="points elsewhere"):
                await ask(served)
        assert other.asked == [], "the redirect was followed"
        assert any(KEY.encode() in head for head in served.asked), "the test itself: a key was sent"


NONSENSE: dict[str, bytes] = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "a chunk of a negative size": STREAM[:-2] + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n",
    "a chunk that is no number": STREAM[:-2] + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n",
    "a huge chunk": STREAM[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\nabc",
    "two lengths": WHOLE[:-2] + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "a length and chunks": WHOLE[:-2] + b"Content-Length: 1\r\nTransfer-Encoding: x\r\n\r\n{}",
    "a negative length": WHOLE[:-2] + b"Content-Length: -1\r\n\r\n{}",
    "a length too large": WHOLE[:-2] + b"Content-Length: 99999999999999\r\n\r\n{}",
    "an upgrade": b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "nothing": b"",
    "only headers": STREAM,
    "NUL in a header": b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n{}",
    "a list": WHOLE + b"[]",
    "deep": WHOLE + b"[" * 100_000,
    "deep in an error": b"HTTP/1.1 500 X\r\nConnection: close\r\n\r\n" + b"[" * 100_000,
    "deep in an event": STREAM + b"data: " + b"[" * 100_000 + b"\n\n",
    "a long number": WHOLE + b'{"choices": ' + b"9" * 10_000 + b"}",
    "choices that are none": WHOLE + b'{"choices": [1]}',
    "an index that is none": WHOLE + b'{"choices": [{"index": "x", "text": "a"}]}',
    "an index far out": WHOLE + b'{"choices": [{"index": 1e9, "text": "a"}]}',
    "a negative index": WHOLE + b'{"choices": [{"index": -1, "text": "a"}]}',
    "a text that is none": WHOLE + b'{"choices": [{"index": 0, "text": {"a": 1}}]}',
    "an error that is none": WHOLE + b'{"error": [[[1]]]}',
    "a long error": WHOLE + b'{"error": {"message": "' + b"e" * 500_000 + b'"}}',
    "no choices": WHOLE + b"{}",
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_nonsense_gets_a_clear_error(name: str) -> None:
    async with hostile(NONSENSE[name]) as served:
        with pytest.raises(EngineError) as caught:
            await ask(served, 5.0)
    assert 0 < len(str(caught.value)) < 2200 and KEY not in str(caught.value)


async def test_a_cost_that_is_none_is_left_out() -> None:
    usage = b'{"prompt_tokens": NaN, "completion_tokens": -3, "decode_ms": 1e999, "queue_ms": "x"}'
    timings = b'{"prompt_n": {}, "prompt_ms": Infinity, "predicted_ms": 7}'
    body = b'{"choices": [{"text": " 1", "finish_reason": "stop"}], "usage": %b, "timings": %b}'
    async with hostile(WHOLE + body % (usage, timings)) as served:
        answer = await ask(served)
    assert answer.texts == ("1",)
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (0, 0)
    assert (answer.usage.decode_ms, answer.usage.prefill_ms) == (7, 0.0)


MODELS = [
    b'{"data": 5}', b'{"data": {"a": 1}}', b'{"data": [1, null, "x"]}',
    b'{"data": [{"id": {"a": 1}}]}', b'{"data": [{"id": null}]}',
    b'{"data": [{"id": "m", "max_model_len": 1e999}]}',
    b'{"data": [{"id": "m", "max_model_len": true}]}',
    b'{"data": [{"id": "m", "meta": {"n_ctx": -5}}]}',
    b'{"data": [{"id": "m", "max_model_len": ' + b"9" * 4000 + b"}]}",
    b'{"data": [{"id": "' + b"m" * 1_000_000 + b'"}]}',
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MODELS)))
async def test_a_list_of_models_that_is_none(number: int) -> None:
    """A sensible answer or a clear error, and a context that a prompt can be cut to."""
    head = WHOLE.replace(b"OK", b"/models-too")
    async with hostile(head + MODELS[number]) as served:
        engine = RemoteEngine(
            RemoteOptions(f"http://127.0.0.1:{served.port}", timeout_s=5.0), refusal=lambda: None
        )
        try:
            info = await engine.model_info("m")
        except EngineError as error:
            assert str(error)
        else:
            assert 0 < info.context_length <= 100_000_000 and len(info.name) <= 1000
        finally:
            await engine.aclose()
