"""One document's completions: the cache first, then what is in flight, then the model."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tabwright.app.completion.answer_cache import AnswerCache
from tabwright.app.completion.debounce import Debounce
from tabwright.app.completion.in_flight import InFlightRequest
from tabwright.app.completion.prefetch import Prefetch
from tabwright.app.completion.query import CompletionQuery, build_task
from tabwright.app.completion.result import (
    CACHE,
    IN_FLIGHT,
    KEPT_OUT,
    MODEL,
    SUPERSEDED,
    CompletionResult,
    nothing,
)
from tabwright.app.documents.privacy import screened
from tabwright.app.runtime.waiting import Superseded, supersede, unless
from tabwright.assists.complete import Nothing
from tabwright.client.engine import EngineError, EngineUnavailable, ModelMissing, NotAllowed
from tabwright.core.message import Message
from tabwright.core.prompting.window_cache import WindowCache
from tabwright.core.text import Edit, Snapshot, line_span

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
        """Take in a new text: cancels at once what can no longer be right."""
        now = asyncio.get_running_loop().time()
        if self._length >= 0 and 0 < len(snapshot.text) - self._length <= _MOST_TYPED:
            self._typed_at = now
        self._length = len(snapshot.text)
        self._prefetch.stop()
        self._debounce.keystroke(now)
        if self._in_flight is not None and not self._in_flight.may_serve(snapshot.text):
            self._in_flight.cancel()

    def reset(self) -> None:
        """Forget answers and cancel what is under way: the settings are others now."""
        self._cache.forget(self.uri)
        self._windows.forget()
        self._prefetch.stop()
        self._supersede()
        if self._in_flight is not None:
            self._in_flight.cancel()

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
        self._supersede()
        self._newest = query
        try:
            result = await self._answer(query)
        except Superseded:
            result = nothing(SUPERSEDED)
        except ModelMissing as error:
            result = nothing(error.message, problem="model_missing")
        except EngineUnavailable as error:
            result = nothing(error.message, problem="unavailable")
        except NotAllowed as error:
            result = nothing(error.message, problem="not_allowed")
        except EngineError as error:
            result = nothing(error.message, problem="engine")
        except asyncio.CancelledError:
            self._cancelled(query)
            raise
        finally:
            if self._newest is query:
                self._newest = None
        return replace(result, ms=(loop.time() - query.asked_at) * 1000)

    async def _answer(self, query: CompletionQuery) -> CompletionResult:
        cursor, setup = query.cursor, query.setup
        # 1. What must stay out of every prompt.
        refusal, others = await unless(
            query.superseded,
            setup.files(screened, setup.refused, cursor.path, cursor.snapshot.uri, cursor.others),
        )
        if refusal is not None:
            return nothing(KEPT_OUT, refusal)
        query = replace(query, cursor=replace(cursor, others=others))
        # 2. The cache. 3. What is in flight and still right. 4. A request of its own.
        result = self._cached(query) or await self._joined(query) or await self._asked(query)
        self._prefetch.after_answer(query, result.edits)
        return result

    def _cached(self, query: CompletionQuery) -> CompletionResult | None:
        """What is left of an answer that was given before.

        That the model has nothing here is known too, but asked by hand it is asked again.
        """
        cursor, invoked = query.cursor, query.invoked
        edits = self._cache.get(self.uri, cursor.snapshot.text, cursor.offset, invoked=invoked)
        if edits is None or (invoked and not edits):
            return None
        self._cancel_unless_right(query)
        if not edits:
            return nothing(Message("the model had nothing to add here before"), source=CACHE)
        return CompletionResult(_wanted(edits, query), source=CACHE)

    async def _joined(self, query: CompletionQuery) -> CompletionResult | None:
        """The result of what is in flight, None when it cannot serve."""
        request = self._cancel_unless_right(query)
        if request is None:
            return None
        request.retarget(query.cursor.snapshot.text, query.cursor.offset)
        result = await self._result(request, query, IN_FLIGHT)
        if result is None or not (result.edits or request.is_for(query.cursor)):
            return None
        return result

    async def _asked(self, query: CompletionQuery) -> CompletionResult:
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
        result = await self._result(request, query, MODEL)
        return result or nothing(Message("the text changed while the model wrote"))

    def _cancel_unless_right(self, query: CompletionQuery) -> InFlightRequest | None:
        """The request in flight that can still serve; one that cannot is cancelled."""
        request, cursor = self._in_flight, query.cursor
        if request is None or request.future.done():
            return None
        if request.serves(cursor.snapshot.text, cursor.offset, invoked=query.invoked):
            return request
        request.cancel()
        return None

    async def _result(
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
        edits = request.remaining(result.edits, query.cursor)
        if not edits:
            return replace(nothing(_DIFFERS, source=source), usage=result.usage)
        return replace(result, edits=_wanted(edits, query), source=source)

    def _delay_s(self, query: CompletionQuery) -> float:
        """Seconds to wait from now on before the model is asked."""
        if query.invoked:
            return 0.0
        now, snapshot, offset = _now(), query.cursor.snapshot, query.cursor.offset
        if query.setup.debounce_s is not None:
            return query.asked_at + query.setup.debounce_s - now
        at_end = line_span(snapshot.text, offset).end == offset
        return self._debounce.delay_s(now, at_line_end=at_end)

    def _supersede(self) -> None:
        if self._newest is not None:
            supersede(self._newest.superseded)
        self._newest = None

    def _cancelled(self, query: CompletionQuery) -> None:
        request = self._in_flight
        if request is None or self._newest is not query:
            return
        if _now() - self._typed_at < _TYPING_S:
            request.cancel_after(_LINGER_S)
        else:
            request.cancel()


def _wanted(edits: tuple[Edit, ...], query: CompletionQuery) -> tuple[Edit, ...]:
    """The best edit, or all where the user asked by hand and may choose."""
    return edits if query.invoked else edits[:1]


def _now() -> float:
    return asyncio.get_running_loop().time()
