"""Whether programs of a folder may run, by the client's setting or the user's consent."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Coroutine, Mapping, Sequence

from tabwright.app.runtime.client import Client
from tabwright.app.runtime.notices import Notices
from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.checks.faults import folder_of
from tabwright.core.message import Message
from tabwright.trust import TrustError, TrustFile, is_below

TRUST, NOT_NOW = Message("Trust the folder"), Message("Not now")
_TRUSTED = Message("Tabwright: the folder is trusted. Ask for the fix again to have it checked.")

Spawn = Callable[[Coroutine[object, object, None]], object]


class FolderTrust:
    """Which folders are trusted; asks once a session for each of the others."""

    def __init__(self, client: Client, notices: Notices, file: TrustFile, spawn: Spawn) -> None:
        """Ask through ``client`` in tasks that ``spawn`` runs; answers are kept in ``file``.

        ``workspace`` is what the client says of the workspace, None when it says nothing.
        """
        self.workspace: bool | None = None
        self._roots: tuple[str, ...] | None = None
        self._meant: tuple[str, ...] | None = None
        self._client = client
        self._notices = notices
        self._file = file
        self._spawn = spawn
        self._asked: set[str] = set()

    def take_workspace_trust(self, argument: Mapping[str, object]) -> dict[str, object]:
        """Take in whether the client trusts the workspace; return what holds now."""
        trusted = argument.get("workspace")
        if isinstance(trusted, bool):
            self.workspace = trusted
            self._meant = self._roots
        return {"workspace": self.workspace}

    def take_roots(self, roots: Sequence[str]) -> None:
        """Take in the workspace's current folders.

        What the client said of the workspace holds for the folders that it had then: editors add
        a folder by themselves for a file of another project.
        """
        self._roots = tuple(roots)
        if self._meant is None:
            self._meant = self._roots

    async def trusts(self, root: str, path: str, files: WorkerThreads) -> bool:
        """Whether programs may run for a document of a root; ``files`` looks at the disk.

        Both the root and the document's own folder must be trusted, since a link may lead out of
        the root. A document outside of every root counts by its folder, one without a path never.
        """
        folder = folder_of(root, path)
        if not folder or self.workspace is False:
            return False
        own = os.path.dirname(path) if path else folder
        roots = (self._meant or ()) if self.workspace else ()
        return await files(_all_below, (folder, own), self._allowed(), roots)

    def ask(self, root: str, path: str, program: str) -> None:
        """Ask for a folder that is not trusted, once, while nobody waits for the answer.

        Never for one that holds more than a project: a yes would cover every checkout in it.
        """
        folder = folder_of(root, path)
        is_new = root in (self._roots or ()) and root not in (self._meant or ())
        if not folder or (self.workspace is not None and not (self.workspace and is_new)):
            return
        real = os.path.realpath(folder)
        if real not in self._asked and not _is_too_wide(real):
            self._asked.add(real)
            self._spawn(self._ask(real, program))

    async def _ask(self, folder: str, program: str) -> None:
        question = Message(
            "Tabwright would check its fixes in the folder {0} with the program {1}, which may run "
            "code of that folder. Do you trust the folder and all that is in it?",
            folder,
            program,
        )
        if await self._client.ask("info", question, (TRUST, NOT_NOW)) != TRUST:
            return
        try:
            await asyncio.to_thread(self._file.allow_folder, folder)
        except TrustError as error:
            self._notices.warn("trust", error.message)
            return
        self._client.show("info", _TRUSTED)

    def _allowed(self) -> tuple[str, ...]:
        try:
            return self._file.read().folders
        except TrustError as error:
            self._notices.warn("trust", error.message)
            return ()


def _all_below(folders: Sequence[str], allowed: Sequence[str], roots: Sequence[str]) -> bool:
    everything = (*allowed, *map(os.path.realpath, roots))
    return all(is_below(folder, everything) for folder in folders)


def _is_too_wide(folder: str) -> bool:
    """Whether a folder holds the home folder, or is one like ``/tmp``."""
    if is_below(os.path.expanduser("~"), (folder,)):
        return True
    # Everybody may write to it, and the sticky bit says that it is meant so. Some file systems, as
    # those of Windows in WSL, let everybody write to every folder.
    everybodys = stat.S_IWOTH | stat.S_ISVTX
    try:
        return os.stat(folder).st_mode & everybodys == everybodys
    except OSError:
        return False
