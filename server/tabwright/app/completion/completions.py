"""The completions of all documents: their sessions, and what each request is answered with."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import unquote

from tabwright.app.completion.answer_cache import AnswerCache
from tabwright.app.completion.prefetch import Battery
from tabwright.app.completion.query import (
    KEPT_OUT,
    SUPERSEDED,
    CompletionQuery,
    CompletionResult,
    CompletionSetup,
    nothing,
    options_of,
)
from tabwright.app.completion.session import Session
from tabwright.app.documents.buffers import Cursor
from tabwright.app.documents.workspace import Workspace
from tabwright.app.runtime import log
from tabwright.app.runtime.engine_manager import EngineManager
from tabwright.app.runtime.engines import Runtime
from tabwright.app.runtime.notices import Notices
from tabwright.app.runtime.waiting import Superseded, WorkerThreads
from tabwright.app.settings.configuration import Configuration
from tabwright.app.statistics.acceptance_tracker import AcceptanceStatistics
from tabwright.app.statistics.last_request import LastRequestReport
from tabwright.core.message import Message
from tabwright.core.postprocess.selected_item import combine_edits
from tabwright.core.text import Edit


class Completions:
    """Answers requests; one session for each document, and a cache that they share."""

    def __init__(
        self,
        configuration: Configuration,
        workspace: Workspace,
        engines: EngineManager,
        notices: Notices,
        report: LastRequestReport,
        usage: AcceptanceStatistics,
    ) -> None:
        """Start with no session; each result is noted in ``report`` and ``usage``."""
        self._configuration = configuration
        self._workspace = workspace
        self._engines = engines
        self._notices = notices
        self._report = report
        self._usage = usage
        self._cache = AnswerCache()
        self._sessions: dict[str, Session] = {}
        self._work = WorkerThreads("tabwright-work")
        self._battery = Battery()

    def not_open(self, uri: str, position: tuple[int, int]) -> None:
        """Note, for ``why``, a request about a document that the editor has not opened."""
        reason = nothing(
            Message("the document is not open"),
            Message("the request came before the document was opened"),
        )
        self._report.note(reason, uri, position)

    async def complete(
        self,
        cursor: Cursor,
        *,
        invoked: bool,
        patience_s: float | None = 0,
        selected: Edit | None = None,
    ) -> CompletionResult:
        """Answer one request; never raises but CancelledError. Noted for ``why``.

        A model that is loading is waited for ``patience_s`` at most, and without an end for None.
        With an edit ``selected`` in the editor's list the suggestions are what comes after it, and
        bring it about too.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        uri = cursor.snapshot.uri
        try:
            if selected is None:
                result = await self._answer(cursor, invoked, patience_s)
            else:
                result = await self._answer(cursor.after_edit(selected), invoked, patience_s)
                edits = tuple(
                    combine_edits(cursor.snapshot, selected, edit) for edit in result.edits
                )
                result = replace(result, edits=edits)
            own = asyncio.current_task()
            if own is not None and own.cancelling():
                # Something below lost the cancellation to a race; the editor waits for its error.
                raise asyncio.CancelledError
        except Exception as error:  # noqa: BLE001 - any failure is an empty answer with a reason
            log.failure("a completion failed", error)
            reason = Message("an error in the server: {0}", type(error).__name__)
            result = nothing(reason, problem="internal")
        except asyncio.CancelledError:
            waited_ms = (loop.time() - started) * 1000
            result = replace(nothing(Message("the editor cancelled the request")), ms=waited_ms)
            self._report.note(result, uri, cursor.position)
            raise
        self._report.note(result, uri, cursor.position)
        self._usage.shown(cursor.snapshot, result)
        if result.reason == KEPT_OUT:
            self._notices.file_excluded(result.detail)
        if result.problem:
            self._engines.report_problem(result.problem, result.reason)
        return result

    async def _answer(
        self, cursor: Cursor, invoked: bool, patience_s: float | None
    ) -> CompletionResult:
        if not await self._configuration.until_ready():
            return nothing(
                Message("the editor has not sent its settings"),
                Message("no initialized notification"),
            )
        language = cursor.snapshot.language_id
        if not self._configuration.settings.is_on(language):
            return nothing(
                Message("completion is switched off"), Message("by the settings, for {0}", language)
            )
        runtime = self._engines.start()
        if not runtime.ready:
            try:
                await runtime.until_warm(patience_s)
            except Superseded:
                return nothing(SUPERSEDED)
        if not runtime.ready:
            failure = runtime.failure
            if failure is not None:
                return nothing(failure.message, problem=failure.kind)
            detail = Message("{0}: {1}", runtime.model, runtime.state)
            return nothing(Message("the model is still loading"), detail)
        query = self._query(cursor, invoked, runtime)
        return await self._session(cursor.snapshot.uri).complete(query)

    def moved(self, cursor: Cursor) -> None:
        """The cursor is here, as far as can be told from what else the editor asks."""
        runtime = self._engines.runtime
        if runtime is not None and runtime.ready:
            query = self._query(cursor, False, runtime)
            self._session(cursor.snapshot.uri).moved(query)

    def _session(self, uri: str) -> Session:
        key = unquote(uri)
        if key not in self._sessions:
            self._sessions[key] = Session(uri, self._cache)
        return self._sessions[key]

    def _query(self, cursor: Cursor, invoked: bool, runtime: Runtime) -> CompletionQuery:
        """The request with the settings of now."""
        settings = self._configuration.settings
        if not settings.context.open_files:
            cursor = replace(cursor, others=())
        wait, ahead = settings.completion.debounce_ms, settings.completion.ahead
        setup = CompletionSetup(
            engine=runtime.engine,
            model=runtime.model,
            options=options_of(settings),
            model_info=runtime.model_info,
            refused=self._workspace.privacy.allowed,
            files=self._workspace.files,
            work=self._work,
            debounce_s=wait / 1000 if isinstance(wait, int) else None,
            # An engine elsewhere is quick at reading, and others may be waiting for it.
            gradual=not runtime.remote,
            ahead=lambda: (
                ahead == "always"
                or (ahead == "auto" and not runtime.remote and not self._battery.drains())
            ),
        )
        loop = asyncio.get_running_loop()
        return CompletionQuery(cursor, invoked, setup, loop.create_future(), loop.time())

    # What changes -------------------------------------------------------------------------------

    def changed(self, uri: str) -> None:
        """A document has a new text."""
        session, snapshot = self._sessions.get(unquote(uri)), self._workspace.buffers.get(uri)
        if session is not None and snapshot is not None:
            session.changed(snapshot)

    def closed(self, uri: str) -> None:
        """A document is closed: what is under way for it is cancelled."""
        session = self._sessions.pop(unquote(uri), None)
        if session is not None:
            session.close()

    def reset(self) -> None:
        """Forget all answers and cancel what is under way: the settings are others now."""
        self._cache.forget()
        for session in self._sessions.values():
            session.reset()

    def close(self) -> None:
        """Cancel what is under way."""
        for session in self._sessions.values():
            session.close()

    def end(self) -> None:
        """End the thread, once nobody asks any more."""
        self._work.close()
