"""What starts processes, and the guard that ends them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tabwright import process_guard, processes

LIMIT_S = 20.0
SLEEP = (sys.executable, "-c", "import time; time.sleep(300)")
posix = pytest.mark.skipif(os.name != "posix", reason="sends signals that Windows does not have")

# A process that starts others as Tabwright does, says their numbers, and waits.
MASTER = """
import asyncio, json, sys, time
from pathlib import Path
from tabwright import processes

async def main(folder):
    note = Path(folder, "note")
    with processes.removed_if_killed(note), processes.removed_if_killed(Path(folder, "inner")):
        note.write_text("x")
        Path(folder, "inner").mkdir()
        Path(folder, "inner", "file").write_text("x")
        sync = processes.start(("/bin/sleep", "300"))
        tool = await processes.start_async(
            ("/bin/sh", "-c", "sleep 300 & sleep 300"), own_session=True
        )
        engine = processes.start(("/bin/sleep", "300"), detached=True)
        guard = processes._guard._process.pid
        print(json.dumps([[sync.pid, tool.pid], engine.pid, guard]), flush=True)
        if len(sys.argv) > 2:
            sys.stdin.readline()
            again = processes.start(("/bin/sleep", "300"))
            print(json.dumps([again.pid, processes._guard._process.pid]), flush=True)
        time.sleep(300)

asyncio.run(main(sys.argv[1]))
"""


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def until(what: object) -> None:
    assert callable(what)
    end = time.monotonic() + LIMIT_S
    while not what():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.05)


class Master:
    """The process above, with what it started."""

    def __init__(self, folder: Path, *more: str) -> None:
        command = [sys.executable, "-c", MASTER, str(folder), *more]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.started: list[int]
        self.engine: int
        self.guard: int
        self.started, self.engine, self.guard = self.line()

    def line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        for pid in (self.engine, self.guard, *self.started):
            if alive(pid):
                psutil.Process(pid).kill()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TABWRIGHT_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def master(folder: Path) -> Iterator[Master]:
    made = Master(folder)
    yield made
    made.close()


@posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_started_ends_with_who_started_it(
    master: Master, folder: Path, number: signal.Signals
) -> None:
    tools = [child.pid for child in psutil.Process(master.started[1]).children()]
    assert tools and all(alive(pid) for pid in [*master.started, *tools, master.guard])
    assert sorted(os.listdir(folder)) == ["inner", "note"]
    master.process.send_signal(number)
    until(lambda: not any(alive(pid) for pid in [*master.started, *tools]))
    until(lambda: os.listdir(folder) == [])
    until(lambda: not alive(master.guard))
    assert alive(master.engine), "what is detached must live on"


@posix
def test_a_guard_that_was_killed_is_replaced(folder: Path) -> None:
    master = Master(folder, "again")
    try:
        os.kill(master.guard, signal.SIGKILL)
        until(lambda: not alive(master.guard))
        assert master.process.stdin is not None
        master.process.stdin.write(b"go on\n")
        master.process.stdin.flush()
        again, guard = master.line()
        assert guard != master.guard and alive(again)
        master.process.kill()
        until(lambda: not any(alive(pid) for pid in [*master.started, again]))
        until(lambda: os.listdir(folder) == [])
    finally:
        master.close()


@posix
def test_a_guard_that_hangs_blocks_nobody(folder: Path) -> None:
    guard = processes._Guard()
    guard.ready()
    assert guard._process is not None
    first = guard._process
    first.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    item = guard.hold({"path": str(folder / "kept")})
    for number in range(5000):  # far more than the pipe holds
        guard.release(guard.hold({"path": str(folder / f"file-{number}")}))
    assert time.monotonic() - started < LIMIT_S
    assert guard._process is not first and first.poll() is not None, "it was not replaced"
    (folder / "kept").write_text("x")
    guard.release(item)
    guard._process.stdin.close()  # type: ignore[union-attr]
    guard._process.wait(LIMIT_S)
    assert (folder / "kept").exists(), "what was released was deleted"


async def test_who_has_ended_is_released(folder: Path) -> None:
    before = set(processes._guard._processes)
    process = await processes.start_async((sys.executable, "-c", "pass"))
    assert process.pid in processes._guard._processes
    await process.communicate()
    processes.ended(process)
    assert set(processes._guard._processes) == before
    # One that was forgotten goes when the next one starts.
    forgotten = processes.start((sys.executable, "-c", "pass"))
    forgotten.wait()
    other = processes.start((sys.executable, "-c", "pass"))
    assert forgotten.pid not in processes._guard._processes
    other.wait()
    processes.ended(other)


def test_a_number_that_was_given_to_another_is_not_killed() -> None:
    with subprocess.Popen(SLEEP, start_new_session=True) as other:
        try:
            process_guard.end(other.pid, time.time() - 3600)
            assert other.poll() is None
            process_guard.end(other.pid, time.time())
            assert other.wait(LIMIT_S) != 0
        finally:
            other.kill()


@posix
def test_a_guard_without_a_word_ends_quietly() -> None:
    for said in (b"", b"owner", b"\n", b'owner\n+{"pid"'):
        command = [sys.executable, "-m", "tabwright.process_guard"]
        done = subprocess.run(command, input=said, capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


@posix
def test_a_fork_ends_nothing_of_its_parents(folder: Path) -> None:
    process = processes.start(SLEEP)
    try:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        time.sleep(0.5)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        processes.ended(process)


async def test_what_cannot_be_started_is_an_error() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        processes.start(("/no-such-program",))
    with pytest.raises(OSError, match="no-such-program"):
        await processes.start_async(("/no-such-program",))
    with pytest.raises(processes.TimeExpired):
        await asyncio.to_thread(processes.run, SLEEP, timeout_s=0.2)
