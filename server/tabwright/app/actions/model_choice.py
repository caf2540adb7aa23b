"""Which model does the actions: the one meant for them if it is here, else the smaller one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine

from tabwright import paths
from tabwright.app.runtime.client import Client
from tabwright.app.runtime.pulling import NO, YES, Puller
from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.core.message import Message
from tabwright.models.catalog import CATALOG, DEFAULT_ACTIONS

logger = logging.getLogger(__name__)

NEVER = Message("Never ask")
_DECLINED = ".declined"
Spawn = Callable[[Coroutine[object, object, None]], object]


class ActionsModel:
    """Chooses, and offers to pull the better model: once a session, never again if so wished."""

    def __init__(self, client: Client, puller: Puller, files: WorkerThreads, spawn: Spawn) -> None:
        """``files`` runs disk access, ``spawn`` starts background tasks."""
        self._client = client
        self._puller = puller
        self._files = files
        self._spawn = spawn
        self._offered = False

    async def choose(self, wanted: str, otherwise: str, *, offer: bool) -> str:
        """The name of the model to ask: ``wanted`` if any, the actions model, or ``otherwise``.

        Where the actions model is missing and ``offer`` allows, the user is asked meanwhile.
        """
        if wanted:
            return wanted
        if otherwise == DEFAULT_ACTIONS or await self._files(_is_here, DEFAULT_ACTIONS):
            return DEFAULT_ACTIONS
        if offer and not self._offered and DEFAULT_ACTIONS not in self._puller.running:
            self._offered = True
            self._spawn(self._offer())
        return otherwise

    async def _offer(self) -> None:
        if DEFAULT_ACTIONS in await self._files(_declined):
            return
        model = CATALOG[DEFAULT_ACTIONS]
        size = f"{model.download_bytes / 1e6:.0f} MB"
        question = Message(
            "Tabwright does code actions better with the model {0} ({1} to download, licence {2}). "
            "Pull it now? Until then the smaller one does them.",
            model.name,
            size,
            model.licence,
        )
        chosen = await self._client.ask("info", question, (YES, NO, NEVER))
        if chosen == YES:
            await self._puller.pull(model.name)
        elif chosen == NEVER:
            await self._files(_decline, model.name)


def _is_here(name: str) -> bool:
    from tabwright.models import store

    try:
        store.locate(name)
    except store.ModelError:
        return False
    return True


def _declined() -> frozenset[str]:
    """Read the names of the models that the user never wants to be offered."""
    try:
        return frozenset((paths.models_dir() / _DECLINED).read_text("utf-8").split())
    except OSError:
        return frozenset()


def _decline(name: str) -> None:
    folder = paths.models_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _DECLINED).open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
    except OSError as error:
        logger.warning("that %s is not wanted could not be kept: %s", name, error)
