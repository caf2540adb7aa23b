"""Executes actions for the editor: their context, progress and end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tabwright.app.actions.candidate_checks import (
    CandidateChecker,
    LazyCandidateChecker,
    first_program,
)
from tabwright.app.actions.model_choice import ActionsModel
from tabwright.app.actions.search import ReportProgress, SearchSetup, search
from tabwright.app.documents.imported_files import imported
from tabwright.app.documents.privacy import screened
from tabwright.app.runtime import log
from tabwright.app.runtime.client import Bar
from tabwright.app.runtime.host import Host
from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.assists.registry import Assist
from tabwright.assists.request import ActionRequest
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault
from tabwright.client.engine import EngineError, ModelNotFound
from tabwright.core.message import Message, without_full_stop
from tabwright.core.task import Nothing

logger = logging.getLogger(__name__)

CANCELLED = Message("cancelled")
STALE = Message("the document has changed since; ask again")
CLOSED = Message("the document is not open")
_ELSEWHERE = frozenset({"explain", "tests", "translate"})  # what leaves the document as it is


def title_with_fault(title: str, faults: Sequence[Fault]) -> str:
    """The title, with the worst of the faults."""
    if not faults:
        return title
    worst = max(faults, key=lambda fault: fault.weight)
    if worst.kind == "checker":
        return Message("{0} (not checked: {1})", title, fault_message(worst))
    if worst.kind == "risk":
        return Message("{0} (risky: {1})", title, fault_message(worst))
    return Message("{0} (may be wrong: {1})", title, fault_message(worst))


def fault_message(fault: Fault) -> Message:
    """The message of a fault, with its line where that is known."""
    message = without_full_stop(fault.message)
    return Message("{0} (line {1})", message, fault.line) if fault.line else message


def with_advice(fault: Fault) -> Message:
    """The message of a fault, with its line and what the user can do about it."""
    return (
        Message("{0} ({1})", fault_message(fault), fault.advice)
        if fault.advice
        else fault_message(fault)
    )


class ActionExecutor:
    """Executes actions, one at a time or several; failures are shown, not raised.

    A Watcher of the host's documents: an action ends at once when its document changes.
    """

    def __init__(
        self, host: Host, assists: Sequence[Assist], checks: CandidateChecker | None = None
    ) -> None:
        """Work for ``host``; ``checks`` are the package's own unless a test gives others."""
        self._host = host
        self._assists: dict[str, Assist] = {assist.kind: assist for assist in assists}
        # Threads of its own, so that completions need not wait.
        self.work = WorkerThreads("tabwright-actions", 2)
        self._checks = checks
        self._running: dict[asyncio.Future[Message], ActionRequest] = {}
        self._model = ActionsModel(
            host.client, host.engines.puller, host.workspace.files, host.tasks.spawn
        )
        host.workspace.watchers.add(self)

    def title_of(self, kind: str) -> str:
        """Return the title of a kind of action; "" for one that is not ours."""
        assist = self._assists.get(kind)
        return assist.title if assist is not None else ""

    def stale(self, request: ActionRequest) -> Message | None:
        """Return why an edit would no longer fit the request's document; None when it would."""
        buffers, document = self._host.workspace.buffers, request.document
        if request.kind in _ELSEWHERE or buffers.is_current(document):
            return None
        return STALE if buffers.is_open(document.uri) else CLOSED

    # Watcher ------------------------------------------------------------------------------------

    def changed(self, uri: str) -> None:
        """End the actions whose document has changed since they were requested."""
        for future, request in self._running.items():
            reason = self.stale(request)
            if reason and not future.done():
                future.set_result(reason)

    closed = changed

    def configured(self) -> None:
        """See Watcher; settings are read when an action begins."""

    def close(self) -> None:
        """Start no further work."""
        self.work.close()

    # One action ---------------------------------------------------------------------------------

    async def execute(self, request: ActionRequest, title: str) -> EditCandidate | Nothing:
        """Execute a request with a progress bar; raises nothing but CancelledError.

        Without a candidate the reason has been shown to the user when this returns.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        assist = self._assists.get(request.kind)
        if assist is None:
            return self._show_failure(title, Nothing(Message("this action is not known here")))
        misplaced: asyncio.Future[Message] = loop.create_future()
        self._running[misplaced] = request
        last = CANCELLED
        try:
            bar = await self._host.client.bar(Message("Tabwright: {0}", title), cancellable=True)
            try:
                found = await self._watched(assist, request, title, bar, misplaced)
                last = found.reason if isinstance(found, Nothing) else Message("done")
            finally:
                bar.end(last)
        finally:
            del self._running[misplaced]
        faults: tuple[Fault, ...] = ()
        if isinstance(found, EditCandidate):
            faults = found.faults
            self._host.usage.acted(request.document.language_id)
        self._host.report.note_action(
            {
                "kind": request.kind,
                "title": title_with_fault(title, faults),
                "reason": found.reason if isinstance(found, Nothing) else Message("offered"),
                "faults": [with_advice(fault) for fault in faults],
                "ms": round((loop.time() - started) * 1000),
            }
        )
        return found

    def _show_failure(self, title: str, nothing: Nothing) -> Nothing:
        """Show why there is no candidate."""
        message = Message("Tabwright: {0}: {1}.", title, without_full_stop(nothing.reason))
        self._host.client.show("warning", message)
        return nothing

    async def _watched(
        self,
        assist: Assist,
        request: ActionRequest,
        title: str,
        bar: Bar,
        misplaced: asyncio.Future[Message],
    ) -> EditCandidate | Nothing:
        """Run the work; cancel it when the user cancels it or the document changes."""
        working = asyncio.ensure_future(self._answer(assist, request, bar.report))
        working.add_done_callback(lambda done: done.cancelled() or done.exception())
        cancelled = asyncio.ensure_future(bar.cancelled())
        ends: set[asyncio.Future[Any]] = {working, cancelled, misplaced}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if cancelled.done():
                return Nothing(CANCELLED)
            if misplaced.done():
                return self._show_failure(title, Nothing(misplaced.result()))
            found = working.result()
        except Exception as error:  # noqa: BLE001 - any failure is a message
            if not isinstance(error, EngineError):
                log.failure("an action failed", error)
            return self._show_failure(title, Nothing(_message_of(error)))
        finally:
            working.cancel()
            cancelled.cancel()
        return self._show_failure(title, found) if isinstance(found, Nothing) else found

    async def _answer(
        self, assist: Assist, request: ActionRequest, report: ReportProgress
    ) -> EditCandidate | Nothing:
        host, workspace, document = self._host, self._host.workspace, request.document
        if not await host.configuration.until_ready():
            return Nothing(Message("the editor has not sent its settings"))
        settings = host.configuration.settings
        if not settings.is_on(document.language_id):
            return Nothing(Message("the settings switch it off for {0}", document.language_id))
        others = request.others if settings.context.open_files else ()
        refusal, others = await workspace.files(
            screened, workspace.privacy.allowed, request.path, document.uri, others
        )
        if refusal is not None:
            return Nothing(Message("this file is kept from the model: {0}", refusal))
        root = workspace.root_of(request.path)
        if assist.kind == "fix":
            found = await workspace.files(
                imported, document, request.path, root, workspace.privacy.allowed
            )
            known = {other.path for other in others}
            others += tuple(other for other in found if other.path not in known)
        runtime = host.engines.start()
        if not runtime.ready:
            report(Message("starting the model"), None)
            try:
                async with asyncio.timeout(settings.actions.timeout_seconds):
                    await asyncio.shield(runtime.warm())
            except TimeoutError:
                seconds = f"{settings.actions.timeout_seconds:g}"
                return Nothing(Message("the model was not loaded within {0} s", seconds))
        model = settings.actions.model or runtime.model
        if not runtime.remote:
            missing = runtime.failure is not None
            model = await self._model.choose(
                settings.actions.model, runtime.model, offer=not missing
            )
        try:
            info = await runtime.engine.model_info(model)
            setup = SearchSetup(
                engine=runtime.engine,
                model=model,
                work=self.work,
                checks=self._checks or LazyCandidateChecker(self.work),
                options=CheckOptions(
                    run_examples=settings.checks.run_examples,
                    tools=settings.checks.tools,
                    trusted=await self._trusts(request, root),
                    timeout_s=settings.checks.timeout_seconds,
                ),
                candidates=settings.actions.candidates,
                seconds=settings.actions.timeout_seconds,
            )
            request = replace(request, model=info, others=others, root=root)
            return await search(assist, request, setup, report)
        except ModelNotFound as error:
            if model == runtime.model:
                host.engines.report_problem(error.problem, error.message)
            raise

    async def _trusts(self, request: ActionRequest, root: str) -> bool:
        """Tell whether the project's tools may run; else ask the user, for the next action."""
        host = self._host
        trusted = await host.folders.trusts(root, request.path, host.workspace.files)
        if not trusted and request.diagnostics and host.configuration.settings.checks.tools:
            program = await self.work(first_program, request.diagnostics, root, request.path)
            if program:
                host.folders.ask(root, request.path, program)
        return trusted


def _message_of(error: Exception) -> Message:
    if isinstance(error, EngineError):
        return error.message
    return Message("an error in the server ({0}); its log says more", type(error).__name__)
