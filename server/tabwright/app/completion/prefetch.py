"""What a document's next request will want, computed while nobody waits.

As if the suggestion that is shown had been accepted, which GitHub Copilot and llama.vscode do too,
the whole window of a place that was begun with a small one, and a snippet of a file that was opened
since. Any keystroke and any request cancels it; what the engine has computed by then stays of use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tabwright.app.completion.answer_cache import AnswerCache
from tabwright.app.completion.background_work import BackgroundTask
from tabwright.app.completion.in_flight import InFlightRequest
from tabwright.app.completion.query import CompletionQuery, build_task
from tabwright.app.documents.privacy import screened
from tabwright.assists.complete import Nothing
from tabwright.client.engine import Request
from tabwright.core.prompting.window_cache import WindowCache
from tabwright.core.text import Edit

_LANE = "background"
# The pause after which who reads a suggestion or moves about is taken to rest.
_READING_S = 0.15
_RESTING_S = 0.5


class Prefetch:
    """At most one computation ahead for a document."""

    def __init__(self, uri: str, cache: AnswerCache, windows: WindowCache) -> None:
        """Fill ``cache`` and ``windows``, which are the session's."""
        self._uri = uri
        self._cache = cache
        self._windows = windows
        self._task = BackgroundTask()

    def stop(self) -> None:
        """Cancel what is under way."""
        self._task.stop()

    def after_answer(self, query: CompletionQuery, edits: Sequence[Edit]) -> None:
        """Begin behind a request that was answered so, its other files screened."""
        if query.setup.ahead():
            query = replace(query, invoked=False)
            self._task.begin(partial(self._behind, query, edits), _READING_S)

    def after_move(self, query: CompletionQuery) -> None:
        """Begin where the cursor came to rest and nothing was asked yet."""
        if self._windows.find(query.cursor.text) is None and query.setup.ahead():
            self._task.begin(partial(self._at_rest, query), _RESTING_S)

    async def _behind(self, query: CompletionQuery, edits: Sequence[Edit]) -> None:
        if edits:
            await self._complete(replace(query, cursor=query.cursor.after_edit(edits[0])))
        cached = self._windows.find(query.cursor.text)
        if cached is None or cached.budget != query.setup.options.budget:
            await self._prefill(query, whole=True)
        elif query.cursor.others and not cached.window.snippets:
            await self._prefill(query, whole=True, had_none=True)

    async def _at_rest(self, query: CompletionQuery) -> None:
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
        """Have the engine read the prompt of an answer here.

        Where it has that, and only ``had_none`` of the snippets, nothing unless there is one.
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
