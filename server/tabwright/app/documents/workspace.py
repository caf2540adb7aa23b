"""The workspace: buffers, folders, and the rules on which files may be used."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import partial

from tabwright.app.documents.buffers import Buffers
from tabwright.app.documents.privacy import PrivacyRules
from tabwright.app.documents.watchers import Watchers
from tabwright.app.runtime.notices import Notices
from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.app.settings import settings


class Workspace:
    """Buffers and folders; ``watchers`` are told of what changes in them.

    ``files`` runs what looks at the disk, as the rules of ``privacy`` do.
    """

    def __init__(self, notices: Notices) -> None:
        """Start with nothing open; warnings about ignore files go to ``notices``."""
        self.buffers = Buffers()
        self.watchers = Watchers()
        self.privacy = PrivacyRules(())
        self.files = WorkerThreads("tabwright-files")
        self._notices = notices
        self._roots: tuple[str, ...] = ()

    @property
    def roots(self) -> tuple[str, ...]:
        """The paths of the workspace's folders."""
        return self._roots

    def root_of(self, path: str) -> str:
        """The innermost workspace folder that holds a path, "" when none does."""
        holding = [root for root in self._roots if path.startswith(root.rstrip("/\\") + os.sep)]
        return max(holding, key=len, default="")

    def configure(self, roots: Sequence[str], privacy: settings.Privacy) -> None:
        """Take in folders and rules; ignore files count in new folders at once."""
        self._roots = tuple(roots)
        self.privacy = PrivacyRules(
            self._roots,
            privacy.deny,
            privacy.respect_gitignore,
            added_globs=privacy.added,
            warn=partial(self._notices.warn_later, asyncio.get_running_loop()),
        )

    def close(self) -> None:
        """Start no further disk access."""
        self.files.close()
