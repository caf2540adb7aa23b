"""The doing of an action for the editor: what it may see, its progress, and what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from tabwright.app.actions.candidate_checks import Checks, OwnChecks, Place, first_program
from tabwright.app.actions.model_choice import ActionsModel
from tabwright.app.actions.request import CLOSED, STALE, Wish
from tabwright.app.actions.search import Candidate, Setup, Tell, run
from tabwright.app.documents.imported_files import imported
from tabwright.app.documents.privacy import screened
from tabwright.app.runtime import log
from tabwright.app.runtime.client import Bar
from tabwright.app.runtime.host import Host
from tabwright.app.runtime.waiting import Work
from tabwright.assists.inputs import Inputs, Turn
from tabwright.assists.registry import Assist
from tabwright.checks.faults import Fault, Options
from tabwright.client.engine import EngineError, ModelMissing
from tabwright.core.message import Message, without_stop
from tabwright.core.prompting.families import family_by_name
from tabwright.core.task import ModelInfo, Nothing
from tabwright.core.text import Snapshot, Span

logger = logging.getLogger(__name__)

CANCELLED = Message("cancelled")
_POLL_S = 0.05
_USUAL_CONTEXT = 32_768
_ELSEWHERE = frozenset({"explain", "tests", "translate"})  # what leaves the document as it is


@dataclass(frozen=True)
class Done:
    """What became of an action: a candidate, or the reason why there is none."""

    title: str
    candidate: Candidate | None
    reason: str = ""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What speaks against the candidate, worst first."""
        return self.candidate.faults if self.candidate is not None else ()

    @property
    def marked(self) -> str:
        """The title, with the worst that speaks against the candidate."""
        if not self.faults:
            return self.title
        worst = max(self.faults, key=lambda fault: fault.weight)
        if worst.kind == "checker":
            return Message("{0} (not checked: {1})", self.title, said(worst))
        if worst.kind == "risk":
            return Message("{0} (risky: {1})", self.title, said(worst))
        return Message("{0} (may be wrong: {1})", self.title, said(worst))


def guessed(name: str) -> ModelInfo:
    """A model as its name speaks of it, for listing what applies before an engine was asked."""
    return ModelInfo(name, family_by_name(name), _USUAL_CONTEXT)


def said(fault: Fault) -> str:
    """A fault in words, with its line where that is known."""
    message = without_stop(fault.message)
    return Message("{0} (line {1})", message, fault.line) if fault.line else message


def said_in_full(fault: Fault) -> str:
    """A fault in words, with what the user can do about it."""
    return Message("{0} ({1})", said(fault), fault.advice) if fault.advice else said(fault)


class Doing:
    """Does actions, one at a time or several; what is wrong is shown, nothing is raised."""

    def __init__(self, host: Host, assists: Sequence[Assist], checks: Checks | None = None) -> None:
        """Work for ``host``; ``checks`` are the package's own unless a test gives others."""
        self._host = host
        self._assists: dict[str, Assist] = {assist.kind: assist for assist in assists}
        self._pool = ThreadPoolExecutor(2, "tabwright-actions")
        self._checks = checks
        self._model = ActionsModel(host.client, host.puller, host.files, host.spawn)

    @property
    def work(self) -> Work:
        """Computes on threads of its own, so that completions need not wait."""
        return Work(partial(asyncio.get_running_loop().run_in_executor, self._pool))

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def title_of(self, kind: str) -> str:
        """What a kind of action is called; "" when it is none of ours."""
        assist = self._assists.get(kind)
        return assist.title if assist is not None else ""

    async def do(
        self,
        wish: Wish,
        title: str,
        *,
        snapshot: Snapshot | None = None,
        span: Span | None = None,
        history: tuple[Turn, ...] = (),
    ) -> Done:
        """Do what is wished, with a progress bar; raises nothing but CancelledError.

        ``snapshot`` and ``span`` replace the wish's own where an edit goes on from another that
        the editor has not applied. Why there is nothing to offer has been shown by then.
        """
        started = asyncio.get_running_loop().time()
        assist = self._assists.get(wish.kind)
        if assist is None:
            return self._failed(Done(title, None, Message("this action is not known here")))
        inputs = Inputs(
            snapshot=snapshot or wish.snapshot,
            span=span or wish.span,
            model=guessed(self._host.settings.model),
            diagnostics=wish.diagnostics,
            instruction=wish.instruction,
            target=wish.target,
            declaration=wish.declaration,
            others=self._host.others(wish.snapshot.uri),
            before=wish.before,
            after=wish.after,
            history=history,
        )
        bar = await self._host.client.bar(Message("Tabwright: {0}", title), cancellable=True)
        last: str = CANCELLED
        try:
            done = await self._watched(assist, inputs, wish, title, bar)
            last = done.reason or Message("done")
        finally:
            bar.end(last)
        if done.candidate is not None:
            self._host.usage.acted(wish.snapshot.language_id)
        self._host.report.note_action(
            {
                "kind": wish.kind,
                "title": done.marked,
                "reason": done.reason or Message("offered"),
                "faults": [said_in_full(fault) for fault in done.faults],
                "ms": round((asyncio.get_running_loop().time() - started) * 1000),
            }
        )
        return done

    def stale(self, wish: Wish) -> str:
        """Why an edit for the wish's document would be misplaced now; "" when it would not."""
        now = self._host.buffers.get(wish.snapshot.uri)
        if wish.kind in _ELSEWHERE or now is wish.snapshot:
            return ""
        return CLOSED if now is None else STALE

    def _failed(self, done: Done) -> Done:
        told = Message("Tabwright: {0}: {1}.", done.title, without_stop(done.reason))
        self._host.client.show("warning", told)
        return done

    async def _watched(
        self, assist: Assist, inputs: Inputs, wish: Wish, title: str, bar: Bar
    ) -> Done:
        """The work, given up when the user cancels it and when the document moves on."""
        working = asyncio.ensure_future(self._answer(assist, inputs, wish, bar.report))
        working.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            while not working.done():
                await asyncio.wait({working}, timeout=_POLL_S)
                if bar.cancelled:
                    return Done(title, None, CANCELLED)
                if stale := self.stale(wish):
                    return self._failed(Done(title, None, stale))
            found = working.result()
        except Exception as error:  # noqa: BLE001 - any failure is a message
            if not isinstance(error, EngineError):
                log.failure("an action failed", error)
            return self._failed(Done(title, None, _words(error)))
        finally:
            working.cancel()
        if isinstance(found, Nothing):
            return self._failed(Done(title, None, found.reason))
        return Done(title, found)

    async def _answer(
        self, assist: Assist, inputs: Inputs, wish: Wish, tell: Tell
    ) -> Candidate | Nothing:
        host, uri = self._host, wish.snapshot.uri
        if not await host.until_configured():
            return Nothing(Message("the editor has not sent its settings"))
        settings = host.settings
        if not settings.is_on(wish.snapshot.language_id):
            language = wish.snapshot.language_id
            return Nothing(Message("the settings switch it off for {0}", language))
        refusal, others = await host.files(screened, host.refused, wish.path, uri, inputs.others)
        if refusal is not None:
            return Nothing(Message("this file is kept from the model: {0}", refusal))
        root = host.root_of(wish.path)
        if assist.kind == "fix":
            found = await host.files(imported, wish.snapshot, wish.path, root, host.refused)
            known = {document.path for document in others}
            others += tuple(document for document in found if document.path not in known)
        runtime = host.start()
        if not runtime.ready:
            tell(Message("starting the model"), None)
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
            setup = Setup(
                engine=runtime.engine,
                model=model,
                work=self.work,
                checks=self._checks or OwnChecks(self.work),
                options=Options(
                    run_examples=settings.checks.run_examples,
                    tools=settings.checks.tools,
                    trusted=await self._trusts(wish, root),
                    timeout_s=settings.checks.timeout_seconds,
                ),
                candidates=settings.actions.candidates,
                seconds=settings.actions.timeout_seconds,
            )
            place = Place(
                before=wish.snapshot.text,
                path="" if wish.cell else wish.path,
                root=root,
                cell=wish.cell,
            )
            asked = replace(inputs, model=info, others=others)
            return await run(assist, asked, place, setup, tell)
        except ModelMissing as error:
            if model == runtime.model:
                host.trouble("model_missing", str(error))
            raise

    async def _trusts(self, wish: Wish, root: str) -> bool:
        """Whether the project's tools may run; asks for next time where they would have."""
        host = self._host
        trusted = await host.folders.trusts(root, wish.path, host.files)
        if not trusted and wish.diagnostics and host.settings.checks.tools:
            program = await self.work(first_program, wish.diagnostics, root, wish.path)
            if program:
                host.folders.ask(root, wish.path, program)
        return trusted


def _words(error: Exception) -> str:
    if isinstance(error, EngineError):
        return str(error)
    return Message("an error in the server ({0}); its log says more", type(error).__name__)
