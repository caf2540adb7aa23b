"""What a document's next request will want, computed while nobody waits.

Three things: the completion behind the suggestion that is shown, as if it were accepted (GitHub
Copilot and llama.vscode do so too); the prefill of the full window where the first request had a
small one; and the prefill with a snippet of a file that was opened since. A keystroke or a request
cancels it; the engine keeps what it has computed by then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

import psutil

from tabwright.app.completion.answer_cache import AnswerCache
from tabwright.app.completion.in_flight import InFlightRequest
from tabwright.app.completion.query import CompletionQuery, build_task
from tabwright.app.documents.buffers import Cursor
from tabwright.app.documents.privacy import screened
from tabwright.assists.complete import Nothing
from tabwright.client.engine import EngineError, Request
from tabwright.core.prompting.window_cache import CachedWindow, WindowCache
from tabwright.core.text import Edit

_LANE = "background"
# Seconds without a keystroke before it begins, after an answer and after a cursor move.
_READING_S = 0.15
_RESTING_S = 0.5
_BATTERY_S = 30.0  # between two looks at the battery

logger = logging.getLogger(__name__)


class Prefetch:
    """At most one computation ahead for a document."""

    def __init__(self, uri: str, cache: AnswerCache, windows: WindowCache) -> None:
        """Fill ``cache`` and ``windows``, which are the session's."""
        self._uri = uri
        self._cache = cache
        self._windows = windows
        self._task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Cancel what is under way; what the engine has computed by then it keeps."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def after_answer(self, query: CompletionQuery, edits: Sequence[Edit]) -> None:
        """Begin after the request of ``query`` got these edits; its other files are screened."""
        if query.setup.ahead():
            query = replace(query, invoked=False)
            self._begin(partial(self._run_after_answer, query, edits), _READING_S)

    def after_move(self, query: CompletionQuery) -> None:
        """Begin where the cursor stopped and no completion was requested yet."""
        if self._find(query.cursor) is None and query.setup.ahead():
            self._begin(partial(self._run_at_cursor, query), _RESTING_S)

    def _begin(self, work: Callable[[], Awaitable[None]], pause_s: float) -> None:
        """Do this once ``pause_s`` seconds have passed, instead of what was begun before."""
        self.stop()
        self._task = asyncio.create_task(self._run_after(pause_s, work))

    async def _run_after(self, pause_s: float, work: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(pause_s)
        try:
            await work()
        except EngineError as error:
            # Whoever asks next gets the same error with nothing in between.
            logger.debug("nothing was computed ahead: %s", error)

    def _find(self, cursor: Cursor) -> CachedWindow | None:
        text, offset = cursor.snapshot.text, cursor.offset
        return self._windows.find(text, offset, cursor.before, cursor.after)

    async def _run_after_answer(self, query: CompletionQuery, edits: Sequence[Edit]) -> None:
        if edits:
            await self._complete(replace(query, cursor=query.cursor.after_edit(edits[0])))
        cached = self._find(query.cursor)
        if cached is None or cached.budget != query.setup.options.budget:
            await self._prefill(query, whole=True)
        elif query.cursor.others and not cached.window.snippets:
            await self._prefill(query, whole=True, had_none=True)

    async def _run_at_cursor(self, query: CompletionQuery) -> None:
        cursor, setup = query.cursor, query.setup
        refusal, others = await setup.files(
            screened, setup.refused, cursor.path, cursor.snapshot.uri, cursor.others
        )
        if refusal is None:
            cursor = replace(cursor, others=others)
            await self._prefill(replace(query, cursor=cursor), whole=False)

    async def _complete(self, query: CompletionQuery) -> None:
        """Have the answer at a cursor before it is asked for."""
        cursor, setup = query.cursor, query.setup
        if self._cache.get(self._uri, cursor.snapshot.text, cursor.offset) is not None:
            return
        task = await setup.work(build_task, query, await setup.model_info(), self._windows)
        if isinstance(task, Nothing):
            return
        request = InFlightRequest(task, setup, self._cache, lane=_LANE)
        self._windows.add(task.window, task.budget)
        await request.future

    async def _prefill(
        self, query: CompletionQuery, *, whole: bool, had_none: bool = False
    ) -> None:
        """Prefill the prompt of a completion at the cursor.

        ``had_none``: the prompt is prefilled already, without snippets, so only one that has a
        snippet is prefilled.
        """
        setup = query.setup
        task = await setup.work(
            partial(build_task, whole=whole), query, await setup.model_info(), self._windows
        )
        if isinstance(task, Nothing) or (had_none and not task.window.snippets):
            return
        await setup.engine.generate(
            Request(
                model=setup.model,
                prompt=task.prompt,
                max_tokens=0,
                heal=task.heal,
                lane=_LANE,
                session=self._uri,
            )
        )
        self._windows.add(task.window, task.budget)


class Battery:
    """Whether the machine runs on its battery; looked up twice a minute at most."""

    def __init__(self) -> None:
        """Look when first asked."""
        self._looked = float("-inf")
        self._drains = False

    def drains(self) -> bool:
        """True on battery, False on mains and where nothing is known."""
        if time.monotonic() - self._looked >= _BATTERY_S:
            self._looked = time.monotonic()
            # Not on every system is there a way to ask.
            ask = getattr(psutil, "sensors_battery", lambda: None)
            found = ask()
            self._drains = found is not None and found.power_plugged is False
        return self._drains
