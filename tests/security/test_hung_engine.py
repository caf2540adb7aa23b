"""Every request is answered though the engine hangs, in whatever way; the engine is replaced."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import scripted_engine
from support.editor import Editor, Home, editing
from support.tiny import make_tiny_qwen2

from tabwright import engine_pid, paths
from tabwright.client.engine import EngineError, EngineUnavailable, Request
from tabwright.client.local.engine import LocalEngine, LocalOptions
from tabwright.client.local.watchdog import EngineHealth, HangLimits, Watchdog
from tabwright.core.message import Message
from tabwright.core.prompting.prompt import Prompt
from tabwright.engine_pid import EngineProcess, Look

SCRIPT = Path(scripted_engine.__file__)
CODE = "def add(a, b):\n    return \n"
# The usual limits, a twentieth of them: so much sooner a test is over.
QUICK = HangLimits(0.05, 0.3, 0.4, 0.8, 3.0, 0.6, 1.5, 6.0, 1.5, 9.0, 0.5)


@pytest.fixture
def home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        yield Home(Path(folder))
        _end_engine(Path(folder) / "run" / "engine.pid")


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        monkeypatch.setenv("TABWRIGHT_RUNTIME_DIR", folder)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        yield Path(folder)
        _end_engine(Path(folder) / "engine.pid")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_qwen2(tmp_path_factory.mktemp("tiny") / "qwen2")


def _end_engine(file: Path) -> None:
    """End the engine that the file names, and nothing else: the tests write all sorts into it."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        told = json.loads(file.read_text())
        process = engine_pid.of(told["pid"]) if told["pid"] > 1 else None
        if process is not None and process.started == told["started"]:
            os.kill(process.pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _request(text: str = "x", lane: str = "newest") -> Request:
    return Request("m", Prompt((text,)), 8, lane=lane)


# A real server and a real engine -----------------------------------------------------------------


async def _pid(editor: Editor) -> int:
    """The engine's process, once there is one that answers."""
    async with asyncio.timeout(60):
        while True:
            engine = (await editor.command("status"))["engine"]
            if isinstance(engine, dict) and isinstance(engine.get("pid"), int):
                return int(engine["pid"])
            await asyncio.sleep(0.2)


async def _until_answered(editor: Editor, seconds: float = 90.0) -> None:
    """Ask at changing places until the model has answered one."""
    number = 0
    async with asyncio.timeout(seconds):
        while (await editor.command("why"))["source"] != "model":
            number += 1
            editor.change(f"value_{number} = \n")
            # Not by hand: that may wait for a load, on a busy machine, longer than the editor does.
            await editor.complete(0, len(f"value_{number} = "))
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def _window(home: Home, tiny: Path) -> AsyncIterator[Editor]:
    options = {"model": str(tiny), "completion": {"ahead": "never"}}
    async with editing(home, options=options, settings=options, fresh=True) as editor:
        editor.open(CODE)
        await _until_answered(editor)
        yield editor


async def _timed(asked: Any) -> float:
    started = time.monotonic()
    await asked
    return time.monotonic() - started


@pytest.mark.timeout(300)
async def test_a_stopped_engine_is_replaced_and_everything_is_answered(
    home: Home, tiny: Path
) -> None:
    async with _window(home, tiny) as one, _window(home, tiny) as other:
        old = await _pid(one)
        assert await _pid(other) == old
        os.kill(old, signal.SIGSTOP)
        whole = {"uri": "file:///work/code.py", "range": None}
        one.change("a = 1\nb = \n")
        other.change("c = 1\nd = \n")
        # Asks the engine for the first time about a model: there is no limit in the protocol.
        explained = asyncio.create_task(_timed(one.command("explain", whole)))
        typed = [asyncio.create_task(_timed(each.complete(1, 4))) for each in (one, other)]
        assert max(await asyncio.gather(*typed)) < 15
        reasons = {str((await each.command("why"))["reason"]) for each in (one, other)}
        assert all("not answer" in reason or "engine" in reason for reason in reasons), reasons
        assert await explained < 20
        assert any("the engine" in shown for shown in one.shown)
        await asyncio.gather(_until_answered(one), _until_answered(other))
        new = await _pid(one)
        assert new != old and await _pid(other) == new, "two windows share the new engine"
        assert not _lives(old)
        with contextlib.suppress(ProcessLookupError):
            os.kill(old, signal.SIGCONT)
        one.change("e = 1\nf = \n")
        await _until_answered(one)
        assert await _pid(one) == new


@pytest.mark.timeout(200)
@pytest.mark.parametrize("say_exit", [True, False])
@pytest.mark.timing
async def test_the_server_ends_at_once_though_its_engine_hangs(
    home: Home, tiny: Path, say_exit: bool
) -> None:
    async with _window(home, tiny) as editor:
        os.kill(await _pid(editor), signal.SIGSTOP)
        editor.change("a = 1\nb = \n")
        asked = editor.send(editor.params(1, 4, invoked=True), "hang")
        await asyncio.sleep(0.5)
        started = time.monotonic()
        if say_exit:
            await asyncio.wait_for(editor.client.shutdown_async(None), 5)
            editor.client.exit(None)
        else:
            assert editor.process.stdin is not None
            editor.process.stdin.close()
        status = await asyncio.wait_for(editor.process.wait(), 10)
        assert time.monotonic() - started < 3
        assert status == (0 if say_exit else 1)
        asked.cancel()


# Fake engines, each with another fault ----------------------------------------------------------


Start = Callable[..., tuple[str, ...]]


@pytest.fixture
def scripted(runtime: Path, tmp_path: Path) -> Start:
    """Make the command of an engine that answers by a script."""

    def make(*rules: dict[str, Any], **script: Any) -> tuple[str, ...]:
        file = tmp_path / "script.json"
        file.write_text(json.dumps({"rules": list(rules), **script}))
        return (sys.executable, str(SCRIPT), "--script", str(file))

    return make


@contextlib.asynccontextmanager
async def _local(
    command: tuple[str, ...], limits: HangLimits = QUICK
) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(LocalOptions(command=command, limits=limits))
    try:
        yield engine
    finally:
        await engine.aclose()


async def _until_replaced(old: EngineProcess, seconds: float = 30.0) -> EngineProcess:
    async with asyncio.timeout(seconds):
        while (new := engine_pid.read()) in (None, old):
            await asyncio.sleep(0.02)
    assert new is not None
    return new


async def test_a_worker_that_is_stuck(scripted: Start) -> None:
    """The loop answers, but no step ends, and no CPU is used."""
    stuck = {"active": 1, "queued": 1, "progress": {"steps": 7, "loading": False, "cpu_s": 1.0}}
    run = scripted({"match": "hang", "hang_after": 0}, {"text": "fine"}, status=stuck)
    async with _local(run) as engine:
        assert (await engine.generate(_request())).texts == ("fine",)
        old = engine_pid.read()
        assert old is not None
        action = asyncio.create_task(engine.generate(_request("hang", "actions")))
        with pytest.raises(EngineUnavailable, match="makes no progress"):
            await engine.generate(_request("hang"))
        with pytest.raises(EngineUnavailable, match=r"got no further for \d s; it is ended"):
            await action
        await _until_replaced(old)
        assert not _lives(old.pid)
        assert (await engine.generate(_request("x", "actions"))).texts == ("fine",)


async def test_a_stopped_process(scripted: Start) -> None:
    async with _local(scripted({"text": "fine"})) as engine, _local(("false",)) as other:
        await engine.generate(_request())
        old = engine_pid.read()
        assert old is not None
        os.kill(old.pid, signal.SIGSTOP)
        # The other one has never spoken to it.
        asked = (one.generate(_request()) for one in (engine, other))
        first, second = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(first, EngineUnavailable) and isinstance(second, EngineUnavailable)
        assert "the engine d" in str(first)
        await _until_replaced(old)
        assert (await engine.generate(_request())).texts == ("fine",)
        assert (await other.generate(_request())).texts == ("fine",)


@pytest.mark.timing
async def test_requests_while_the_engine_hangs_are_answered_at_once(
    scripted: Start,
) -> None:
    limits = HangLimits(0.05, 0.2, 60, 60, 60)
    async with _local(scripted({"text": "fine"}), limits) as engine:
        await engine.generate(_request())
        old = engine_pid.read()
        assert old is not None
        os.kill(old.pid, signal.SIGSTOP)
        with pytest.raises(EngineUnavailable, match="does not answer"):
            await engine.generate(_request())
        began = time.thread_time()
        for _ in range(20):
            with pytest.raises(EngineUnavailable, match="does not answer"):
                await asyncio.wait_for(engine.generate(_request()), 0.2)
        assert time.thread_time() - began < 1
        os.kill(old.pid, signal.SIGCONT)  # it was only suspended: nothing was replaced
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(EngineUnavailable):
                    assert (await engine.generate(_request())).texts == ("fine",)
                    break
                await asyncio.sleep(0.05)
        assert engine_pid.read() == old


async def test_a_start_that_hangs_before_it_listens(runtime: Path, scripted: Start) -> None:
    """It holds the lock, so that no other engine can be started as long as it lives."""
    run = scripted({"text": "fine"})
    marker = runtime / "started"
    code = (
        "import os, signal, sys, time\n"
        "from filelock import FileLock\n"
        "from tabwright import engine_pid, paths\n"
        f"first = not os.path.exists({str(marker)!r})\n"
        f"open({str(marker)!r}, 'a').write('x')\n"
        "if not first: os.execv(sys.argv[1], sys.argv[1:])\n"
        "lock = FileLock(f'{paths.engine_socket()}.lock'); lock.acquire(timeout=0)\n"
        "engine_pid.write(); os.kill(os.getpid(), signal.SIGSTOP); time.sleep(600)\n"
    )
    async with _local((sys.executable, "-c", code, *run)) as engine:
        with pytest.raises(EngineUnavailable):
            await asyncio.wait_for(engine.generate(_request(lane="actions")), 60)
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(EngineUnavailable):
                    answer = await engine.generate(_request(lane="actions"))
                    break
                await asyncio.sleep(0.1)
        assert answer.texts == ("fine",)
        assert marker.read_text() == "xx"


async def test_it_takes_the_connection_and_never_answers(runtime: Path) -> None:
    code = (
        "import socket, time\n"
        "from tabwright import engine_pid, paths\n"
        "engine_pid.write()\n"
        "listening = socket.socket(socket.AF_UNIX)\n"
        "listening.bind(str(paths.engine_socket())); listening.listen(5)\n"
        "time.sleep(600)\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    async with _local(("false",)) as engine, asyncio.timeout(60):
        while not paths.engine_socket().exists():
            await asyncio.sleep(0.02)
        for lane in ("newest", "actions"):
            with pytest.raises(EngineUnavailable):
                await engine.generate(_request(lane=lane))
        assert await process.wait() == -signal.SIGKILL
        with pytest.raises(EngineError):
            await engine.model_info("m")


async def test_it_begins_an_answer_and_nothing_more_comes(scripted: Start) -> None:
    run = scripted({"match": "hang", "hang_after": 0}, {"text": "fine"})
    async with _local(run) as engine:
        for lane in ("newest", "actions"):
            with pytest.raises(EngineUnavailable, match="lost the request"):
                await asyncio.wait_for(engine.generate(_request("hang", lane)), 30)
        assert (await engine.generate(_request())).texts == ("fine",)


ANSWERS = [
    b"\x00\xff" * 500,
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: \xff\xfe\n\n",
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"choices": [7]}',
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"choices": [{"index": []}]}',
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b"[" * 100_000,
    b'HTTP/1.1 500 No\r\nContent-Type: application/json\r\n\r\n{"error": [[]]}',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b'HTTP/1.1 200 OK\r\n\r\n{"special_tokens": 5, "context_length": "x", "active": [],'
    b' "progress": {"steps": "x", "cpu_s": []}}',
    b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{",
]


@pytest.mark.parametrize("sent", ANSWERS, ids=range(len(ANSWERS)))
async def test_it_answers_garbage(runtime: Path, sent: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(sent)
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, str(paths.engine_socket()))
    async with server, _local(("false",)) as engine:
        for lane in ("newest", "actions"):
            with pytest.raises(EngineError):
                await asyncio.wait_for(engine.generate(_request(lane=lane)), 20)
        with pytest.raises(EngineError):
            await asyncio.wait_for(engine.model_info("m"), 20)


async def test_a_task_that_ignores_cancellation_delays_no_answer() -> None:
    """The limits do not depend on the cancelled work, which may hang as it is given up."""
    freed = asyncio.Event()

    async def stubborn() -> None:
        while not freed.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await freed.wait()

    async def status() -> dict[str, Any]:
        return {"active": 1, "queued": 1}

    async def replace(process: EngineProcess) -> None:
        raise AssertionError("there is nothing to replace")

    watchdog = Watchdog(status, replace, QUICK)
    with pytest.raises(EngineUnavailable, match=r"not done within 0\.2 s"):
        await asyncio.wait_for(watchdog.guard(stubborn, most_s=0.2), 10)
    task = asyncio.create_task(watchdog.guard(stubborn, most_s=60))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)
    freed.set()
    watchdog.close()


async def test_a_failure_after_cancellation_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A request that was cancelled just as it failed, and a probe whose engine was killed."""

    async def fail() -> Any:
        raise EngineUnavailable(Message("it broke off"))

    async def replace(process: EngineProcess) -> None:
        raise AssertionError("there is nothing to replace")

    watchdog = Watchdog(fail, replace, QUICK)
    task = asyncio.create_task(watchdog.guard(fail, most_s=60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.2)
    watchdog.close()
    del task
    gc.collect()
    await asyncio.sleep(0)
    assert "never retrieved" not in caplog.text


# What must not be ended -------------------------------------------------------------------------


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def test_a_process_that_got_the_engines_number_is_left_alone(
    runtime: Path, bystander: subprocess.Popen[bytes]
) -> None:
    real = engine_pid.of(bystander.pid)
    assert real is not None
    recycled = EngineProcess(real.pid, "1")
    paths.engine_process().write_text(json.dumps({"pid": real.pid, "started": "1"}))
    assert engine_pid.read() is None
    assert not engine_pid.kill(recycled)
    assert not engine_pid.kill(real), "the file does not name it"
    assert bystander.poll() is None
    paths.engine_process().write_text(json.dumps({"pid": real.pid, "started": real.started}))
    assert engine_pid.kill(real)
    assert bystander.wait(10) == -signal.SIGKILL


def test_an_engine_that_another_window_started_meanwhile_is_left_alone(
    runtime: Path, bystander: subprocess.Popen[bytes]
) -> None:
    hung = EngineProcess(bystander.pid + 1, "1")
    fresh = engine_pid.of(bystander.pid)
    assert fresh is not None
    paths.engine_process().write_text(json.dumps({"pid": fresh.pid, "started": fresh.started}))
    assert not engine_pid.kill(hung)
    assert bystander.poll() is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"pid": 1, "started": "0"}', '{"pid": -1, "started": ""}', "[" * 9999]
)
def test_a_file_that_names_no_process(runtime: Path, text: str) -> None:
    paths.engine_process().write_text(text)
    assert engine_pid.read() is None


@pytest.mark.timing
async def test_a_machine_that_slept_is_no_hang(runtime: Path) -> None:
    """After a resume the clock has jumped; the engine has not had the time to answer."""
    answering = asyncio.Event()
    ended: list[EngineProcess] = []

    async def status() -> dict[str, Any]:
        await answering.wait()
        return {}

    async def replace(process: EngineProcess) -> None:
        ended.append(process)

    watchdog = Watchdog(status, replace, HangLimits(0.1, 0.5, 0.5, 0.5, 0.5))

    async def work() -> str:
        await answering.wait()
        return "done"

    task = asyncio.create_task(watchdog.guard(work, most_s=60, urgent=True))
    await asyncio.sleep(0.15)
    time.sleep(2)
    answering.set()
    assert await task == "done"
    assert not ended
    watchdog.close()


def test_an_engine_that_works_is_not_taken_for_hung() -> None:
    """Loading, compiling, a long prompt on a slow machine: CPU seconds are used."""
    progress = EngineHealth(HangLimits())
    for second in range(55):
        progress.silent(Look("asleep", second * 0.01), 1.0)
        assert not progress.hung
    progress = EngineHealth(HangLimits())
    for second in range(290):
        told = {"steps": 3, "loading": False, "cpu_s": second * 0.01}
        progress.answered({"active": 1, "progress": told}, 1.0)
        assert not progress.hung
    progress = EngineHealth(HangLimits())
    for second in range(890):
        told = {"steps": 3, "loading": True, "cpu_s": second * 0.01}
        progress.answered({"active": 1, "progress": told}, 1.0)
        assert not progress.hung and not progress.quiet


def test_a_hung_engine_is_detected() -> None:
    for look, seconds in ((Look("stopped"), 5), (Look("asleep", 1.0), 16), (Look("busy"), 60)):
        progress = EngineHealth(HangLimits())
        for second in range(seconds):
            assert not progress.hung
            assert bool(progress.quiet) == (second >= 3)
            progress.silent(look, 1.0)
        assert progress.hung
    for loading, cpu, seconds in ((False, 0.0, 31), (False, 1.0, 301), (True, 0.0, 61)):
        progress = EngineHealth(HangLimits())
        for second in range(seconds):
            assert not progress.hung
            told = {"steps": 3, "loading": loading, "cpu_s": 5 + second * cpu}
            progress.answered({"active": 1, "progress": told}, 1.0)
        assert progress.hung
    progress = EngineHealth(
        HangLimits()
    )  # the worker's thread has ended, so that nothing is active
    for _ in range(31):
        assert not progress.hung
        told = {"steps": 3, "loading": False, "cpu_s": 5.0}
        progress.answered({"active": 0, "queued": 2, "progress": told}, 1.0)
    assert progress.hung
