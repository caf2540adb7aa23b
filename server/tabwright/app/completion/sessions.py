"""The sessions of all documents, what they share, and what they are answered with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tabwright.app.completion.answer_cache import Answers
from tabwright.app.completion.background_work import Battery
from tabwright.app.completion.query import Setup
from tabwright.app.completion.session import Session
from tabwright.app.runtime.engines import Runtime, options_of
from tabwright.app.runtime.waiting import Work
from tabwright.app.settings.settings import Settings
from tabwright.core.text import Snapshot


class Sessions:
    """One session for each document that was asked about; kept answers are shared."""

    def __init__(self) -> None:
        """Start with none."""
        self._answers = Answers()
        self._all: dict[str, Session] = {}
        self._pool = ThreadPoolExecutor(1, "tabwright-work")
        self._battery = Battery()

    def of(self, uri: str) -> Session:
        """The session of a document, begun if there is none."""
        if uri not in self._all:
            self._all[uri] = Session(uri, self._answers)
        return self._all[uri]

    def setup(
        self,
        runtime: Runtime,
        settings: Settings,
        refused: Callable[[str], str | None],
        files: Work,
    ) -> Setup:
        """What a request is answered with now; needs a running loop."""
        wait, ahead = settings.completion.debounce_ms, settings.completion.ahead
        return Setup(
            engine=runtime.engine,
            model=runtime.model,
            options=options_of(settings),
            model_info=runtime.model_info,
            refused=refused,
            files=files,
            work=Work(partial(asyncio.get_running_loop().run_in_executor, self._pool)),
            debounce_s=wait / 1000 if isinstance(wait, int) else None,
            # An engine elsewhere is quick at reading, and others may be waiting for it.
            gradual=not runtime.remote,
            ahead=lambda: (
                ahead == "always"
                or (ahead == "auto" and not runtime.remote and not self._battery.drains())
            ),
        )

    def changed(self, uri: str, snapshot: Snapshot) -> None:
        """A document has a new text."""
        if uri in self._all:
            self._all[uri].changed(snapshot)

    def closed(self, uri: str) -> None:
        """A document is gone: what is under way for it is given up."""
        session = self._all.pop(uri, None)
        if session is not None:
            session.close()

    def reset(self) -> None:
        """Forget all answers and give up what is under way: the settings are others now."""
        self._answers.forget()
        for session in self._all.values():
            session.reset()

    def close(self) -> None:
        """Give up what is under way."""
        for session in self._all.values():
            session.close()

    def end(self) -> None:
        """End the thread, once nobody asks any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
