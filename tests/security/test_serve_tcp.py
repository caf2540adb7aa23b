"""``tabwright serve --tcp``: only who knows the token is served, and only as its own protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.editor import Home
from support.engine_process import token_files

from tabwright.lsp.transport import framing, tcp

PRINTED = "the-token-of-this-test"
COMMAND = {"command": "tabwright.why"}


@dataclass
class Served:
    """A server on TCP and what it told."""

    process: asyncio.subprocess.Process
    home: Home
    port: int
    token: str

    async def connect(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port))

    async def is_served(self) -> None:
        """Whatever happened before: who has the token is served."""
        client = await self.connect()
        client.send(1, "initialize", initialize(self.token))
        assert "capabilities" in (await client.answer())["result"]
        client.send(2, "workspace/executeCommand", COMMAND)
        assert (await client.answer())["id"] == 2
        client.writer.close()

    @property
    def log(self) -> str:
        return self.home.log


@dataclass
class Client:
    """One connection that writes and reads frames."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, identity: object, method: str, params: object) -> None:
        message = {"jsonrpc": "2.0", "id": identity, "method": method, "params": params}
        self.writer.write(framed(json.dumps(message).encode()))

    async def answer(self) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                head = await self.reader.readuntil(b"\r\n\r\n")
                length = int(head.split(b"Content-Length:")[1].split(b"\r\n")[0])
                found = json.loads(await self.reader.readexactly(length))
                if "method" not in found:
                    assert isinstance(found, dict)
                    return found

    async def rest(self, seconds: float = 30.0) -> bytes:
        """What comes until the server ends the connection."""
        got = bytearray()
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionError):
                while piece := await self.reader.read(65536):
                    got += piece
        return bytes(got)


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def initialize(token: object) -> dict[str, Any]:
    options = {"token": token, "completion": {"maxTokens": 20}}
    return {"capabilities": {}, "processId": None, "initializationOptions": options}


@asynccontextmanager
async def serving(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Served]:
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        home = Home(Path(folder))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tabwright", "serve", "--tcp", "0", *arguments,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=home.environment(environment),
        )  # fmt: skip
        assert process.stderr is not None
        try:
            told = (await asyncio.wait_for(process.stderr.readline(), 60)).decode()
            token = ""
            if not environment:
                await process.stderr.readline()
                token = (await process.stderr.readline()).strip().decode()
            yield Served(process, home, int(told.rpartition(":")[2]), token)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


PAGE = framed(
    json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}
    ).encode()
)
# What a web page has a browser send; the frames in its body are what drove a whole session before.
OTHER_PROTOCOLS = [
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE,
    b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n\r\n",
    b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /",
    b"P",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"SSH-2.0-x\r\n",
    b"\x00" * 10,
    b"\n" + PAGE,
    b"X-Header: 1\r\n" + PAGE,
    b"Content-Type: text/plain\r\nHost: x\r\n" + PAGE,
    b" Content-Length: 2\r\n\r\n{}",
    b"Content-Lengthy: 2\r\n\r\n{}",
    b"Content-Length: 2;\r\n\r\n{}",
    b"Content-Type: a\r\n" * 20 + PAGE,
    b"Content-Type: " + b"a" * 100_000,
]


async def test_another_protocol_ends_the_connection_at_once_and_not_the_server() -> None:
    async with serving() as served:
        for sent in OTHER_PROTOCOLS:
            client = await served.connect()
            client.writer.write(sent)
            assert await client.rest() == b"", sent
            client.writer.close()
        await served.is_served()
        assert "refused" in served.log


def asked(method: str, params: object) -> bytes:
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    return framed(json.dumps(message).encode())


SECRET = "x" * 40
UNAUTHENTICATED: list[tuple[bytes, str]] = [
    (asked(method, params), why)
    for method, params, why in [
        ("initialize", {"capabilities": {}}, "token is missing or wrong"),
        ("initialize", {"capabilities": {}, "initializationOptions": None}, "missing or wrong"),
        ("initialize", {"capabilities": {}, "initializationOptions": []}, "missing or wrong"),
        ("initialize", [], "missing or wrong"),
        ("initialize", initialize(""), "missing or wrong"),
        ("initialize", initialize(SECRET), "missing or wrong"),
        ("initialize", initialize(None), "missing or wrong"),
        ("initialize", initialize(["TOKEN"]), "missing or wrong"),
        ("initialize", initialize("\ud800"), "missing or wrong"),
        ("initialize", initialize({"token": "TOKEN"}), "missing or wrong"),
        ("workspace/executeCommand", COMMAND, "must be the request initialize"),
        ("shutdown", None, "must be the request initialize"),
        ("exit", None, "must be the request initialize"),
    ]
]  # fmt: skip
UNAUTHENTICATED += [
    (framed(b'{"jsonrpc": "2.0", "method": "initialize", "params": {}}'), "request initialize"),
    (framed(b"[]"), "must be the request initialize"),
    (framed(b"{not json"), "is not JSON"),
    (framed(b"[" * 100_000), "is not JSON"),
    (framed(b'{"id": 7, "params": ' + b"[" * 500 + b"]" * 500 + b"}"), "nested too deep"),
    (b"Content-Length: 9000000\r\n\r\n", "too long"),
    (b"Content-Length: 999999999999\r\n\r\n", "too long"),
]


async def test_without_the_token_nothing_is_done() -> None:
    """What follows the first message, in the same packet, is not read either."""
    after = framed(b'{"jsonrpc": "2.0", "id": 8, "method": "shutdown"}')
    async with serving() as served:
        for sent, why in UNAUTHENTICATED:
            client = await served.connect()
            client.writer.write(sent + after)
            client.writer.write(framed(b'{"jsonrpc": "2.0", "method": "exit"}'))
            said = await client.rest()
            assert said.count(b"Content-Length") == 1, (sent, said)
            error = json.loads(said.partition(b"\r\n\r\n")[2])["error"]
            assert why in error["message"], (sent, error)
            client.writer.close()
        assert served.process.returncode is None
        await served.is_served()


async def test_a_body_is_not_read_again_as_another_message() -> None:
    """On TCP a bad frame ends the connection, even of who is trusted."""
    hidden = framed(b'{"jsonrpc": "2.0", "id": 66, "method": "shutdown"}')
    for bad in (
        b"{broken\n" + hidden,
        b"Content-Length: 4\r\n\r\nnull" + hidden[:5] + b"!" + hidden,
        b"\r\n" + hidden,
    ):
        async with serving() as served:
            client = await served.connect()
            client.send(1, "initialize", initialize(served.token))
            assert "result" in await client.answer()
            sent = framed(bad) if bad.startswith(b"{") else bad
            client.writer.write(sent)
            assert b'"id": 66' not in (said := await client.rest()) and b'"id":66' not in said
            assert await asyncio.wait_for(served.process.wait(), 30) == 1


async def test_half_open_and_slow_connections_make_room() -> None:
    async with serving() as served:
        waiting = [await served.connect() for _ in range(3 * tcp.MAX_WAITING)]
        for each in waiting:
            with contextlib.suppress(ConnectionError):
                each.writer.write(b"Content-Le")
        await served.is_served()
        for each in waiting:
            assert await each.rest() == b""
            each.writer.close()


def test_a_first_message_has_a_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found: list[object] = []
        waiting = threading.Thread(
            target=lambda: found.append(tcp.wait_for_client(listening, PRINTED, 1.0)), daemon=True
        )
        waiting.start()
        with contextlib.closing(socket.create_connection(listening.getsockname())) as slow:
            slow.settimeout(60)
            slow.sendall(b"Content-Length: 100\r\n\r\n")
            said = b""
            while piece := slow.recv(65536):
                said += piece
        assert b"no first message came within 1 s" in said and not found
        with contextlib.closing(socket.create_connection(listening.getsockname())) as right:
            body = json.dumps(
                {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize(PRINTED)}
            )
            right.sendall(framed(body.encode()))
            waiting.join(60)
        (client,) = found
        assert isinstance(client, tcp.AuthenticatedClient)
        first = next(client.values)
        assert isinstance(first, dict)
        assert first["params"]["initializationOptions"] == {"completion": {"maxTokens": 20}}
        client.output.close()


async def test_the_token_is_private_printed_once_and_in_no_log() -> None:
    async with serving("--log-level", "debug") as served:
        (file,) = token_files(served.home)
        assert file.read_text() == served.token and len(served.token) >= 32
        if hasattr(os, "getuid"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        client = await served.connect()
        client.send(1, "initialize", initialize("wrong" + served.token))
        await client.rest()
        client.writer.close()
        client = await served.connect()
        client.send(1, "initialize", initialize(served.token))
        answer = await client.answer()
        assert served.token not in json.dumps(answer)
        client.send(2, "workspace/executeCommand", {"command": "tabwright.status"})
        assert served.token not in json.dumps(await client.answer())
        assert token_files(served.home) == []
        client.writer.close()
        assert await asyncio.wait_for(served.process.wait(), 30) == 1
        assert served.process.stderr is not None
        assert served.token not in (await served.process.stderr.read()).decode()
        assert served.log and served.token not in served.log


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows ends processes without a signal")
async def test_the_tokens_file_goes_when_the_server_is_ended_before_anybody_came() -> None:
    # What a script starts in the background has SIGINT ignored, and so have its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            async with serving() as served:
                assert token_files(served.home)
                served.process.send_signal(number)
                assert await asyncio.wait_for(served.process.wait(), 30) == 130
                assert token_files(served.home) == []
    finally:
        signal.signal(signal.SIGINT, before)


async def test_a_token_of_the_users_own() -> None:
    async with serving(environment={"TABWRIGHT_SERVE_TOKEN": PRINTED}) as served:
        assert token_files(served.home) == []
        client = await served.connect()
        client.send(1, "initialize", initialize(PRINTED + "x"))
        assert "missing or wrong" in (await client.answer())["error"]["message"]
        client.writer.close()
        served.token = PRINTED
        await served.is_served()


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:0", "[::]:0", "192.168.1.5:1", "evil.example:1", "127.0.0.1:x", "127.0.0.1:²"],
)
def test_only_loopback_is_listened_on(tmp_path: Path, address: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tabwright", "serve", "--tcp", address],
        env=Home(tmp_path).environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2 and "tabwright serve: " in ended.stderr


def test_localhost_is_loopback_whatever_it_resolves_to(monkeypatch: pytest.MonkeyPatch) -> None:
    from tabwright.cli.addresses import loopback

    def asked(*_: object, **__: object) -> Iterator[object]:
        raise AssertionError("a name was resolved")

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    assert loopback("localhost:1") == loopback(":1") == loopback("1") == ("127.0.0.1", 1)
    assert loopback("[::1]:65535") == ("::1", 65535)


@pytest.mark.parametrize("size", [1, 3, 65536])
def test_strict_frames_come_whole_in_any_pieces(size: int) -> None:
    data = framed(b'{"a": 1}') + b"content-type: x\r\n" + framed(b"[2]") + framed(b'"3"')
    left = memoryview(data)

    def read(wanted: int) -> bytes:
        nonlocal left
        piece, left = bytes(left[: min(size, wanted)]), left[min(size, wanted) :]
        return piece

    assert list(framing.Frames(read, strict=True)) == [{"a": 1}, [2], "3"]
