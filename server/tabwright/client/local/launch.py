"""Start the engine process, detached from the editor, and wait until it listens."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tabwright import paths, private, processes
from tabwright.client.engine import EngineUnavailable
from tabwright.core.message import Message, verbatim

MAX_STARTS = 5
WINDOW_S = 300.0
FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 30.0
LOG_TAIL = 1500

# References kept on purpose: a collected Popen of a running process warns and leaves a zombie.
_children: list[processes.Child[bytes]] = []


class Launcher:
    """Starts one engine on request, at most five times in five minutes."""

    def __init__(
        self,
        command: Sequence[str],
        answers: Callable[[], Awaitable[bool]],
        timeout_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``answers`` tells whether an engine listens; ``timeout_s`` limits a start."""
        self._command = tuple(command)
        self._answers = answers
        self._timeout_s = timeout_s
        self._clock = clock
        self._starts: deque[float] = deque()
        self._failed_in_a_row = 0
        self._not_before = float("-inf")
        self._reason: Message | None = None
        self._starting: asyncio.Task[None] | None = None

    async def ensure(self) -> None:
        """Return when an engine listens; raises EngineUnavailable with the reason otherwise.

        Callers share one start, which continues when one of them is cancelled.
        """
        if self._starting is None or self._starting.done():
            self._starting = asyncio.ensure_future(self._ensure())
            self._starting.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._starting)

    async def aclose(self) -> None:
        """Stop waiting for a start; the process itself keeps running."""
        if self._starting is not None:
            self._starting.cancel()

    async def _ensure(self) -> None:
        if await self._answers():
            return
        now = self._clock()
        if now < self._not_before:
            raise EngineUnavailable(self._reason or _log_hint())
        while self._starts and now - self._starts[0] > WINDOW_S:
            self._starts.popleft()
        if len(self._starts) >= MAX_STARTS:
            again = WINDOW_S - (now - self._starts[0])
            raise EngineUnavailable(
                Message(
                    "the engine was started {0} times within {1} minutes and did not last; it "
                    "is tried again in {2} s. {3}",
                    MAX_STARTS,
                    format(WINDOW_S / 60, ".0f"),
                    format(again, ".0f"),
                    self._reason or _log_hint(),
                )
            )
        self._starts.append(now)
        try:
            await self._start()
        except EngineUnavailable as error:
            self._reason = error.message
            backoff = min(FIRST_BACKOFF * 2**self._failed_in_a_row, LONGEST_BACKOFF)
            self._failed_in_a_row += 1
            self._not_before = self._clock() + backoff
            raise
        self._failed_in_a_row, self._reason = 0, None

    async def _start(self) -> None:
        _children[:] = [child for child in _children if child.poll() is None]
        log = _log_file()
        written = log.stat().st_size if log is not None and log.exists() else 0
        try:
            child = _spawn(self._command, log)
        except OSError as error:
            raise EngineUnavailable(Message("the engine cannot be started: {0}", error)) from error
        _children.append(child)
        until = self._clock() + self._timeout_s
        pause = 0.02
        while self._clock() < until:
            if await self._answers():
                return
            status = child.poll()
            # Status 0: another engine holds the lock and is about to listen.
            if status:
                raise EngineUnavailable(
                    Message(
                        "the engine ended as it started (status {0}).{1}",
                        status,
                        _tail(log, written),
                    )
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.2)
        raise EngineUnavailable(
            Message(
                "the engine did not listen within {0} s.{1}",
                format(self._timeout_s, "g"),
                _tail(log, written),
            )
        )


def engine_command(*options: str) -> tuple[str, ...]:
    """The command that runs the engine, isolated from the folder it is started in."""
    return processes.tabwright("engine", *options)


def _spawn(command: Sequence[str], log: Path | None) -> processes.Child[bytes]:
    """Start a process that outlives this one and holds none of its streams and folders."""
    opener = None if log is None else private.opener
    with open(log if log is not None else os.devnull, "ab", opener=opener) as output:
        return processes.start(command, stdout=output, stderr=output, detached=True)


def _log_file() -> Path | None:
    try:
        return paths.engine_log()
    except OSError:
        return None  # no log is no reason to have no engine; the error then shows no tail


def _log_hint() -> Message:
    log = _log_file()
    return Message("See {0}", log) if log is not None else verbatim("")


def _tail(log: Path | None, start: int) -> Message:
    """The end of what the process wrote, to be shown with an error."""
    if log is None:
        return verbatim("")
    try:
        with log.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            start = 0 if end < start else start  # the log was rotated
            stream.seek(max(start, end - LOG_TAIL))
            text = stream.read().decode("utf-8", "replace").strip()
    except OSError as error:
        return Message(" Its log cannot be read: {0}", error)
    if not text:
        return Message(" It wrote nothing to {0}", log)
    return Message(" The end of {0}:\n{1}", log, text)
