"""One document's completions: the cache first, then what is in flight, then the model."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from statistics import median

from tabwright.app.completion.answer_cache import AnswerCache, PositionedAnswer
from tabwright.app.completion.in_flight import InFlightRequest
from tabwright.app.completion.prefetch import Prefetch
from tabwright.app.completion.query import (
    CACHE,
    IN_FLIGHT,
    KEPT_OUT,
    MODEL,
    SUPERSEDED,
    CompletionQuery,
    CompletionResult,
    build_task,
    nothing,
)
from tabwright.app.documents.privacy import screened
from tabwright.app.runtime.waiting import Superseded, supersede, unless
from tabwright.assists.complete import Nothing
from tabwright.client.engine import EngineError
from tabwright.core.message import Message
from tabwright.core.prompting.window_cache import WindowCache
from tabwright.core.text import Snapshot, line_span

# After a cancel, the time in which somebody who types may send the next request: VS Code sends it
# 50 ms after the keystroke that cancelled the last one.
_LINGER_S = 0.08
_TYPING_S = 1.0
_MOST_TYPED = 4
_DIFFERS = Message("what was typed since differs from the answer")


class Session:
    """The requests of one document: at most one is awaited, and the newest wins."""

    def __init__(self, uri: str, cache: AnswerCache) -> None:
        """Start with what ``cache``, shared by all documents, has for this one."""
        self.uri = uri
        self._cache = cache
        self._debounce = Debounce()
        self._in_flight: InFlightRequest | None = None
        self._windows = WindowCache()
        self._prefetch = Prefetch(uri, cache, self._windows)
        self._newest: CompletionQuery | None = None  # the one that waits for its answer
        self._length = -1
        self._typed_at = float("-inf")

    def changed(self, snapshot: Snapshot) -> None:
        """Take in a new text: a request in flight that can no longer serve is cancelled at once."""
        now = asyncio.get_running_loop().time()
        if self._length >= 0 and 0 < len(snapshot.text) - self._length <= _MOST_TYPED:
            self._typed_at = now
        self._length = len(snapshot.text)
        self._prefetch.stop()
        self._debounce.keystroke(now)
        if self._in_flight is not None and not self._in_flight.may_serve(snapshot.text):
            self._in_flight.future.cancel()

    def reset(self) -> None:
        """Forget answers and cancel what is under way: the settings are others now."""
        self._cache.forget(self.uri)
        self._windows.clear()
        self._prefetch.stop()
        if self._newest is not None:
            supersede(self._newest.superseded)
        self._newest = None
        if self._in_flight is not None:
            self._in_flight.future.cancel()

    close = reset

    def moved(self, query: CompletionQuery) -> None:
        """Take in where the cursor is, when nothing is asked for there (yet)."""
        busy = self._in_flight is not None and not self._in_flight.future.done()
        if self._newest is None and not busy:
            self._prefetch.after_move(query)

    async def complete(self, query: CompletionQuery) -> CompletionResult:
        """Answer one request; an older one that still waits ends empty, superseded.

        Cancelling cancels the request to the engine, at once or, while somebody types, after the
        little time in which the next request may still want it.
        """
        loop = asyncio.get_running_loop()
        self._prefetch.stop()
        if self._newest is not None:
            supersede(self._newest.superseded)
        self._newest = query
        try:
            result = await self._answer(query)
        except Superseded:
            result = nothing(SUPERSEDED)
        except EngineError as error:
            result = nothing(error.message, problem=error.problem)
        except asyncio.CancelledError:
            self._cancel_in_flight(query)
            raise
        finally:
            if self._newest is query:
                self._newest = None
        return replace(result, ms=(loop.time() - query.asked_at) * 1000)

    async def _answer(self, query: CompletionQuery) -> CompletionResult:
        cursor, setup = query.cursor, query.setup
        snapshot = cursor.snapshot
        # 1. What must stay out of every prompt.
        refusal, others = await unless(
            query.superseded,
            setup.files(screened, setup.refused, cursor.path, snapshot.uri, cursor.others),
        )
        if refusal is not None:
            return nothing(KEPT_OUT, refusal)
        query = replace(query, cursor=replace(cursor, others=others))
        # 2. The request in flight: kept if it can serve here too, else cancelled.
        request = self._in_flight
        if request and not request.serves(snapshot.text, cursor.offset, invoked=query.invoked):
            request.future.cancel()
            request = None
        # 3. The cache. 4. What is in flight. 5. A request of its own.
        result = self._from_cache(query)
        if result is None and request is not None:
            result = await self._from_in_flight(request, query)
        if result is None:
            result = await self._from_model(query)
        if not query.invoked:  # only who asks by hand may choose
            result = replace(result, edits=result.edits[:1])
        self._prefetch.after_answer(query, result.edits)
        return result

    def _from_cache(self, query: CompletionQuery) -> CompletionResult | None:
        """What is left of an answer that was given before.

        That the model has nothing here is known too, but asked by hand it is asked again.
        """
        cursor, invoked = query.cursor, query.invoked
        edits = self._cache.get(self.uri, cursor.snapshot.text, cursor.offset, invoked=invoked)
        if edits is None or (invoked and not edits):
            return None
        if not edits:
            return nothing(Message("the model had nothing to add here before"), source=CACHE)
        return CompletionResult(edits, source=CACHE)

    async def _from_in_flight(
        self, request: InFlightRequest, query: CompletionQuery
    ) -> CompletionResult | None:
        """The result of what is in flight, None when it cannot serve after all."""
        request.retarget(query.cursor.snapshot.text, query.cursor.offset)
        result = await self._result_at_cursor(request, query, IN_FLIGHT)
        if result is None or not (result.edits or request.is_for(query.cursor)):
            return None
        return result

    async def _from_model(self, query: CompletionQuery) -> CompletionResult:
        """The result of a request of its own, once the typing pauses."""
        setup = query.setup
        model = await unless(query.superseded, setup.model_info())
        task = await unless(query.superseded, setup.work(build_task, query, model, self._windows))
        if isinstance(task, Nothing):
            return nothing(task.reason)
        delay_s = self._delay_s(query)
        if delay_s > 0:
            await unless(query.superseded, asyncio.sleep(delay_s))
        request = self._in_flight = InFlightRequest(task, setup, self._cache)
        self._windows.add(task.window, task.budget)
        result = await self._result_at_cursor(request, query, MODEL)
        return result or nothing(Message("the text changed while the model wrote"))

    async def _result_at_cursor(
        self, request: InFlightRequest, query: CompletionQuery, source: str
    ) -> CompletionResult | None:
        """The result at the query's cursor; None when the request was cancelled under way."""
        try:
            result = await unless(query.superseded, request.future)
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if request.future.cancelled() and not (own and own.cancelling()):
                return None
            raise
        self._debounce.answered(result.ms / 1000)
        if not result.edits:
            return replace(result, source=source)
        task, cursor = request.task, query.cursor
        answer = PositionedAnswer.of(self.uri, task.snapshot.text, task.offset, result.edits)
        edits = answer.remaining(cursor.snapshot.text, cursor.offset)
        if not edits:
            return replace(nothing(_DIFFERS, source=source), usage=result.usage)
        return replace(result, edits=edits, source=source)

    def _delay_s(self, query: CompletionQuery) -> float:
        """Seconds to wait from now on before the model is asked."""
        if query.invoked:
            return 0.0
        now = asyncio.get_running_loop().time()
        snapshot, offset = query.cursor.snapshot, query.cursor.offset
        if query.setup.debounce_s is not None:
            return query.asked_at + query.setup.debounce_s - now
        at_end = line_span(snapshot.text, offset).end == offset
        return self._debounce.delay_s(now, at_line_end=at_end)

    def _cancel_in_flight(self, query: CompletionQuery) -> None:
        """Cancel what this query, the newest, waits for; later while somebody types."""
        request = self._in_flight
        if request is None or self._newest is not query:
            return
        now = asyncio.get_running_loop().time()
        if now - self._typed_at < _TYPING_S:
            request.cancel_after(_LINGER_S)
        else:
            request.future.cancel()


# Of the debounce.
_WARM_WAIT_S = 0.025
_WARM_LATENCY_S = 0.3  # the longest median latency of a warm engine
_SHORTEST_S, _LONGEST_S = 0.1, 0.4  # an adaptive wait
_LINE_END_SHARE = 0.5  # of an adaptive wait, where the cursor is at a line's end
_PAUSE_S = 1.5  # a longer gap says nothing about the speed of typing
_GAPS, _ANSWERS = 10, 5  # how many of the last ones count


class Debounce:
    """Adaptive debounce, after tabby-agent's and Cody's; all times in seconds.

    On a cold or slow engine a request waits for the mean of the last gaps between keystrokes,
    within 100 and 400 ms, and half of that at the end of a line, where an answer is likeliest to be
    wanted. On a warm one, half of whose last answers took 300 ms or less, a fixed 25 ms serves
    better: the answer costs less than the wait would save. The clock is the caller's, and
    monotonic.
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._latencies: deque[float] = deque(maxlen=_ANSWERS)

    def keystroke(self, now: float) -> None:
        """Note a keystroke; a pause longer than 1.5 s is not a gap between keystrokes."""
        if self._last is not None and 0.0 <= now - self._last <= _PAUSE_S:
            self._gaps.append(now - self._last)
        self._last = now

    def answered(self, latency: float) -> None:
        """Note how long an answer took that the model was asked for."""
        self._latencies.append(latency)

    def delay_s(self, now: float, *, at_line_end: bool) -> float:
        """Seconds to wait from ``now`` on; what has passed since the last keystroke counts."""
        wait = _WARM_WAIT_S
        warm = self._latencies and median(self._latencies) <= _WARM_LATENCY_S
        if not warm:
            mean = sum(self._gaps) / len(self._gaps) if self._gaps else _SHORTEST_S
            share = _LINE_END_SHARE if at_line_end else 1.0
            wait = min(max(mean, _SHORTEST_S), _LONGEST_S) * share
        passed = max(0.0, now - self._last) if self._last is not None else 0.0
        return max(0.0, wait - passed)
