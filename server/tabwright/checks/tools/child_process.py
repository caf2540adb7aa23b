"""Run another program with limits on time and output, and kill it with all its children."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from tabwright import processes
from tabwright.core.message import Message, MessageError
from tabwright.processes import PIPE, Process

_MAX_BYTES = 16 * 2**20
_CHUNK = 2**16
_GRACE_S = 2.0
_POSIX = os.name == "posix"

T = TypeVar("T")


class ToolFailed(MessageError):
    """A program gave no usable result; the message says why, as "did not answer in 3 s"."""


@dataclass(frozen=True)
class ProgramOutput:
    """The exit status of a program and what it printed."""

    status: int
    stdout: str
    stderr: str

    @property
    def error_line(self) -> str:
        """The first line on stderr, else on stdout, cut to 200 characters; "" if there is none."""
        lines = (line.strip() for line in (self.stderr + "\n" + self.stdout).splitlines())
        return next((line[:200] for line in lines if line), "")


async def run(
    command: Sequence[str],
    *,
    timeout_s: float,
    stdin: str = "",
    cwd: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> ProgramOutput:
    """Run a program to its end, in a session of its own; in our private folder without ``cwd``.

    Raises ToolFailed when it cannot be started, prints over 16 MiB, or takes longer than
    ``timeout_s`` seconds. Then, and on cancellation, its whole process group is killed.
    """
    result, ended = await run_until_timeout(
        command, timeout_s=timeout_s, stdin=stdin, cwd=cwd, environment=environment
    )
    if not ended:
        raise ToolFailed(Message("did not answer in {0} s", format(timeout_s, "g")))
    return result


async def run_until_timeout(
    command: Sequence[str],
    *,
    timeout_s: float,
    stdin: str = "",
    cwd: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[ProgramOutput, bool]:
    """Like ``run``, but returns what was printed so far, and False, when the time is over."""
    process = await _start(command, cwd, environment)
    output, errors = bytearray(), bytearray()
    ended = False
    try:
        async with asyncio.timeout(timeout_s):
            await gather_or_cancel(
                _write_stdin(process.stdin, stdin),
                _read_all(process.stdout, output),
                _read_all(process.stderr, errors),
            )
            await process.wait()
        ended = True
    except TimeoutError:
        pass
    finally:
        if not ended:
            await _uncancelled(_kill(process))
        processes.ended(process)
    return ProgramOutput(process.returncode or 0, _text(output), _text(errors)), ended


async def _start(
    command: Sequence[str], cwd: str | None, environment: Mapping[str, str] | None
) -> Process:
    """Start the program; if cancelled meanwhile, kill it as soon as it has started."""
    starting = asyncio.create_task(
        processes.start_async(
            command,
            stdin=PIPE,
            cwd=cwd,
            environment=processes.users_environment() if environment is None else environment,
            own_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _uncancelled(_kill_when_started(starting))
        raise
    except (OSError, ValueError) as error:
        raise ToolFailed(Message("could not be started ({0})", error)) from error


async def gather_or_cancel(*jobs: Coroutine[None, None, T]) -> list[T]:
    """Run jobs concurrently and return their results; when one fails, cancel the others first."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _write_stdin(stream: asyncio.StreamWriter | None, text: str) -> None:
    assert stream is not None
    # A program may end without reading all of its input.
    with suppress(BrokenPipeError, ConnectionResetError):
        stream.write(text.encode("utf-8", "replace"))
        await stream.drain()
    stream.close()


async def _read_all(stream: asyncio.StreamReader | None, into: bytearray) -> None:
    assert stream is not None
    while chunk := await stream.read(_CHUNK):
        into += chunk
        if len(into) > _MAX_BYTES:
            raise ToolFailed(Message("printed more than {0} MiB", _MAX_BYTES // 2**20))


def _text(raw: bytearray) -> str:
    return raw.decode("utf-8", "replace")


async def _kill_when_started(starting: asyncio.Task[Process]) -> None:
    # A program that could not be started needs no kill.
    with suppress(OSError, ValueError):
        process = await starting
        await _kill(process)
        processes.ended(process)


async def _uncancelled(job: Coroutine[None, None, None]) -> None:
    """Await a short job to its end; a cancellation meanwhile is raised afterwards."""
    task = asyncio.create_task(job)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


async def _kill(process: Process) -> None:
    # The process has already ended.
    with suppress(ProcessLookupError):
        if _POSIX:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    # A child process that left the group may keep the pipes open forever.
    with suppress(TimeoutError):
        await asyncio.wait_for(process.communicate(), _GRACE_S)
