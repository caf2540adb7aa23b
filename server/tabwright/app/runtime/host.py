"""The server's state between requests, composed: settings, workspace, engine and completions."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tabwright import __version__, paths
from tabwright.app.completion.completions import Completions
from tabwright.app.documents.folder_trust import FolderTrust
from tabwright.app.documents.workspace import Workspace
from tabwright.app.runtime import log
from tabwright.app.runtime.client import Client
from tabwright.app.runtime.engine_manager import EngineManager
from tabwright.app.runtime.engines import MakeEngine, about, make_engine
from tabwright.app.runtime.notices import Notices
from tabwright.app.runtime.tasks import BackgroundTasks
from tabwright.app.settings.configuration import Configuration
from tabwright.app.statistics.acceptance_tracker import AcceptanceStatistics
from tabwright.app.statistics.last_request import LastRequestReport
from tabwright.client.engine import HidesKeys
from tabwright.core.message import Message, joined
from tabwright.statistics import Statistics
from tabwright.trust import TrustFile


class Host:
    """Makes the parts, and passes on events that concern several of them."""

    def __init__(self, client: Client, make: MakeEngine = make_engine) -> None:
        """Start with default settings and nothing open; ``make`` gives the engine for settings."""
        self.client = client
        self.tasks = BackgroundTasks()
        self.notices = Notices(client)
        self.configuration = Configuration(self.notices)
        self.workspace = Workspace(self.notices)
        trust_file = TrustFile()
        self.folders = FolderTrust(client, self.notices, trust_file, self.tasks.spawn)
        self.engines = EngineManager(
            client, self.notices, self.configuration, trust_file, self.tasks, make
        )
        self.report = LastRequestReport()
        self.usage = AcceptanceStatistics(
            Statistics(paths.statistics_file()),
            self.workspace.buffers.get,
            self.workspace.files,
            self.tasks.spawn,
            lambda: self.configuration.settings.statistics.enabled,
        )
        self.completions = Completions(
            self.configuration,
            self.workspace,
            self.engines,
            self.notices,
            self.report,
            self.usage,
        )
        self.workspace.watchers.add(self.usage)

    def start_settings(self, initial: object) -> None:
        """Keep the initializationOptions, of whatever shape, for when settings are taken in."""
        self.configuration.start(initial)
        self.folders.workspace = self.configuration.trust.workspace

    def configure(self, later: object = None, roots: Sequence[str] | None = None) -> None:
        """Take in settings of whatever shape that the client sent ``later`` than it began.

        None leaves those of before. Each warning is shown once.
        """
        old = self.configuration.settings
        self.configuration.take(later)
        new = self.configuration.settings
        self._take_roots(self.workspace.roots if roots is None else roots)
        self.engines.settings_changed(old, new)
        if old != new:
            self.completions.reset()
        self.configuration.ready.set()
        self.workspace.watchers.configured()

    def change_roots(self, roots: Sequence[str]) -> None:
        """Take in the workspace's folders; ignore files count in new ones at once."""
        if self.configuration.ready.is_set():  # else they come with the settings
            self._take_roots(roots)

    def _take_roots(self, roots: Sequence[str]) -> None:
        self.folders.take_roots(roots)
        self.workspace.configure(roots, self.configuration.settings.privacy)

    def changed(self, uri: str) -> None:
        """Take in that a document has changed."""
        self.completions.changed(uri)
        self.workspace.watchers.changed(uri)

    def closed(self, uri: str) -> None:
        """Take in that a document is closed; cancel its requests."""
        self.completions.closed(uri)
        self.workspace.watchers.closed(uri)

    async def aclose(self) -> None:
        """Cancel everything and close the connections."""
        self.engines.puller.close()
        self.completions.close()
        self.workspace.watchers.close()
        self.tasks.cancel()
        await self.engines.aclose()
        self.completions.end()
        self.workspace.close()

    def why(self) -> dict[str, object]:
        """Explain the last request's result; ``hidden``: kinds of keys kept from the engine."""
        found = self.report.why()
        runtime = self.engines.runtime
        engine = runtime.engine if runtime is not None else None
        if isinstance(engine, HidesKeys) and (kinds := engine.hidden_keys(str(found.get("uri")))):
            hidden = Message("hidden from the remote engine: {0}", ", ".join(kinds))
            detail = str(found["detail"])
            found |= {
                "hidden": list(kinds),
                "detail": joined([detail, hidden]) if detail else hidden,
            }
        return found

    async def status(self) -> dict[str, object]:
        """Return the state of the server and its engine; see ``about``."""
        settings = self.configuration.settings
        return {
            "version": __version__,
            "pid": os.getpid(),
            "remote": settings.remote.url or None,
            "pulling": list(self.engines.puller.running),
            "encoding": self.workspace.buffers.encoding,
            "log": log.path(),
            **self.report.figures(),
            **await about(self.engines.runtime, settings.model),
        }
