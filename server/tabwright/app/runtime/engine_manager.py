"""The engine that the settings name: made, brought up with progress, and again after a failure."""

from __future__ import annotations

import asyncio
from functools import partial

from tabwright.app.runtime.client import Client
from tabwright.app.runtime.engines import (
    BrokenEngine,
    MakeEngine,
    Runtime,
    make_engine,
    show_state,
)
from tabwright.app.runtime.notices import Notices
from tabwright.app.runtime.pulling import Puller
from tabwright.app.runtime.remote_consent import RemoteConsent
from tabwright.app.runtime.tasks import BackgroundTasks
from tabwright.app.settings.configuration import Configuration
from tabwright.app.settings.settings import Settings
from tabwright.client.engine import MODEL_MISSING, NOT_ALLOWED, EngineError
from tabwright.core.message import Message
from tabwright.trust import TrustFile


class EngineManager:
    """Keeps one `Runtime` for the settings in force, and pulls the model it lacks."""

    def __init__(
        self,
        client: Client,
        notices: Notices,
        configuration: Configuration,
        trust_file: TrustFile,
        tasks: BackgroundTasks,
        make: MakeEngine = make_engine,
    ) -> None:
        """Start nothing; ``make`` gives the engine for settings."""
        self.puller = Puller(client, self._pulled, lambda: configuration.settings.engine)
        self.runtime: Runtime | None = None
        self._client = client
        self._notices = notices
        self._configuration = configuration
        self._tasks = tasks
        self._consent = RemoteConsent(client, notices, trust_file, tasks.spawn)
        self._make = make

    def start(self) -> Runtime:
        """Start the engine, showing progress; do nothing when it was started before."""
        if self.runtime is None:
            settings = self._configuration.settings
            remote = bool(settings.remote.url)
            model = (settings.remote.model if remote else "") or settings.model
            try:
                # Of these settings: the engine may outlive them for a moment.
                refusal = partial(self._consent.refusal, settings.remote)
                engine = self._make(settings, refusal)
            except EngineError as error:
                engine = BrokenEngine(error.message)
            self.runtime = Runtime(engine, model, remote=remote)
            self._tasks.spawn(self._bring_up(self.runtime))
        return self.runtime

    def settings_changed(self, old: Settings, new: Settings) -> None:
        """Replace an engine that was started, where the new settings name another."""
        same = (old.engine, old.remote, old.model) == (new.engine, new.remote, new.model)
        if not same and self.runtime is not None:
            self._tasks.spawn(self.runtime.aclose())
            self.runtime = None
            self.start()

    def report_problem(self, kind: str, reason: Message) -> None:
        """Show each kind of problem once; offer to pull a local model that is missing."""
        if kind == NOT_ALLOWED:
            self._consent.ask(self._configuration.settings.remote, self._again)
            return
        local = self.runtime is None or not self.runtime.remote
        if kind == MODEL_MISSING and local:
            if self.runtime is not None:
                self.runtime.model_removed(reason)
                self._tasks.spawn(self.puller.offer(self.runtime.model))
            return
        self._notices.problem(kind, reason)

    async def pull(self, name: str = "") -> dict[str, object]:
        """Pull a model, by default the one the settings name."""
        pulled = await self.puller.pull(name or self._configuration.settings.model)
        return {"ok": pulled.ok, "message": pulled.message}

    async def aclose(self) -> None:
        """End the engine's connections."""
        if self.runtime is not None:
            await self.runtime.aclose()

    def _pulled(self, name: str) -> None:
        if self.runtime is not None and name == self.runtime.model:
            self._again()

    def _again(self) -> None:
        """Start the engine again after the missing model or consent has arrived."""
        if self.runtime is not None:
            self._tasks.spawn(self._bring_up(self.runtime))

    async def _bring_up(self, runtime: Runtime) -> None:
        warming = runtime.warm(again=True)
        title = Message("Tabwright: loading {0}", runtime.model)
        bar = await self._client.bar(title, cancellable=False)
        showing = asyncio.create_task(show_state(bar, runtime))
        try:
            await asyncio.shield(warming)
        finally:
            showing.cancel()
            bar.end(runtime.state)
        if runtime.failure is not None and runtime is self.runtime:
            self.report_problem(runtime.failure.kind, runtime.failure.message)
