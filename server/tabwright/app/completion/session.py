"""One document's completions: kept answers first, then what is under way, then the model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tabwright.app.completion.answer_cache import Answers
from tabwright.app.completion.debounce import Pace
from tabwright.app.completion.in_flight import Flight, Landed
from tabwright.app.completion.lookahead import Lookahead
from tabwright.app.completion.outcome import CACHE, IN_FLIGHT, KEPT_OUT, MODEL, Outcome, nothing
from tabwright.app.completion.query import Setup, judge, keep, question
from tabwright.app.documents.buffers import Cursor
from tabwright.app.documents.privacy import screened
from tabwright.app.runtime.waiting import Superseded, first, supersede
from tabwright.assists.complete import Nothing
from tabwright.client.engine import EngineError, EngineUnavailable, ModelMissing, NotAllowed
from tabwright.core.message import Message
from tabwright.core.prompting.context import Document
from tabwright.core.prompting.window_cache import Places
from tabwright.core.text import Edit, Snapshot, line_span

# After a cancel, the time in which somebody who types may send the next request: VS Code sends it
# 50 ms after the keystroke that cancelled the last one.
_LINGER_S = 0.08
_TYPING_S = 1.0
_MOST_TYPED = 4


class Session:
    """The requests of one document: at most one is awaited, and the newest wins."""

    def __init__(self, uri: str, answers: Answers) -> None:
        """Start with what ``answers``, shared by all documents, has for this one."""
        self.uri = uri
        self._answers = answers
        self._pace = Pace()
        self._flight: Flight | None = None
        self._places = Places()
        self._lookahead = Lookahead(uri, answers, self._places)
        self._gone: asyncio.Future[None] | None = None
        self._length = -1
        self._typed_at = float("-inf")

    def changed(self, snapshot: Snapshot) -> None:
        """Take in a new text: gives up at once what can no longer be right."""
        now = asyncio.get_running_loop().time()
        if self._length >= 0 and 0 < len(snapshot.text) - self._length <= _MOST_TYPED:
            self._typed_at = now
        self._length = len(snapshot.text)
        self._lookahead.stop()
        self._pace.key(now)
        if self._flight is not None and not self._flight.survives(snapshot.text):
            self._flight.close()

    def reset(self) -> None:
        """Forget answers and give up what is under way: the settings are others now."""
        self._answers.forget(self.uri)
        self._places.forget()
        self._lookahead.stop()
        self._supersede()
        if self._flight is not None:
            self._flight.close()

    close = reset

    def moved(self, cursor: Cursor, others: Sequence[Document], setup: Setup) -> None:
        """Take in where the cursor is, when nothing is asked for there (yet)."""
        flying = self._flight is not None and not self._flight.landing.done()
        if self._gone is None and not flying:
            self._lookahead.moved(cursor, others, setup)

    async def complete(
        self, cursor: Cursor, invoked: bool, others: Sequence[Document], setup: Setup
    ) -> Outcome:
        """Answer one request; an older one that still waits ends empty, superseded.

        Cancelling gives up the question to the engine, at once or, while somebody types, after
        the little time in which the next request may still want it.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._lookahead.stop()
        self._supersede()
        gone = self._gone = loop.create_future()
        try:
            outcome = await self._answer(cursor, invoked, others, setup, gone)
        except Superseded:
            outcome = nothing(Message("a newer request came"))
        except ModelMissing as error:
            outcome = nothing(str(error), problem="model_missing")
        except EngineUnavailable as error:
            outcome = nothing(str(error), problem="unavailable")
        except NotAllowed as error:
            outcome = nothing(str(error), problem="not_allowed")
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
        refusal, others = await first(
            setup.files(screened, setup.refused, cursor.path, snapshot.uri, others), gone
        )
        if refusal is not None:
            return nothing(KEPT_OUT, refusal)
        outcome = await self._found(cursor, invoked, others, setup, gone, until)
        self._lookahead.answered(cursor, outcome.edits, others, setup)
        return outcome

    async def _found(
        self,
        cursor: Cursor,
        invoked: bool,
        others: Sequence[Document],
        setup: Setup,
        gone: asyncio.Future[None],
        until: float,
    ) -> Outcome:
        snapshot, offset = cursor.snapshot, cursor.offset
        # 2. An answer that was given before, as far as it is not typed yet.
        kept = self._get(snapshot.text, offset, invoked)
        if kept is not None:
            self._drop_unless(snapshot, offset, invoked)
            if kept:
                return Outcome(kept, source=CACHE)
            return nothing(Message("the model had nothing to add here before"), source=CACHE)
        # 3. One that is under way and still right.
        outcome = await self._join(snapshot, offset, invoked, gone)
        if outcome is not None:
            return outcome
        # 4. A question of its own, once the typing pauses.
        model = await first(setup.model_info(), gone)
        asked = await first(
            setup.work(question, cursor, model, invoked, others, setup, self._places), gone
        )
        if isinstance(asked, Nothing):
            return nothing(asked.reason)
        left_s = until - asyncio.get_running_loop().time()
        if left_s > 0:
            await first(asyncio.sleep(left_s), gone)
        judged = partial(judge, setup.work)
        flight = Flight(asked.task, setup.engine, setup.model, self.uri, judged)
        flight.landing.add_done_callback(partial(keep, self._answers, self.uri, asked.task))
        self._flight = flight
        self._places.add(asked.place)
        landed = await self._land(flight, gone)
        if landed is None:
            return nothing(Message("the text changed while the model wrote"))
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
            reason = Message("what was typed since differs from the answer")
            return replace(nothing(reason, source=source), usage=landed.usage)
        return Outcome(edits, source=source, usage=landed.usage)

    def _wait(self, snapshot: Snapshot, offset: int, invoked: bool, setup: Setup) -> float:
        if invoked:
            return 0.0
        if setup.debounce_s is not None:
            return setup.debounce_s
        at_end = line_span(snapshot.text, offset).end == offset
        return self._pace.next_wait(asyncio.get_running_loop().time(), at_line_end=at_end)

    def _supersede(self) -> None:
        supersede(self._gone)
        self._gone = None

    def _let_go(self, gone: asyncio.Future[None], now: float) -> None:
        flight = self._flight
        if flight is None or self._gone is not gone:
            return
        if now - self._typed_at < _TYPING_S:
            flight.close_in(_LINGER_S)
        else:
            flight.close()
