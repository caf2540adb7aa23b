"""What a document's next request will want, computed while nobody waits.

As if the suggestion that is shown had been accepted, which GitHub Copilot and llama.vscode do too,
the whole window of a place that was begun with a small one, and a snippet of a file that was opened
since. Any key and any request ends it; what the engine has computed by then stays of use.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tabwright.app.completion.answer_cache import Answers
from tabwright.app.completion.background_work import Ahead
from tabwright.app.completion.in_flight import Flight
from tabwright.app.completion.query import Setup, judge, keep, question
from tabwright.app.documents.buffers import Cursor
from tabwright.app.documents.privacy import screened
from tabwright.assists.complete import Nothing
from tabwright.client.engine import Request
from tabwright.core.prompting.context import Document
from tabwright.core.prompting.window_cache import Places
from tabwright.core.text import Edit

_LANE = "background"
# Who reads a suggestion or moves about is left alone for so long.
_READING_S = 0.15
_RESTING_S = 0.5


class Lookahead:
    """Does at most one thing at a time for a document."""

    def __init__(self, uri: str, answers: Answers, places: Places) -> None:
        """Fill ``answers`` and ``places``, which are the session's."""
        self._uri = uri
        self._answers = answers
        self._places = places
        self._ahead = Ahead()

    def stop(self) -> None:
        """Give up what is under way."""
        self._ahead.stop()

    def answered(
        self, cursor: Cursor, edits: Sequence[Edit], others: Sequence[Document], setup: Setup
    ) -> None:
        """A request was answered so; ``others`` may be shown to the model."""
        if setup.ahead():
            self._ahead.begin(partial(self._go_on, cursor, edits, others, setup), _READING_S)

    def moved(self, cursor: Cursor, others: Sequence[Document], setup: Setup) -> None:
        """The cursor came to rest here, where nothing was asked yet."""
        if self._places.find(cursor.place) is None and setup.ahead():
            self._ahead.begin(partial(self._arrive, cursor, others, setup), _RESTING_S)

    async def _go_on(
        self, cursor: Cursor, edits: Sequence[Edit], others: Sequence[Document], setup: Setup
    ) -> None:
        if edits:
            await self._answer(cursor.after_edit(edits[0]), others, setup)
        place = self._places.find(cursor.place)
        if place is None or place.budget != setup.options.budget:
            await self._compute(cursor, others, setup, whole=True)
        elif others and not place.window.snippets:
            await self._compute(cursor, others, setup, whole=True, had_none=True)

    async def _arrive(self, cursor: Cursor, others: Sequence[Document], setup: Setup) -> None:
        refusal, others = await setup.files(
            screened, setup.refused, cursor.path, cursor.snapshot.uri, others
        )
        if refusal is None:
            await self._compute(cursor, others, setup, whole=False)

    async def _answer(self, cursor: Cursor, others: Sequence[Document], setup: Setup) -> None:
        """Have the answer at a cursor before it is asked for."""
        if self._answers.get(self._uri, cursor.snapshot.text, cursor.offset) is not None:
            return
        model = await setup.model_info()
        asked = await setup.work(question, cursor, model, False, others, setup, self._places)
        if isinstance(asked, Nothing):
            return
        judged = partial(judge, setup.work)
        flight = Flight(asked.task, setup.engine, setup.model, self._uri, judged, _LANE)
        flight.landing.add_done_callback(partial(keep, self._answers, self._uri, asked.task))
        self._places.add(asked.place)
        await flight.landing

    async def _compute(
        self,
        cursor: Cursor,
        others: Sequence[Document],
        setup: Setup,
        *,
        whole: bool,
        had_none: bool = False,
    ) -> None:
        """Have the engine read what an answer here would be made of.

        Where it has that, and only ``had_none`` of the snippets, nothing unless there is one.
        """
        model = await setup.model_info()
        asked = await setup.work(
            partial(question, whole=whole), cursor, model, False, others, setup, self._places
        )
        if isinstance(asked, Nothing) or (had_none and not asked.task.window.snippets):
            return
        task = asked.task
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
        self._places.add(asked.place)
