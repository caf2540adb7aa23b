"""One document's completions: kept answers first, then what is under way, then the model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ParamSpec, TypeVar

from tabwright.assists.complete import Completion, Nothing, Options, Task, finish, prepare
from tabwright.client.engine import Engine, EngineError, EngineUnavailable, ModelMissing
from tabwright.client.pace import Pace
from tabwright.core.context import Document, Window
from tabwright.core.task import ModelInfo
from tabwright.core.text import Edit, Snapshot, line_span
from tabwright.lsp.documents import Cursor
from tabwright.lsp.flight import Flight, Landed
from tabwright.lsp.kept import Kept
from tabwright.lsp.outcome import CACHE, IN_FLIGHT, MODEL, Outcome, nothing

# After a cancel, the time in which somebody who types may send the next request: VS Code sends it
# 50 ms after the keystroke that cancelled the last one.
_LINGER_S = 0.08
_TYPING_S = 1.0
_MOST_TYPED = 4

P = ParamSpec("P")
T = TypeVar("T")


class Work:
    """Runs what takes longer on a thread; whoever waits can be cancelled at once."""

    def __init__(self, submit: Callable[[Callable[[], object]], Awaitable[object]]) -> None:
        """Hand each call to ``submit``, such as a bound ``loop.run_in_executor``."""
        self._submit = submit

    async def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``call``."""
        result: list[T] = []
        await self._submit(lambda: result.append(call(*args, **kwargs)))
        return result[0]


@dataclass(frozen=True)
class Setup:
    """What a request is answered with: the settings as they were when it came.

    ``refused`` says why a path or uri must stay out of prompts, None when it need not.
    ``files`` looks at the disk, ``work`` computes. ``debounce_s`` None adapts.
    """

    engine: Engine
    model: str
    options: Options
    model_info: Callable[[], Awaitable[ModelInfo]]
    refused: Callable[[str], str | None]
    files: Work
    work: Work
    debounce_s: float | None = None


class _Superseded(Exception):
    """A newer request of the same document came."""


class Session:
    """The requests of one document: at most one is awaited, and the newest wins."""

    def __init__(self, uri: str, pace: Pace | None = None) -> None:
        """Start without answers; ``pace`` is shared by all documents of an editor."""
        self.uri = uri
        self._kept = Kept()
        self._pace = pace or Pace()
        self._flight: Flight | None = None
        self._previous: Window | None = None
        self._gone: asyncio.Future[None] | None = None
        self._length = -1
        self._typed_at = float("-inf")

    def changed(self, snapshot: Snapshot) -> None:
        """Take in a new text: gives up at once what can no longer be right."""
        now = asyncio.get_running_loop().time()
        if self._length >= 0 and 0 < len(snapshot.text) - self._length <= _MOST_TYPED:
            self._typed_at = now
        self._length = len(snapshot.text)
        self._pace.key(now)
        flight = self._flight
        if flight is not None and not flight.landing.done():
            typed = flight.typed_since(snapshot.text)
            if typed is None:
                flight.close()
            elif typed:
                # Adopted for what was typed; whether a request follows shows within the linger.
                flight.adopt(typed)
                if self._gone is None:
                    flight.close_in(_LINGER_S)

    def reset(self) -> None:
        """Forget answers and give up what is under way: the settings are others now."""
        self._kept = Kept()
        self._previous = None
        self._supersede()
        if self._flight is not None:
            self._flight.close()

    close = reset

    async def complete(
        self, cursor: Cursor, invoked: bool, others: Sequence[Document], setup: Setup
    ) -> Outcome:
        """Answer one request; an older one that still waits ends empty, superseded.

        Cancelling gives up the question to the engine, at once or, while somebody types, after
        the little time in which the next request may still want it.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._supersede()
        gone = self._gone = loop.create_future()
        try:
            outcome = await self._answer(cursor, invoked, others, setup, gone)
        except _Superseded:
            outcome = nothing("a newer request came")
        except ModelMissing as error:
            outcome = nothing(str(error), problem="model_missing")
        except EngineUnavailable as error:
            outcome = nothing(str(error), problem="unavailable")
        except EngineError as error:
            outcome = nothing(str(error), problem="engine")
        except asyncio.CancelledError:
            self._let_go(gone, loop.time())
            raise
        finally:
            if self._gone is gone:
                self._gone = None
        return replace(outcome, ms=(loop.time() - started) * 1000)

    async def _answer(
        self,
        cursor: Cursor,
        invoked: bool,
        others: Sequence[Document],
        setup: Setup,
        gone: asyncio.Future[None],
    ) -> Outcome:
        snapshot, offset = cursor.snapshot, cursor.offset
        # 1. What must stay out of every prompt.
        path = cursor.path or snapshot.uri
        refusal, others = await _first(setup.files(_screen, setup.refused, path, others), gone)
        if refusal is not None:
            return nothing("this file is kept from the model", refusal)
        # 2. An answer that was given before, as far as it is not typed yet.
        kept = self._kept.get(snapshot.text, offset, invoked)
        if kept:
            self._drop_unless(snapshot, offset, invoked)
            return Outcome(kept, source=CACHE)
        # 3. One that is under way and still right.
        outcome = await self._join(snapshot, offset, invoked, gone)
        if outcome is not None:
            return outcome
        # 4. A question of its own, once the typing pauses.
        model = await _first(setup.model_info(), gone)
        task = await _first(setup.work(self._prepare, cursor, model, invoked, others, setup), gone)
        if isinstance(task, Nothing):
            return nothing(task.reason)
        wait_s = self._wait(snapshot, offset, invoked, setup)
        if wait_s > 0:
            await _first(asyncio.sleep(wait_s), gone)
        flight = Flight(task, setup.engine, setup.model, snapshot.uri, partial(_judge, setup.work))
        self._flight = flight
        self._previous = task.window
        landed = await self._land(flight, gone)
        if landed is None:
            return nothing("the question was given up")
        return self._outcome(landed, flight, snapshot, offset, invoked, MODEL)

    async def _join(
        self, snapshot: Snapshot, offset: int, invoked: bool, gone: asyncio.Future[None]
    ) -> Outcome | None:
        """The outcome of what is under way, None when it cannot serve."""
        flight = self._drop_unless(snapshot, offset, invoked)
        if flight is None:
            return None
        typed = flight.typed_since(snapshot.text, offset)
        flight.adopt(typed or "")
        landed = await self._land(flight, gone)
        if landed is None or (isinstance(landed.result, Nothing) and typed):
            return None
        outcome = self._outcome(landed, flight, snapshot, offset, invoked, IN_FLIGHT)
        return outcome if outcome.edits or not typed else None

    def _drop_unless(self, snapshot: Snapshot, offset: int, invoked: bool) -> Flight | None:
        """The flight that can still serve; one that cannot is closed."""
        flight = self._flight
        if flight is None or flight.landing.done():
            return None
        if flight.serves(snapshot, offset, invoked):
            return flight
        flight.close()
        return None

    async def _land(self, flight: Flight, gone: asyncio.Future[None]) -> Landed | None:
        """What a flight brought, kept for later; None when it was closed under way."""
        try:
            landed = await _first(flight.landing, gone)
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if flight.landing.cancelled() and not (own and own.cancelling()):
                return None
            raise
        if not isinstance(landed.result, Nothing):
            task = flight.task
            edits = tuple(_edit(each) for each in landed.result)
            self._kept.put(task.snapshot.text, task.offset, task.invoked, edits)
        if landed.usage is not None:
            self._pace.answered(landed.ms / 1000)
        return landed

    def _outcome(
        self,
        landed: Landed,
        flight: Flight,
        snapshot: Snapshot,
        offset: int,
        invoked: bool,
        source: str,
    ) -> Outcome:
        if isinstance(landed.result, Nothing):
            return replace(nothing(landed.result.reason, source=source), usage=landed.usage)
        edits = self._kept.get(snapshot.text, offset, invoked)
        if not edits:
            reason = "what was typed since differs from the answer"
            return replace(nothing(reason, source=source), usage=landed.usage)
        return Outcome(edits, source=source, usage=landed.usage)

    def _prepare(
        self,
        cursor: Cursor,
        model: ModelInfo,
        invoked: bool,
        others: Sequence[Document],
        setup: Setup,
    ) -> Task | Nothing:
        return prepare(
            cursor.snapshot,
            cursor.offset,
            model,
            setup.options,
            invoked=invoked,
            others=others,
            before=cursor.before,
            after=cursor.after,
            previous=self._previous,
        )

    def _wait(self, snapshot: Snapshot, offset: int, invoked: bool, setup: Setup) -> float:
        if invoked:
            return 0.0
        if setup.debounce_s is not None:
            return setup.debounce_s
        at_end = line_span(snapshot.text, offset).end == offset
        return self._pace.next_wait(asyncio.get_running_loop().time(), at_line_end=at_end)

    def _supersede(self) -> None:
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self._gone = None

    def _let_go(self, gone: asyncio.Future[None], now: float) -> None:
        flight = self._flight
        if flight is None or self._gone is not gone:
            return
        if now - self._typed_at < _TYPING_S:
            flight.close_in(_LINGER_S)
        else:
            flight.close()


def _screen(
    refused: Callable[[str], str | None], path: str, others: Sequence[Document]
) -> tuple[str | None, tuple[Document, ...]]:
    """Why the file itself must stay out, and those of the other files that need not."""
    refusal = refused(path)
    if refusal is not None:
        return refusal, ()
    return None, tuple(other for other in others if refused(other.path) is None)


async def _judge(
    work: Work, task: Task, texts: Sequence[str], ended: Sequence[str]
) -> tuple[Completion, ...] | Nothing:
    return await work(finish, task, texts, ended)


def _edit(completion: Completion) -> Edit:
    return completion.edit


async def _first(work: Awaitable[T], gone: asyncio.Future[None]) -> T:
    """The result of ``work``; raises _Superseded when ``gone`` is done before it.

    A flight's landing is left running; a coroutine that was begun here is not.
    """
    task = asyncio.ensure_future(work)
    either: set[asyncio.Future[Any]] = {task, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise _Superseded
        return task.result()
    finally:
        if task is not work and not task.done():
            task.cancel()
