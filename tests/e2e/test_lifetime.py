"""Cancelling, newest wins, engines that die, and the end of the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time

import pytest
from pygls.exceptions import JsonRpcException
from support.editor import Home, editing, engine_for

CODE = "def add(a, b):\n    return \n"
WARM = {"text": "", "times": 1}
SLOW = {"text": "a + b " * 40, "delay_ms": 20}


@pytest.mark.timing
async def test_cancelling_answers_at_once_and_closes_the_engines_connection(home: Home) -> None:
    async with engine_for(home, WARM, SLOW) as engine, editing(home) as editor:
        await editor.until_ready()
        editor.open(CODE)
        for number in range(3):
            asked = editor.send(editor.params(1, 11, invoked=number == 1), f"c{number}")
            await engine.wait_for(2 + number)
            await asyncio.sleep(0.05)
            started = time.perf_counter()
            editor.cancel(f"c{number}")
            with pytest.raises(JsonRpcException) as raised:
                await asyncio.wait_for(asked, 2)
            assert raised.value.code == -32800
            assert time.perf_counter() - started < 0.05
            await engine.wait_for(1 + number, "disconnected", timeout=1)
        assert (await editor.command("why"))["reason"] == "the editor cancelled the request"


async def test_cancelling_works_at_every_step(home: Home) -> None:
    async with engine_for(home, WARM, SLOW), editing(home) as editor:
        await editor.until_ready()
        editor.open(CODE)
        for pause_ms in [0, 0, 1, 1, 2, 3, 5, 8, 12, 20, 40, 60, 120]:
            asked = editor.send(editor.params(1, 11), f"c{pause_ms}")
            await asyncio.sleep(pause_ms / 1000)
            editor.cancel(f"c{pause_ms}")
            with pytest.raises(JsonRpcException) as raised:
                await asyncio.wait_for(asked, 2)
            assert raised.value.code == -32800


@pytest.mark.timing
async def test_the_newest_of_twenty_requests_wins(home: Home) -> None:
    rule = {"text": "()", "first_delay_ms": 30}
    async with engine_for(home, WARM, rule) as engine, editing(home) as editor:
        await editor.until_ready()
        word = "abcdefghijklmnopqrst"
        editor.open("x = \n")
        asked = []
        for end in range(1, 21):
            editor.change(f"x = {word[:end]}\n")
            asked.append(editor.send(editor.params(0, 4 + end), f"n{end}"))
        answers = await asyncio.wait_for(asyncio.gather(*asked), 5)
        assert [len(answer.items) for answer in answers] == [0] * 19 + [1]
        assert len(engine.recorded) <= 3  # the warm-up, the last, and perhaps one it superseded


async def test_an_engine_that_dies_costs_one_answer(home: Home) -> None:
    dying = {"text": "a + b", "delay_ms": 20, "die_after": 1, "times": 1}
    async with editing(home, settings={"engine": {}}) as editor:
        async with engine_for(home, WARM, dying):
            await editor.until_ready()
            editor.open(CODE)
            assert await editor.texts(1, 11) == []
            assert "went away" in (await editor.command("why"))["reason"] or (
                "broke" in (await editor.command("why"))["reason"]
            )
            assert len(editor.shown) == 1
        home.socket.unlink(missing_ok=True)
        async with engine_for(home, {"text": "a + b"}):
            assert await editor.texts(1, 11) == ["a + b"]
        assert len(editor.shown) == 1


@pytest.mark.parametrize("say_exit", [True, False])
@pytest.mark.timing
async def test_it_ends_at_once_in_mid_request(home: Home, say_exit: bool) -> None:
    async with engine_for(home, WARM, SLOW) as engine, editing(home, fresh=True) as editor:
        await editor.until_ready()
        editor.open(CODE)
        asked = editor.send(editor.params(1, 11, invoked=True), "e")
        await engine.wait_for(2)
        started = time.perf_counter()
        if say_exit:
            await asyncio.wait_for(editor.client.shutdown_async(None), 2)
            editor.client.exit(None)
        else:
            stdin = editor.process.stdin
            assert stdin is not None
            stdin.close()
        status = await asyncio.wait_for(editor.process.wait(), 2)
        assert time.perf_counter() - started < 0.5
        assert status == (0 if say_exit else 1)
        asked.cancel()
        await engine.wait_for(1, "disconnected", timeout=1)


@pytest.mark.timing
async def test_sigterm_ends_it(home: Home) -> None:
    async with editing(home, fresh=True) as editor:
        editor.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(editor.process.wait(), 1) == 0


def test_the_server_ends_when_the_client_process_has_ended(home: Home) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    server = subprocess.Popen(
        [sys.executable, "-m", "tabwright", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=home.environment(),
    )
    try:
        assert server.stdin and server.stdout
        body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":%d,'
        body = body % parent.pid + b'"rootUri":null,"capabilities":{}}}'
        server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        server.stdin.flush()
        assert server.stdout.readline().startswith(b"Content-Length")
        time.sleep(2.2)  # the first look at the parent
        assert server.poll() is None
        parent.kill()
        parent.wait()
        assert server.wait(6) == 1
    finally:
        for process in (parent, server):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


async def test_tcp_serves_one_client_on_loopback(home: Home) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tabwright", "serve", "--tcp", "0",
        stderr=asyncio.subprocess.PIPE, env=home.environment(),
    )  # fmt: skip
    assert process.stderr is not None
    told = (await asyncio.wait_for(process.stderr.readline(), 20)).decode()
    assert "127.0.0.1:" in told
    await process.stderr.readline()
    token = (await process.stderr.readline()).strip().decode()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(told.rpartition(":")[2]))
    params = {"capabilities": {}, "initializationOptions": {"token": token}}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    body = json.dumps(asked).encode()
    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"Content-Length")
    writer.close()
    assert await asyncio.wait_for(process.wait(), 5) == 1


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "203.0.113.1:1"])
def test_an_unusable_address_is_reported(home: Home, address: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tabwright", "serve", "--tcp", address],
        capture_output=True,
        text=True,
        env=home.environment(),
        timeout=20,
    )
    assert done.returncode == 2
    assert "tabwright serve: " in done.stderr and "Traceback" not in done.stderr


async def test_printed_text_does_not_reach_the_protocol(home: Home) -> None:
    async with editing(home, arguments=["--stdio"]) as editor:
        assert (await editor.command("why"))["reason"] == "nothing was asked yet"
