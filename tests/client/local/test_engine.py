from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import scripted_engine

from tabwright import paths
from tabwright.client.engine import EngineUnavailable, ModelNotFound, Request
from tabwright.client.local.engine import LocalEngine, LocalOptions
from tabwright.client.local.launch import MAX_STARTS, Launcher, engine_command

Ask = Callable[..., Request]
SCRIPT = Path(scripted_engine.__file__)


class Clock:
    """A clock that only its owner moves, on top of the real one."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def command(runtime_dir: Path, tmp_path: Path) -> Iterator[Callable[..., tuple[str, ...]]]:
    """Make a command that runs a scripted engine here; every process of it is ended afterwards."""

    def make(*rules: dict[str, Any], **script: Any) -> tuple[str, ...]:
        file = tmp_path / "script.json"
        file.write_text(json.dumps({"rules": list(rules), **script}))
        socket = str(runtime_dir / "engine.sock")
        return (sys.executable, str(SCRIPT), "--socket", socket, "--script", str(file))

    yield make
    for process in running_at(runtime_dir):
        process.kill()
        process.wait(5)


def running_at(folder: Path) -> list[psutil.Process]:
    """The processes that were started with this folder in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


@asynccontextmanager
async def local(command: tuple[str, ...], **fields: Any) -> AsyncIterator[LocalEngine]:
    clock = fields.pop("clock", time.monotonic)
    engine = LocalEngine(LocalOptions(command=command, **fields), clock=clock)
    try:
        yield engine
    finally:
        await engine.aclose()


async def test_starts_an_engine_and_finds_it_again(
    command: Callable[..., tuple[str, ...]], runtime_dir: Path, ask: Ask
) -> None:
    run = command({"match": "add", "text": "a + b"})
    async with local(run) as first, local(("false",)) as second:
        with pytest.raises(EngineUnavailable):
            await first.status()  # a look does not start it
        assert (await first.generate(ask())).texts == ("a + b",)
        assert (await second.generate(ask())).texts == ("a + b",)
        assert (await first.status())["pid"] == (await second.status())["pid"]
        (process,) = running_at(runtime_dir)
        assert os.getsid(process.pid) == process.pid, "it must outlive the editor's session"
        assert process.cwd() == str(runtime_dir), "it must not import from the workspace"
    assert process.is_running(), "closing a window leaves the engine to the others"


async def test_two_that_start_at_once_share_one_engine(
    command: Callable[..., tuple[str, ...]], runtime_dir: Path, ask: Ask
) -> None:
    run = command({"text": "x"})
    async with local(run) as first, local(run) as second, local(run) as third:
        engines = (first, second, third)
        await asyncio.gather(*(engine.generate(ask()) for engine in engines for _ in range(3)))
        pids = {(await engine.status())["pid"] for engine in engines}
        assert len(pids) == 1
        for _ in range(100):
            left = [one for one in running_at(runtime_dir) if one.status() != "zombie"]
            if len(left) == 1:
                break
            await asyncio.sleep(0.05)
        assert [one.pid for one in left] == list(pids)


async def test_two_windows_on_one_file_leave_each_others_requests_alone(
    command: Callable[..., tuple[str, ...]], ask: Ask
) -> None:
    run = command({"text": "a b c", "first_delay_ms": 400})
    async with local(run) as first, local(run) as second:
        await first.generate(ask())  # now there is an engine
        asked = {"lane": "newest", "session": "file:///a.py"}
        old = asyncio.create_task(first.generate(ask(**asked)))
        await asyncio.sleep(0.1)
        others = asyncio.create_task(second.generate(ask(**asked)))
        await asyncio.sleep(0.1)
        new = asyncio.create_task(first.generate(ask(**asked)))
        assert (await old).finish == ("cancelled",)
        assert (await others).texts == (await new).texts == ("a b c",)


async def test_a_crash_ends_one_request_and_the_next_one_works(
    command: Callable[..., tuple[str, ...]], ask: Ask
) -> None:
    run = command({"match": "boom", "text": "a b", "die_after": 1}, {"text": "fine"})
    async with local(run) as engine:
        assert (await engine.generate(ask())).texts == ("fine",)
        before = (await engine.status())["pid"]
        with pytest.raises(EngineUnavailable):
            await engine.generate(ask("boom"))
        assert (await engine.generate(ask())).texts == ("fine",)
        assert (await engine.status())["pid"] != before


async def test_killed_in_mid_request(command: Callable[..., tuple[str, ...]], ask: Ask) -> None:
    run = command({"match": "slow", "hang_after": 0}, {"text": "fine"})
    async with local(run) as engine:
        await engine.generate(ask())
        pid = (await engine.status())["pid"]
        task = asyncio.create_task(engine.generate(ask("slow")))
        await asyncio.sleep(0.1)
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EngineUnavailable):
            await task
        assert (await engine.generate(ask())).texts == ("fine",)


async def test_an_early_exit_is_reported_with_the_end_of_the_log(
    runtime_dir: Path, ask: Ask
) -> None:
    paths.engine_log().write_text("old news\n")
    code = "import sys; sys.stderr.write('no such device\\n'); sys.exit(3)"
    async with local((sys.executable, "-c", code)) as engine:
        with pytest.raises(EngineUnavailable, match="no such device") as caught:
            await engine.generate(ask())
        assert "status 3" in str(caught.value) and "old news" not in str(caught.value)
        with pytest.raises(EngineUnavailable, match="no such device"):
            await engine.generate(ask())  # within the backoff: the same reason, no new start
        assert paths.engine_log().read_text().count("no such device") == 1


async def test_no_such_command(runtime_dir: Path, ask: Ask) -> None:
    async with local(("/nonexistent/engine",)) as engine:
        with pytest.raises(EngineUnavailable, match="cannot be started"):
            await engine.generate(ask())


async def test_one_that_never_listens(runtime_dir: Path, ask: Ask) -> None:
    run = (sys.executable, "-c", f"import time; {str(runtime_dir)!r}; time.sleep(3)")
    async with local(run, start_timeout_s=0.3) as engine:
        with pytest.raises(EngineUnavailable, match=r"did not listen within 0\.3 s"):
            await engine.generate(ask())
    for process in running_at(runtime_dir):
        process.kill()


async def test_starts_are_limited(runtime_dir: Path, ask: Ask) -> None:
    clock = Clock()
    async with local((sys.executable, "-c", "raise SystemExit(1)"), clock=clock) as engine:
        for _ in range(MAX_STARTS):
            with pytest.raises(EngineUnavailable, match="status 1"):
                await engine.generate(ask())
            clock.ahead += 31
        with pytest.raises(EngineUnavailable, match="started 5 times within 5 minutes"):
            await engine.generate(ask())
        clock.ahead += 300
        with pytest.raises(EngineUnavailable, match="status 1"):
            await engine.generate(ask())


async def test_a_start_continues_when_its_caller_is_cancelled(
    command: Callable[..., tuple[str, ...]], ask: Ask
) -> None:
    async with local(command({"text": "x"})) as engine:
        task = asyncio.create_task(engine.generate(ask()))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await engine.generate(ask())).texts == ("x",)
        assert len(engine._launcher._starts) == 1


async def test_model_info(command: Callable[..., tuple[str, ...]]) -> None:
    known = {"code": {"context_length": 512}, "plain": {"special_tokens": ["</s>"]}}
    async with local(command(models=known)) as engine:
        info = await engine.model_info("code")
        assert (info.name, info.context_length, info.family.name) == ("code", 512, "qwen2.5-coder")
        assert not (await engine.model_info("plain")).family.infills
        with pytest.raises(ModelNotFound, match="tabwright models pull absent"):
            await engine.model_info("absent")


async def test_without_unix_sockets_the_address_file_is_read(
    runtime_dir: Path, ask: Ask, tmp_path: Path
) -> None:
    async with scripted_engine.running({"rules": [{"text": "x"}]}, tcp=True, token="t0k") as served:
        address = {"host": "127.0.0.1", "port": served.port, "token": "t0k"}
        async with local(("false",), unix=False) as engine:
            paths.engine_address().write_text(json.dumps(address))
            assert (await engine.generate(ask())).texts == ("x",)
    file = json.dumps(json.dumps({**address, "port": 1}))
    code = f"open({str(paths.engine_address())!r}, 'w').write({file}); raise SystemExit(4)"
    async with local((sys.executable, "-c", code), unix=False) as engine:
        for wrong in ("", "{}", '{"host": 1, "port": "x", "token": ""}', "[]"):
            paths.engine_address().write_text(wrong)
            with pytest.raises(EngineUnavailable, match=r"no engine|cannot be read|status 4"):
                await engine.status()
        with pytest.raises(EngineUnavailable, match="status 4"):
            await engine.generate(ask())


async def test_a_runtime_folder_that_cannot_be_entered(
    monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    def refuse() -> Path:
        raise PermissionError("it belongs to another user")

    monkeypatch.setattr(paths, "engine_socket", refuse)
    async with local(("false",)) as engine:
        with pytest.raises(EngineUnavailable, match="another user"):
            await engine.generate(ask())


async def test_relative_folders_reach_the_process_whole(
    runtime_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TABWRIGHT_MODEL_SOURCE", "here/models")
    code = "import os, sys; sys.exit(os.environ['TABWRIGHT_MODEL_SOURCE'])"
    async with local((sys.executable, "-c", code)) as engine:
        with pytest.raises(EngineUnavailable, match=str(tmp_path / "here" / "models")):
            await engine.generate(ask())


def test_the_engine_is_not_imported_from_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "tabwright.py").write_text("raise SystemExit('from the workspace')")
    command = engine_command("--help")
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "from the workspace" not in ended.stderr


async def test_launcher_starts_nothing_when_an_engine_answers() -> None:
    async def there() -> bool:
        return True

    await Launcher(("/nonexistent",), there, 1.0).ensure()
