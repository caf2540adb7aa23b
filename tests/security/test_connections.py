"""Half-open, slow and foreign connections: other clients of the engine are still answered."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from support import engine_process, scripted_engine
from support.engine_process import EngineProcess

from tabwright import private
from tabwright.client.engine import EngineUnavailable
from tabwright.client.http import Link, Target
from tabwright.client.local.engine import LocalEngine, LocalOptions
from tabwright.core.message import Message
from tabwright.engine.backends import BackendError, BackendOptions
from tabwright.engine.http.access import Access
from tabwright.engine.http.api import Api
from tabwright.engine.http.connections import ConnectionLimits, Connections, Site
from tabwright.engine.registry import Registry
from tabwright.engine.worker import Worker

HALF_OPEN = 1100
QUICK = ConnectionLimits(most=20, most_requests=12, header=2, body=1.0, write=1.0, idle=3)


@pytest.fixture(scope="module", autouse=True)
def enough_files() -> Iterator[None]:
    """The test holds the other ends of the connections too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * HALF_OPEN:
        pytest.fail(f"this test needs {2 * HALF_OPEN} files, and {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * HALF_OPEN), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module", params=["tcp", "unix"])
def engine(request: pytest.FixtureRequest) -> Iterator[EngineProcess]:
    """A real engine that may have 1,024 files open, as is usual."""
    limited = ("sh", "-c", 'ulimit -n 1024; exec "$0" "$@"', sys.executable, "-m", "tabwright")
    with engine_process.running(tcp=request.param == "tcp", command=limited) as found:
        yield found


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v1/comp",
        b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        b"\x16\x03\x01",
    ],
)
@pytest.mark.timing
def test_half_open_connections_do_not_block_other_clients(
    engine: EngineProcess, sent: bytes
) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(HALF_OPEN):
            connection = held.enter_context(contextlib.closing(engine.connect()))
            with contextlib.suppress(OSError):  # it may have made room for others already
                connection.sendall(sent)
        started = time.monotonic()
        engine.status()
        assert time.monotonic() - started < 10
        assert _files(engine.process.pid) < 700


def _files(pid: int) -> int:
    folder = Path(f"/proc/{pid}/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


@pytest.mark.timing
def test_a_burst_of_half_open_connections_does_not_block_other_clients(
    engine: EngineProcess,
) -> None:
    """All at once, from other processes, while a client asks again and again."""
    code = (
        "import socket, sys, time\n"
        "family, address = eval(sys.argv[1])\n"
        "held = []\n"
        "end = time.monotonic() + 6\n"
        "while time.monotonic() < end:\n"
        "    made = socket.socket(family)\n"
        "    try:\n"
        "        made.connect(address)\n"
        "    except OSError:\n"
        "        time.sleep(0.01)\n"
        "    held.append(made)\n"
        "    del held[:-400]\n"
    )
    address = ("127.0.0.1", engine.port) if engine.port else str(engine.home.socket)
    family = int(socket.AF_INET if engine.port else socket.AF_UNIX)
    attacker = subprocess.Popen([sys.executable, "-c", code, repr((family, address))])
    answered = 0
    try:
        while attacker.poll() is None:
            try:
                engine.status()
                answered += 1
            except OSError:
                pass  # a client whose connection was broken off asks again
            time.sleep(0.05)
    finally:
        attacker.kill()
        attacker.wait()
    assert answered >= 5
    engine.status()


# Within the process, with short limits ---------------------------------------------------------


class NoModel(Registry):
    """A registry whose models have no tokenizer: what is asked gets as far as an error."""

    def __init__(self) -> None:
        super().__init__(BackendOptions(), _no_backend)


def _no_backend(folder: Path, options: BackendOptions) -> Any:
    raise BackendError(Message("no model here"))


@contextlib.asynccontextmanager
async def serving(
    limits: ConnectionLimits = QUICK, *, unix: bool = True, api: web.Application | None = None
) -> AsyncIterator[tuple[str, int, Connections]]:
    """An engine's API on a socket: its path or "", its port or 0, its connections."""
    registry = NoModel()
    worker = Worker(registry)
    access = Access(network=not unix)
    app = api or Api(registry, worker, default_model="no/model", access=access, limits=limits).app()
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    connections = Connections(limits)
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        path = f"{folder}/e.sock"
        if unix:
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(path)
        else:
            listening = socket.create_server(("127.0.0.1", 0))
        await Site(runner, listening, connections).start()
        port = 0 if unix else listening.getsockname()[1]
        try:
            yield path if unix else "", port, connections
        finally:
            await runner.cleanup()


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connected(path: str, port: int) -> Stream:
    if path:
        return await asyncio.open_unix_connection(path)
    return await asyncio.open_connection("127.0.0.1", port)


async def status_of(path: str, port: int) -> int:
    connector = aiohttp.UnixConnector(path) if path else aiohttp.TCPConnector()
    url = f"http://127.0.0.1:{port or 80}/tabwright/status"
    async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as found:
        return found.status


async def seconds_until_closed(reader: asyncio.StreamReader, most: float = 20.0) -> float:
    started = time.monotonic()
    async with asyncio.timeout(most):
        try:
            while await reader.read(65536):
                pass
        except ConnectionError:
            pass  # it was closed by a reset
    return time.monotonic() - started


@pytest.mark.parametrize("unix", [True, False])
async def test_headers_have_a_time_limit_also_when_they_drip(unix: bool) -> None:
    async with serving(unix=unix) as (path, port, connections):
        reader, writer = await connected(path, port)

        async def drip() -> None:
            with contextlib.suppress(ConnectionError):
                writer.write(b"GET /tabwright/status HTTP/1.1\r\n")
                for number in range(1000):
                    writer.write(b"X-%d: y\r\n" % number)
                    await writer.drain()
                    await asyncio.sleep(0.1)

        dripping = asyncio.create_task(drip())
        await seconds_until_closed(reader)
        dripping.cancel()
        assert len(connections) == 0
        assert await status_of(path, port) == 200
        writer.close()


async def test_a_second_request_on_a_connection_has_the_limit_too() -> None:
    async with serving() as (path, port, connections):
        reader, writer = await connected(path, port)
        writer.write(b"GET /tabwright/status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in await reader.readline()
        await asyncio.sleep(0.3)
        writer.write(b"GET /tabwright/st")
        await seconds_until_closed(reader)
        assert len(connections) == 0
        writer.close()


@pytest.mark.parametrize("announced", [b"Content-Length: 1000", b"Transfer-Encoding: chunked"])
async def test_bodies_have_a_time_limit(announced: bytes) -> None:
    async with serving() as (path, port, _):
        reader, writer = await connected(path, port)
        head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        writer.write(head + announced + b"\r\n\r\n")
        writer.write(b"1\r\n{\r\n" if b"chunked" in announced else b"{")
        said = await asyncio.wait_for(reader.read(65536), 20)
        assert b"408" in said.partition(b"\r\n")[0]
        await seconds_until_closed(reader)
        writer.close()


async def test_too_long_a_body_is_refused_before_it_is_read() -> None:
    async with serving() as (path, port, _):
        reader, writer = await connected(path, port)
        head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        writer.write(head + b"Content-Length: 99999999999\r\n\r\n")
        said = await asyncio.wait_for(reader.read(65536), 20)
        assert b"413" in said.partition(b"\r\n")[0] and b"too_large" in said
        writer.close()
        reader, writer = await connected(path, port)
        writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        with contextlib.suppress(ConnectionError):
            for _ in range(17):
                writer.write(piece)
                await writer.drain()
        assert b"413" in (await asyncio.wait_for(reader.read(65536), 20)).partition(b"\r\n")[0]
        writer.close()


async def test_a_compressed_body_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    async with serving() as (path, port, _):
        reader, writer = await connected(path, port)
        writer.write(
            b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(bomb), bomb)
        )
        said = await asyncio.wait_for(reader.read(65536), 20)
        assert b"400" in said.partition(b"\r\n")[0] and b"must not be compressed" in said
        writer.close()


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    ended = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        api = Api(NoModel(), Worker(NoModel()), default_model="x", access=Access(), limits=QUICK)
        response = web.StreamResponse()
        try:
            await response.prepare(request)
            while True:
                async with api._in_time(request):
                    await response.write(b"x" * 1_000_000)
        finally:
            ended.set()

    app = web.Application()
    app.router.add_get("/", endless)
    async with serving(api=app) as (path, port, _):
        _, writer = await connected(path, port)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(ended.wait(), 20)
        writer.close()


async def test_requests_have_a_number_and_the_oldest_idle_connection_makes_room() -> None:
    waiting, go_on = asyncio.Semaphore(0), asyncio.Event()
    real = Api(NoModel(), Worker(NoModel()), default_model="x", access=Access(), limits=QUICK)

    async def wait(request: web.Request) -> web.Response:
        waiting.release()
        await go_on.wait()
        return web.Response()

    app = web.Application(middlewares=[real._guard])
    app.router.add_get("/", wait)
    async with serving(api=app) as (path, port, connections):
        streams: list[Stream] = []
        for _ in range(QUICK.most_requests):
            streams.append(await connected(path, port))
            streams[-1][1].write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in streams:
            await asyncio.wait_for(waiting.acquire(), 20)
        idle = await connected(path, port)
        reader, writer = await connected(path, port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"503" in await asyncio.wait_for(reader.readline(), 20)
        for _ in range(QUICK.most - QUICK.most_requests):
            streams.append(await connected(path, port))
        await seconds_until_closed(idle[0])
        assert len(connections) == QUICK.most and connections.requests() == QUICK.most_requests
        go_on.set()
        for reader, _ in streams[: QUICK.most_requests]:
            assert b"200" in await asyncio.wait_for(reader.readline(), 20)
        for _, writer in streams:
            writer.close()


# Bodies of every kind ---------------------------------------------------------------------------

BODIES: dict[str, bytes] = {
    "nested a thousand deep": b'{"prompt": ' + b"[" * 1000 + b"]" * 1000 + b"}",
    "nested 100,000 deep": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "a number without end": b'{"max_tokens": ' + b"9" * 100_000 + b"}",
    "NaN": b'{"prompt": "x", "temperature": NaN}',
    "Infinity": b'{"prompt": "x", "temperature": -Infinity}',
    "infinite by its exponent": b'{"prompt": "x", "temperature": 1e999}',
    "far too warm": b'{"prompt": "x", "temperature": ' + b"9" * 400 + b"}",
    "a probability beyond 1": b'{"prompt": "x", "top_p": 1e308}',
    "a seed beyond 64 bits": b'{"prompt": "x", "seed": 18446744073709551616}',
    "one name twice": b'{"prompt": "x", "model": "no/model", "model": "/etc"}',
    "not UTF-8": b'{"prompt": "\xff"}',
    "not JSON": b"{",
    "nothing": b"",
}
STRANGE: dict[str, bytes] = {
    "a lone surrogate": b'{"prompt": "\\ud800", "session": "\\udfff"}',
    "a lone surrogate as a model": b'{"prompt": "x", "model": "\\ud800"}',
    "NUL in a model": b'{"prompt": "x", "model": "/a\\u0000b"}',
    "a model of a million letters": b'{"prompt": "x", "model": "' + b"a" * 1_000_000 + b'"}',
    "a byte order mark": b'\xef\xbb\xbf{"prompt": "x"}',
    "UTF-16": '{"prompt": "x"}'.encode("utf-16"),
}


async def test_every_body_gets_a_clear_answer() -> None:
    async with serving(ConnectionLimits()) as (path, _, _):
        connector = aiohttp.UnixConnector(path)
        async with aiohttp.ClientSession("http://engine", connector=connector) as session:
            for name, body in (BODIES | STRANGE).items():
                kind = {"Content-Type": "application/json"}
                async with session.post("/v1/completions", data=body, headers=kind) as response:
                    said = json.loads(await response.text())["error"]
                    fits = {400} if name in BODIES else {400, 404, 422}
                    assert response.status in fits, (name, said)
                    assert said["message"] and len(said["message"]) < 300, (name, said)
                    assert "Traceback" not in said["message"], name


# Other users -----------------------------------------------------------------------------------

CLIENT_OF_ANOTHER_USER = """
import os, socket, sys
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(20)
connection.connect(sys.argv[1])
try:
    connection.sendall(b"GET /tabwright/status HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    print(connection.recv(65536).decode())
except ConnectionError:
    pass
"""
ENGINE_OF_ANOTHER_USER = """
import os, socket, sys
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
listening.listen()
print("listening", flush=True)
while True:
    connection, _ = listening.accept()
    print(connection.recv(65536), flush=True)
    connection.close()
"""
needs_root = pytest.mark.skipif(
    engine_process.own_uid() != 0, reason="only root can become another user"
)


@needs_root
async def test_the_engine_refuses_another_users_client(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as (path, port, _):
        Path(path).parent.chmod(0o755)
        Path(path).chmod(0o666)
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT_OF_ANOTHER_USER, path, stdout=subprocess.PIPE
        )
        told, _ = await asyncio.wait_for(client.communicate(), 40)
        assert (client.returncode, told) == (0, b"")
        assert "refused a connection of another user (number 65534)" in caplog.text
        assert await status_of(path, port) == 200


@needs_root
async def test_nothing_is_sent_to_another_users_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        os.chmod(folder, 0o777)
        path = f"{folder}/engine.sock"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ENGINE_OF_ANOTHER_USER, path, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            assert await asyncio.wait_for(process.stdout.readline(), 20) == b"listening\n"
            link = Link(Target("the engine", socket=path))
            with pytest.raises(EngineUnavailable, match=r"another user .*nothing was sent"):
                await link.complete({"prompt": "secret code"})
            await link.aclose()
            monkeypatch.setattr("tabwright.paths.engine_socket", lambda: Path(path))
            engine = LocalEngine(LocalOptions(command=("false",)))
            with pytest.raises(EngineUnavailable, match="another user"):
                await engine._answers()
            with pytest.raises(EngineUnavailable, match="another user"):
                await engine.status()
            await engine.aclose()
        finally:
            process.kill()
        seen = await process.stdout.read()
    assert b"secret" not in seen and b"HTTP" not in seen, seen


async def test_without_being_root_the_check_is_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same by pretence: what the system tells of the peer is changed."""
    async with scripted_engine.running({"rules": []}) as served:
        monkeypatch.setattr(private, "peer_uid", lambda connection: 4711)
        link = Link(Target("the engine", socket=str(served.socket)))
        with pytest.raises(EngineUnavailable, match=r"another user \(number 4711\)"):
            await link.complete({"prompt": "secret code"})
        await link.aclose()
        assert served.recorded == []
