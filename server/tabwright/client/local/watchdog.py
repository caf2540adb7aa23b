"""Detect that the local engine hangs while a request waits for it, and have it replaced.

Once a second the watchdog requests the engine's status. Three things may hang: the process (it is
stopped), its event loop (it does not answer) and its worker (it answers, but no step ends). CPU
time distinguishes slow work from a hang: loading, compiling and prefill use some, also on a busy
machine, and a deadlock uses none.

Time is counted in probes. A probe that took longer than planned counts as two at most, because then
the machine slept, or this process did not run either.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tabwright import engine_pid
from tabwright.client.engine import EngineError, EngineUnavailable
from tabwright.client.http import NotConnected
from tabwright.client.stream import Json
from tabwright.core.message import Message
from tabwright.engine_pid import EngineProcess, Look

T = TypeVar("T")
_WORKED_S = 0.002  # CPU seconds between two probes above which the engine is computing

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HangLimits:
    """Time limits in seconds; ``tick`` is the time between two probes.

    While probes are not answered: urgent requests fail after ``quiet``; the engine is replaced
    after ``stopped`` or ``asleep`` (neither stopped nor computing), and after ``unanswered`` in any
    case. While probes are answered but no step of the worker ends: urgent requests fail after
    ``step_quiet``; the engine is replaced after ``step_asleep`` without computing and after
    ``step`` in any case, or ``load_asleep`` and ``load`` while it loads a model. A request unknown
    to the engine fails after ``lost``.
    """

    tick: float = 1.0
    quiet: float = 3.0
    stopped: float = 5.0
    asleep: float = 15.0
    unanswered: float = 60.0
    step_quiet: float = 10.0
    step_asleep: float = 30.0
    step: float = 300.0
    load_asleep: float = 60.0
    load: float = 900.0
    lost: float = 5.0


@dataclass
class EngineHealth:
    """The state derived from the probes; each counter says for how many seconds it has lasted.

    Pure: probe results in, verdicts out.
    """

    limits: HangLimits
    unanswered: float = 0.0
    stopped: float = 0.0
    asleep: float = 0.0
    step: float = 0.0
    step_asleep: float = 0.0
    loading: bool = False
    idle: bool = False  # the engine answered that it has nothing to do
    _cpu_s: float = field(default=0.0, repr=False)
    _steps: int = -1
    _step_cpu_s: float = 0.0

    def answered(self, status: Json, seconds: float) -> None:
        """Record a status from the engine, ``seconds`` after the last probe."""
        self.unanswered = self.stopped = self.asleep = 0.0
        active, queued = status.get("active"), status.get("queued")
        self.idle = active == queued == 0 and not status.get("open")
        told = status.get("progress")
        if not isinstance(told, dict) or not (active or queued):
            self.step = self.step_asleep = 0.0
            self._steps, self.loading = -1, False
            return
        steps, cpu_s = _number(told.get("steps")), _number(told.get("cpu_s"))
        self.loading = told.get("loading") is True
        same = steps == self._steps
        worked = cpu_s - self._step_cpu_s > _WORKED_S
        self.step = self.step + seconds if same else 0.0
        self.step_asleep = self.step_asleep + seconds if same and not worked else 0.0
        self._steps, self._step_cpu_s = int(steps), cpu_s

    def silent(self, look: Look | None, seconds: float, *, connected: bool = True) -> None:
        """Record an unanswered probe and the state of the process (None if unknown).

        Without a connection an engine may be starting, which has limits of its own.
        """
        self.unanswered += seconds if connected else 0.0
        self.idle = False
        if look is None or look.state == "gone":
            self.stopped = self.asleep = 0.0
            return
        stopped = look.state == "stopped"
        worked = look.cpu_s - self._cpu_s > _WORKED_S
        asleep = look.state == "asleep" and not worked
        self.stopped = self.stopped + seconds if stopped else 0.0
        self.asleep = self.asleep + seconds if asleep else 0.0
        self._cpu_s = look.cpu_s

    @property
    def quiet(self) -> Message | None:
        """Why a user should not wait any longer; None when he may."""
        if self.unanswered >= self.limits.quiet:
            return Message("the engine does not answer")
        if self.step >= self.limits.step_quiet and not self.loading:
            return Message("the engine makes no progress")
        return None

    @property
    def suspicious(self) -> bool:
        """Whether probing must continue although no request waits."""
        return bool(self.unanswered or self.stopped or self.asleep or self.step)

    @property
    def hung(self) -> Message | None:
        """Why the engine has to be replaced; None when it need not."""
        limits = self.limits
        if (
            self.stopped >= limits.stopped
            or self.asleep >= limits.asleep
            or self.unanswered >= limits.unanswered
        ):
            return Message(
                "the engine did not answer for {0} s", format(self._longest_silence, ".0f")
            )
        most_asleep = limits.load_asleep if self.loading else limits.step_asleep
        most = limits.load if self.loading else limits.step
        if self.step_asleep >= most_asleep or self.step >= most:
            return Message("the engine got no further for {0} s", format(self.step, ".0f"))
        return None

    @property
    def _longest_silence(self) -> float:
        return max(self.unanswered, self.stopped, self.asleep)


@dataclass(eq=False)
class _Waiter:
    """A waiting request: ``urgent`` for a keystroke, ``job`` if the engine counts it."""

    failed: asyncio.Future[EngineError]
    urgent: bool
    job: bool
    unknown_s: float = 0.0


class Watchdog:
    """Guards requests to the engine and fails them when it hangs.

    It probes only while a request has waited for one ``tick``, or after a probe without progress.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[Json]],
        replace: Callable[[EngineProcess], Awaitable[None]],
        limits: HangLimits | None = None,
    ) -> None:
        """``probe`` returns the engine's status; ``replace`` kills a process and starts another."""
        self._probe = probe
        self._replace = replace
        self.limits = limits or HangLimits()
        self._health = EngineHealth(self.limits)
        self._waiters: set[_Waiter] = set()
        self._watching: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[Json] | None = None
        self._process: EngineProcess | None = None

    async def guard(
        self,
        ask: Callable[[], Awaitable[T]],
        *,
        most_s: float,
        urgent: bool = False,
        job: bool = False,
    ) -> T:
        """Return the result of ``ask``, or cancel it without waiting when the engine hangs.

        Raises EngineUnavailable then, after ``most_s`` seconds in any case, and for ``urgent``
        requests when the engine is quiet. ``job``: the engine counts this request in its status.
        """
        if urgent and (quiet := self._health.quiet):
            self._begin()
            raise EngineUnavailable(quiet)
        task = asyncio.ensure_future(ask())
        task.add_done_callback(_take_exception)
        failed: asyncio.Future[EngineError] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(failed, urgent, job)
        self._waiters.add(waiter)
        self._begin()
        try:
            either: set[asyncio.Future[Any]] = {task, failed}
            await asyncio.wait(either, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
            if failed.done() and not _succeeded(task):
                raise failed.result()
            if not task.done():
                raise EngineUnavailable(
                    Message("the engine was not done within {0} s", format(most_s, "g"))
                )
            return task.result()
        finally:
            self._waiters.discard(waiter)
            failed.cancel()
            task.cancel()

    def close(self) -> None:
        """Stop probing."""
        for task in (self._watching, self._asking):
            if task is not None:
                task.cancel()

    def _begin(self) -> None:
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
            self._watching.add_done_callback(_take_exception)

    async def _watch(self) -> None:
        tick = self.limits.tick
        await asyncio.sleep(tick)
        while self._waiters or self._health.suspicious:
            seconds = await self._look(tick)
            self._end_waits(seconds)
            if self._health.hung:
                await self._end_engine()

    async def _look(self, tick: float) -> float:
        """Probe the engine for one tick and record the result; return the counted seconds."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._probe())
            self._asking.add_done_callback(_take_exception)
        asking = self._asking
        await asyncio.wait({asking}, timeout=tick)
        if asking.done():
            await asyncio.sleep(max(0.0, began + tick - loop.time()))
        seconds = min(loop.time() - began, 2 * tick)
        if not asking.done():
            self._health.silent(await self._look_at_process(), seconds)
            return seconds
        self._asking = None
        connected = True
        try:
            status = asking.result()
        except EngineUnavailable as error:
            connected = not isinstance(error, NotConnected)
        except Exception as error:  # noqa: BLE001 - whatever it sent, its loop runs
            logger.warning("the engine's status cannot be read: %s", error)
            self._health.answered({}, seconds)
            return seconds
        else:
            self._health.answered(status, seconds)
            self._know(await self._noted() if self._health.suspicious else None)
            return seconds
        look = await self._look_at_process()
        if look is None or look.state == "gone":
            self._health = EngineHealth(self.limits)  # it ended, and its requests have failed
        else:
            self._health.silent(look, seconds, connected=connected)
        return seconds

    async def _look_at_process(self) -> Look | None:
        """Return the state of the engine's process; None if it is unknown."""
        self._know(await self._noted())
        if self._process is None:
            return None
        return await asyncio.to_thread(engine_pid.look, self._process)

    async def _noted(self) -> EngineProcess | None:
        return await asyncio.to_thread(engine_pid.read)

    def _know(self, process: EngineProcess | None) -> None:
        """Set the process that is watched; discard what is known about another one.

        So a new process, started by another editor's server, is never taken for the hung one.
        """
        if self._process is not None and process != self._process:
            self._health = EngineHealth(self.limits)
        self._process = process

    def _end_waits(self, seconds: float) -> None:
        quiet, hung = self._health.quiet, self._health.hung
        for waiter in list(self._waiters):
            waiter.unknown_s = waiter.unknown_s + seconds if self._health.idle else 0.0
            if hung and self._process is None:
                _fail(waiter, Message("{0}, and its process is not known: end it by hand", hung))
            elif hung:
                _fail(waiter, Message("{0}; it is ended, and another one started", hung))
            elif quiet and waiter.urgent:
                _fail(waiter, quiet)
            elif waiter.job and waiter.unknown_s >= self.limits.lost:
                _fail(waiter, Message("the engine lost the request"))

    async def _end_engine(self) -> None:
        reason, process = self._health.hung, self._process
        if process is None:
            return
        logger.error("%s (process %d)", reason, process.pid)
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        self._health, self._process = EngineHealth(self.limits), None
        await self._replace(process)


def _fail(waiter: _Waiter, reason: Message) -> None:
    if not waiter.failed.done():
        waiter.failed.set_result(EngineUnavailable(reason))


def _succeeded(task: asyncio.Future[T]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _take_exception(task: asyncio.Future[T]) -> None:
    """Retrieve a task's exception, so that asyncio does not log it when no caller is left."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.debug("a question to the engine ended with %s", type(error).__name__)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
