"""A server that is killed while it checks a fix: no tool runs on, and no file stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from lsprotocol import types
from support.editor import Editor, Home, editing, engine_for
from support.edits import program

CODE = "def add(a, b):\n    return a + c\n"
RIGHT = "def add(a, b):\n    return a + b\n"
WHERE = types.Range(types.Position(1, 15), types.Position(1, 16))
LIMIT_S = 20.0

# Says which processes there are, then works for ever: itself, a child, a
# child that left the session, and one that left it and runs another program.
SLOW_TOOL = """
started = [os.getpid()]
for child in range(3):
    pid = os.fork()
    if pid == 0:
        if child:
            os.setsid()
        if child == 2:
            name = 'TABWRIGHT_STARTED_BY'
            os.execve('/bin/sleep', ['sleep', '300'], {name: os.environ[name]})
        time.sleep(300)
        os._exit(0)
    started.append(pid)
# The text before the fix and the one after it are checked at the same time.
new = f'{PIDS}.{os.getpid()}'
with open(new, 'w') as file:
    json.dump(started, file)
os.rename(new, PIDS)
time.sleep(300)
"""


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def until(what: Any) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not what():
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def checking(home: Home, tool: str) -> AsyncIterator[tuple[Editor, Path, list[int]]]:
    """A server whose check of a fix waits for a slow tool of a project that the user trusts."""
    project = home.path / "project"
    project.mkdir()
    source, pids = project / "code.py", home.path / "pids"
    source.write_text(CODE)
    (project / "pyproject.toml").write_text("[tool.pyright]\n")
    program(project / ".venv" / "bin" / tool, f"PIDS = {str(pids)!r}\n{SLOW_TOOL}")
    lost = types.Diagnostic(WHERE, "undefined name `c`", source=tool, code="undefined-variable")
    async with (
        engine_for(home, {"match": "undefined", "text": RIGHT}),
        editing(
            home, root=project, options={"trust": {"workspace": True}}, chosen="Allow"
        ) as editor,
    ):
        editor.open(CODE, source.as_uri())
        (action,) = await editor.actions(WHERE, lost, uri=source.as_uri(), only=["quickfix"])
        resolving = asyncio.create_task(editor.resolve(action))
        await until(pids.exists)
        started = json.loads(pids.read_text())
        try:
            yield editor, project, started
        finally:
            for pid in started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            resolving.cancel()
            await asyncio.gather(resolving, return_exceptions=True)


@pytest.mark.parametrize("tool", ["pyright", "mypy", "pylint"])
async def test_nothing_remains_after_the_server_is_killed(home: Home, tool: str) -> None:
    async with checking(home, tool) as (editor, project, started):
        assert all(alive(pid) for pid in started) and len(started) == 4
        before = {"code.py", "pyproject.toml", ".venv", ".venv/bin", f".venv/bin/{tool}"}
        if tool == "pyright":
            assert set(listing(project)) > before, "the tool was given no file: nothing is shown"
        killed = time.monotonic()
        editor.process.kill()
        await until(lambda: not any(alive(pid) for pid in started))
        await until(lambda: set(listing(project)) == before)
        assert time.monotonic() - killed < LIMIT_S
        await editor.process.wait()
