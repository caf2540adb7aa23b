"""One document's completions: kept answers first, then what is under way, then the model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tabwright.assists.complete import (
    Completion,
    Nothing,
    Options,
    Task,
    convincing,
    finish,
    prepare,
)
from tabwright.client.answers import Answers
from tabwright.client.engine import Engine, EngineError, EngineUnavailable, ModelMissing
from tabwright.client.pace import Pace
from tabwright.core.context import Document, Window
from tabwright.core.task import ModelInfo
from tabwright.core.text import Edit, Snapshot, line_span
from tabwright.lsp.documents import Cursor
from tabwright.lsp.flight import Flight, Judged, Landed
from tabwright.lsp.outcome import CACHE, IN_FLIGHT, MODEL, Outcome, nothing
from tabwright.lsp.privacy import screened
from tabwright.lsp.waiting import Superseded, Work, first

# After a cancel, the time in which somebody who types may send the next request: VS Code sends it
# 50 ms after the keystroke that cancelled the last one.
_LINGER_S = 0.08
_TYPING_S = 1.0
_MOST_TYPED = 4


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


class Session:
    """The requests of one document: at most one is awaited, and the newest wins."""

    def __init__(self, uri: str, answers: Answers) -> None:
        """Start with what ``answers``, shared by all documents, has for this one."""
        self.uri = uri
        self._answers = answers
        self._pace = Pace()
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
        if self._flight is not None and not self._flight.survives(snapshot.text):
            self._flight.close()

    def reset(self) -> None:
        """Forget answers and give up what is under way: the settings are others now."""
        self._answers.forget(self.uri)
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
        except Superseded:
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
        until = asyncio.get_running_loop().time() + self._wait(snapshot, offset, invoked, setup)
        # 1. What must stay out of every prompt.
        path = cursor.path or snapshot.uri
        refusal, others = await first(setup.files(screened, setup.refused, path, others), gone)
        if refusal is not None:
            return nothing("this file is kept from the model", refusal)
        # 2. An answer that was given before, as far as it is not typed yet.
        kept = self._get(snapshot.text, offset, invoked)
        if kept is not None:
            self._drop_unless(snapshot, offset, invoked)
            if kept:
                return Outcome(kept, source=CACHE)
            return nothing("the model had nothing to add here before", source=CACHE)
        # 3. One that is under way and still right.
        outcome = await self._join(snapshot, offset, invoked, gone)
        if outcome is not None:
            return outcome
        # 4. A question of its own, once the typing pauses.
        model = await first(setup.model_info(), gone)
        task = await first(setup.work(self._prepare, cursor, model, invoked, others, setup), gone)
        if isinstance(task, Nothing):
            return nothing(task.reason)
        left_s = until - asyncio.get_running_loop().time()
        if left_s > 0:
            await first(asyncio.sleep(left_s), gone)
        flight = Flight(task, setup.engine, setup.model, self.uri, partial(_judge, setup.work))
        flight.landing.add_done_callback(partial(self._keep, task))
        self._flight = flight
        self._previous = task.window
        landed = await self._land(flight, gone)
        if landed is None:
            return nothing("the text changed while the model wrote")
        return self._outcome(landed, snapshot, offset, invoked, MODEL)

    async def _join(
        self, snapshot: Snapshot, offset: int, invoked: bool, gone: asyncio.Future[None]
    ) -> Outcome | None:
        """The outcome of what is under way, None when it cannot serve."""
        flight = self._drop_unless(snapshot, offset, invoked)
        if flight is None:
            return None
        flight.adopt(snapshot.text, offset)
        landed = await self._land(flight, gone)
        if landed is None:
            return None
        outcome = self._outcome(landed, snapshot, offset, invoked, IN_FLIGHT)
        same = (offset, len(snapshot.text)) == (flight.task.offset, len(flight.task.snapshot.text))
        return outcome if outcome.edits or same else None

    def _drop_unless(self, snapshot: Snapshot, offset: int, invoked: bool) -> Flight | None:
        """The flight that can still serve; one that cannot is closed."""
        flight = self._flight
        if flight is None or flight.landing.done():
            return None
        if flight.serves(snapshot.text, offset, invoked):
            return flight
        flight.close()
        return None

    async def _land(self, flight: Flight, gone: asyncio.Future[None]) -> Landed | None:
        """What a flight brought; None when it was closed under way."""
        try:
            landed = await first(flight.landing, gone)
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if flight.landing.cancelled() and not (own and own.cancelling()):
                return None
            raise
        self._pace.answered(landed.ms / 1000)
        return landed

    def _keep(self, task: Task, landing: asyncio.Task[Landed]) -> None:
        """Keep for later what a flight brought, even when nobody waited for it any more."""
        if landing.cancelled() or landing.exception() is not None or not landing.result().whole:
            return
        result = landing.result().result
        edits = () if isinstance(result, Nothing) else tuple(map(_edit, result))
        self._answers.put(self.uri, task.snapshot.text, task.offset, edits, invoked=task.invoked)

    def _get(self, text: str, offset: int, invoked: bool) -> tuple[Edit, ...] | None:
        """Kept edits; () where the model is known to have none, which by hand is asked again."""
        found = self._answers.get(self.uri, text, offset, invoked=invoked)
        if invoked:
            return found or None
        return found[:1] if found else found

    def _outcome(
        self, landed: Landed, snapshot: Snapshot, offset: int, invoked: bool, source: str
    ) -> Outcome:
        if isinstance(landed.result, Nothing):
            return replace(nothing(landed.result.reason, source=source), usage=landed.usage)
        edits = self._get(snapshot.text, offset, invoked)
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


async def _judge(work: Work, task: Task, texts: Sequence[str], ended: Sequence[str]) -> Judged:
    return await work(_judged, task, texts, ended)


def _judged(task: Task, texts: Sequence[str], ended: Sequence[str]) -> Judged:
    result = finish(task, texts, ended)
    return result, convincing(task, result)


def _edit(completion: Completion) -> Edit:
    return completion.edit
