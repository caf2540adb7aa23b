"""The settings in force, kept as layers, so that a change of one leaves the others."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import replace

from tabwright import paths
from tabwright.app.runtime import log
from tabwright.app.runtime.notices import Notices
from tabwright.app.settings.layers import (
    Layers,
    Trust,
    effective,
    read_file,
    split,
    where_to_put,
)
from tabwright.app.settings.settings import Settings
from tabwright.core.message import Message

logger = logging.getLogger(__name__)

_WAIT_S = 15.0
_MODELS_VARIABLE = "TABWRIGHT_MODELS_DIR"


class Configuration:
    """Takes layers in and says once what of them could not be used.

    ``ready`` is set once the client has sent its settings or said that it has none.
    """

    def __init__(self, notices: Notices) -> None:
        """Start with the defaults; nothing is read before ``take``."""
        self.settings = Settings()
        self.trust = Trust()
        self.ready = asyncio.Event()
        self._notices = notices
        self._layers = Layers()
        self._ignored: set[str] = set()
        self._models_folder = os.environ.get(_MODELS_VARIABLE)

    def start(self, initial: object) -> None:
        """Keep the initializationOptions, which the next ``take`` reads; of any shape."""
        self._layers = replace(self._layers, initial=initial)
        self.trust, _ = split(initial)

    def take(self, later: object = None) -> None:
        """Compute the settings anew, with what the client sent ``later`` if it did."""
        path = paths.config_file()
        file, problem = read_file(path)
        if problem:
            self._notices.warn("settings", problem)
        kept = self._layers.later if later is None else later
        self._layers = replace(self._layers, file=file, later=kept)
        found = effective(self._layers, path)
        for warning in found.warnings:
            self._notices.warn("settings", warning)
        ignored = tuple(name for name in found.ignored if name not in self._ignored)
        if ignored:
            self._ignored.update(ignored)
            logger.warning("ignored settings of the workspace: %s", ", ".join(ignored))
            self._notices.warn("settings", where_to_put(ignored, path))
        old, self.settings = self.settings, found.settings
        if old.log != self.settings.log:
            log.set_level(self.settings.log.level)
        self._move_models()

    async def until_ready(self) -> bool:
        """Wait for the settings, which say what may be asked, and of whom; False without them."""
        try:
            async with asyncio.timeout(_WAIT_S):
                await self.ready.wait()
        except TimeoutError:
            return False
        return True

    def _move_models(self) -> None:
        """Tell the engine and the pull, which are processes of their own, where models lie."""
        folder = self.settings.models_directory or self._models_folder
        if folder:
            os.environ[_MODELS_VARIABLE] = folder
        else:
            os.environ.pop(_MODELS_VARIABLE, None)
        if unused := paths.unused_models_dir():
            message = Message(
                "the folder of models {0} is not a full path and is not used; {1} is",
                unused,
                paths.models_dir(),
            )
            self._notices.warn("settings", message)
