"""The server's state between requests: settings, buffers, engine, and what was said."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from tabwright import __version__, paths
from tabwright.app.completion.outcome import KEPT_OUT, Outcome, nothing
from tabwright.app.completion.sessions import Sessions
from tabwright.app.documents.buffers import Buffers, Cursor
from tabwright.app.documents.folder_trust import FolderTrust
from tabwright.app.documents.privacy import Privacy
from tabwright.app.documents.watchers import Watchers
from tabwright.app.runtime import log
from tabwright.app.runtime.client import Client
from tabwright.app.runtime.engines import (
    NOT_ALLOWED,
    BrokenEngine,
    MakeEngine,
    Runtime,
    about,
    make_engine,
    tell,
)
from tabwright.app.runtime.notices import Notices
from tabwright.app.runtime.pulling import Puller
from tabwright.app.runtime.remote_consent import RemoteConsent
from tabwright.app.runtime.waiting import Superseded, Work
from tabwright.app.settings.configuration import Configuration
from tabwright.app.settings.settings import Settings
from tabwright.app.statistics.acceptance_tracker import Usage
from tabwright.app.statistics.last_request import Report
from tabwright.client.engine import EngineError, HidesKeys
from tabwright.core.message import Message, joined
from tabwright.core.postprocess.selected_item import both
from tabwright.core.prompting.context import Document
from tabwright.core.text import Edit, Snapshot
from tabwright.statistics import Statistics
from tabwright.trust import TrustFile

logger = logging.getLogger(__name__)

_SETTINGS_S = 15.0
_MOST_OTHERS = 8
_MOST_CHARACTERS = 100_000


class Host:
    """All that outlives a request; knows the protocol only through Client."""

    def __init__(self, client: Client, make: MakeEngine = make_engine) -> None:
        """Start with default settings and nothing open; ``make`` gives the engine for settings."""
        self.client = client
        self.notices = Notices(client)
        self.buffers = Buffers()
        self.configuration = Configuration(self.notices)
        self.puller = Puller(client, self._pulled, lambda: self.settings.engine)
        self.report = Report()
        self.watchers = Watchers()
        self.usage = Usage(
            Statistics(paths.statistics_file()),
            self.buffers.get,
            lambda: self.files,
            self.spawn,
            lambda: self.settings.statistics.enabled,
        )
        self.watchers.add(self.usage)
        self.trust_file = TrustFile()
        self.folders = FolderTrust(client, self.notices, self.trust_file, self.spawn)
        self._consent = RemoteConsent(client, self.notices, self.trust_file, self.spawn)
        self._make = make
        self._roots: tuple[str, ...] = ()
        self._runtime: Runtime | None = None
        self._privacy = Privacy(())
        self._sessions = Sessions()
        self._tasks: set[asyncio.Task[None]] = set()
        self._files = ThreadPoolExecutor(1, "tabwright-files")
        self._configured = asyncio.Event()

    # Settings and life --------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.configuration.settings

    def start_settings(self, initial: object) -> None:
        """Keep the initializationOptions, of whatever shape, for when settings are taken in."""
        self.configuration.start(initial)
        self.folders.workspace = self.configuration.trust.workspace

    def configure(self, later: object = None, roots: Sequence[str] | None = None) -> None:
        """Take in settings of whatever shape that the client sent ``later`` than it began.

        None leaves those of before. Each warning is shown once.
        """
        old = self.settings
        self.configuration.take(later)
        found = self.settings
        self._take_roots(self._roots if roots is None else roots)
        same = (old.engine, old.remote, old.model) == (found.engine, found.remote, found.model)
        if not same and self._runtime is not None:
            self.spawn(self._runtime.aclose())
            self._runtime = None
            self.start()
        if old != found:
            self._sessions.reset()
        self._configured.set()
        self.watchers.configured()

    def change_roots(self, roots: Sequence[str]) -> None:
        """The workspace has other folders; ignore files count in the new ones at once."""
        if self._configured.is_set():  # else they come with the settings
            self._take_roots(roots)

    def _take_roots(self, roots: Sequence[str]) -> None:
        self._roots = tuple(roots)
        self.folders.take_roots(self._roots)
        privacy = self.settings.privacy
        self._privacy = Privacy(
            self._roots,
            privacy.deny,
            privacy.respect_gitignore,
            added_globs=privacy.added,
            warn=partial(self.notices.warn_later, asyncio.get_running_loop()),
        )

    def start(self) -> Runtime:
        """Begin to bring the engine up, with progress; does nothing when it is up."""
        if self._runtime is None:
            remote = bool(self.settings.remote.url)
            model = (self.settings.remote.model if remote else "") or self.settings.model
            try:
                # Of these settings: the engine may outlive them for a moment.
                refusal = partial(self._consent.refusal, self.settings.remote)
                engine = self._make(self.settings, refusal)
            except EngineError as error:
                engine = BrokenEngine(str(error))
            self._runtime = Runtime(engine, model, remote=remote)
            self.spawn(self._bring_up(self._runtime))
        return self._runtime

    async def aclose(self) -> None:
        """Give everything up; takes as long as closing connections does."""
        self.puller.close()
        self._sessions.close()
        self.watchers.close()
        for task in list(self._tasks):
            task.cancel()
        if self._runtime is not None:
            await self._runtime.aclose()
        self._sessions.end()
        self._files.shutdown(wait=False, cancel_futures=True)

    # Buffers ------------------------------------------------------------------------------------

    def changed(self, uri: str) -> None:
        """A document has a new text."""
        snapshot = self.buffers.get(uri)
        if snapshot is not None:
            self._sessions.changed(uri, snapshot)
        self.watchers.changed(uri)

    def closed(self, uri: str) -> None:
        """A document is gone: what is under way for it is given up."""
        self._sessions.closed(uri)
        self.watchers.closed(uri)

    # What completions and actions need ----------------------------------------------------------

    async def until_configured(self) -> bool:
        """Wait for the settings, which say what may be asked, and of whom; False without them."""
        try:
            async with asyncio.timeout(_SETTINGS_S):
                await self._configured.wait()
        except TimeoutError:
            return False
        return True

    @property
    def files(self) -> Work:
        """Looks at the disk."""
        return Work(partial(asyncio.get_running_loop().run_in_executor, self._files))

    @property
    def refused(self) -> Callable[[str], str | None]:
        """Says why a path or uri must stay out of prompts; looks at the disk."""
        return self._privacy.allowed

    def root_of(self, path: str) -> str:
        """The innermost workspace folder that holds a path, "" when none does."""
        holding = [root for root in self._roots if path.startswith(root.rstrip("/\\") + os.sep)]
        return max(holding, key=len, default="")

    # Completions --------------------------------------------------------------------------------

    async def complete(
        self,
        cursor: Cursor | None,
        uri: str,
        position: tuple[int, int],
        *,
        invoked: bool,
        patience_s: float | None = 0,
        selected: Edit | None = None,
    ) -> Outcome:
        """Answer one request; never raises but CancelledError. Remembered for ``why``.

        A model that is loading is waited for so long at most, and without an end for None.

        With an edit ``selected`` in the editor's list the suggestions are what comes after it, and
        bring it about too.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            if cursor is None or selected is None:
                outcome = await self._complete(cursor, uri, invoked, patience_s)
            else:
                after = cursor.after_edit(selected)
                outcome = await self._complete(after, uri, invoked, patience_s)
                edits = tuple(both(cursor.snapshot, selected, edit) for edit in outcome.edits)
                outcome = replace(outcome, edits=edits)
            own = asyncio.current_task()
            if own is not None and own.cancelling():
                # Something below lost the cancellation to a race; the editor waits for its error.
                raise asyncio.CancelledError
        except Exception as error:  # noqa: BLE001 - any failure is an empty answer with a reason
            log.failure("a completion failed", error)
            reason = Message("an error in the server: {0}", type(error).__name__)
            outcome = nothing(reason, problem="internal")
        except asyncio.CancelledError:
            outcome = nothing(Message("the editor cancelled the request"))
            waited_ms = (loop.time() - started) * 1000
            self.report.note(replace(outcome, ms=waited_ms), uri, position)
            raise
        self.report.note(outcome, uri, position)
        if cursor is not None:
            self.usage.shown(cursor.snapshot, outcome)
        if outcome.reason == KEPT_OUT:
            self.notices.kept_out(outcome.detail)
        if outcome.problem:
            self.trouble(outcome.problem, outcome.reason)
        return outcome

    async def _complete(
        self, cursor: Cursor | None, uri: str, invoked: bool, patience_s: float | None
    ) -> Outcome:
        if cursor is None:
            return nothing(
                Message("the document is not open"), Message("the editor asked before it opened it")
            )
        if not await self.until_configured():
            return nothing(
                Message("the editor has not sent its settings"),
                Message("no initialized notification"),
            )
        language = cursor.snapshot.language_id
        if not self.settings.is_on(language):
            return nothing(
                Message("completion is switched off"), Message("by the settings, for {0}", language)
            )
        runtime = self.start()
        if not runtime.ready:
            try:
                await runtime.until_warm(patience_s)
            except Superseded:
                return nothing(Message("a newer request came"))
        if not runtime.ready:
            failure = runtime.failure
            if failure is not None:
                return nothing(failure.message, problem=failure.kind)
            detail = Message("{0}: {1}", runtime.model, runtime.state)
            return nothing(Message("the model is still loading"), detail)
        setup = self._sessions.setup(runtime, self.settings, self.refused, self.files)
        return await self._sessions.of(uri).complete(cursor, invoked, self.others(uri), setup)

    def moved(self, cursor: Cursor) -> None:
        """The cursor is here, as far as can be told from what else the editor asks."""
        runtime, uri = self._runtime, cursor.snapshot.uri
        if runtime is not None and runtime.ready:
            setup = self._sessions.setup(runtime, self.settings, self.refused, self.files)
            self._sessions.of(uri).moved(cursor, self.others(uri), setup)

    def others(self, uri: str) -> tuple[Document, ...]:
        """Other open documents that a prompt may show; ``refused`` has yet to see them."""
        if not self.settings.context.open_files:
            return ()
        own = self.buffers.siblings(uri)
        found: list[Document] = []
        for other in self.buffers:
            if other.uri not in own and 0 < len(other.text) <= _MOST_CHARACTERS:
                found.append(self._document(other))
            if len(found) == _MOST_OTHERS:
                break
        return tuple(found)

    def _document(self, snapshot: Snapshot) -> Document:
        path = self.buffers.path_of(snapshot.uri) or snapshot.uri
        return Document(path, snapshot.language_id, snapshot.text, snapshot.uri)

    # What is told -------------------------------------------------------------------------------

    def why(self) -> dict[str, object]:
        """Why the last request showed what it showed; ``hidden`` are keys no engine was sent."""
        found = self.report.why()
        engine = self._runtime.engine if self._runtime is not None else None
        if isinstance(engine, HidesKeys) and (kinds := engine.hidden_keys(str(found.get("uri")))):
            said = Message("hidden from the remote engine: {0}", ", ".join(kinds))
            detail = str(found["detail"])
            found |= {"hidden": list(kinds), "detail": joined([detail, said]) if detail else said}
        return found

    async def status(self) -> dict[str, object]:
        """How the server and its engine are; see ``about``."""
        return {
            "version": __version__,
            "pid": os.getpid(),
            "remote": self.settings.remote.url or None,
            "pulling": list(self.puller.running),
            "encoding": self.buffers.encoding,
            "log": log.path(),
            **self.report.figures(),
            **await about(self._runtime, self.settings.model),
        }

    async def pull(self, name: str = "") -> dict[str, object]:
        """Pull a model, by default the one the settings name."""
        pulled = await self.puller.pull(name or self.settings.model)
        return {"ok": pulled.ok, "message": pulled.message}

    def trouble(self, kind: str, reason: str) -> None:
        """Tell once of each kind of failure; offers a local model that is missing."""
        if kind == NOT_ALLOWED:
            self._consent.ask(self.settings.remote, self._again)
            return
        local = self._runtime is None or not self._runtime.remote
        if kind == "model_missing" and local:
            if self._runtime is not None:
                self._runtime.lost(reason)
                self.spawn(self.puller.offer(self._runtime.model))
            return
        self.notices.trouble(kind, reason)

    def _pulled(self, name: str) -> None:
        if self._runtime is not None and name == self._runtime.model:
            self._again()

    def _again(self) -> None:
        """Bring the engine up once more, after what it lacked is there."""
        if self._runtime is not None:
            self.spawn(self._bring_up(self._runtime))

    async def _bring_up(self, runtime: Runtime) -> None:
        warming = runtime.warm(again=True)
        title = Message("Tabwright: loading {0}", runtime.model)
        bar = await self.client.bar(title, cancellable=False)
        told = asyncio.create_task(tell(bar, runtime))
        try:
            await asyncio.shield(warming)
        finally:
            told.cancel()
            bar.end(runtime.state)
        if runtime.failure is not None and runtime is self._runtime:
            self.trouble(runtime.failure.kind, runtime.failure.message)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run what nobody waits for; given up when the server ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
