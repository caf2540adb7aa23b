"""Work that nobody waits for yet: cancelled by the next keystroke or request."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import psutil

from tabwright.client.engine import EngineError

BackgroundWork = Callable[[], Awaitable[None]]

_LOOK_AGAIN_S = 30.0

logger = logging.getLogger(__name__)


class BackgroundTask:
    """At most one piece of work that is done ahead for a document."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._task: asyncio.Task[None] | None = None

    def begin(self, work: BackgroundWork, pause_s: float) -> None:
        """Do this once ``pause_s`` seconds have passed; what was begun before is cancelled."""
        self.stop()
        self._task = asyncio.create_task(self._after(pause_s, work))

    def stop(self) -> None:
        """Cancel what is under way; what the engine has computed by then it keeps."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _after(self, pause_s: float, work: BackgroundWork) -> None:
        await asyncio.sleep(pause_s)
        try:
            await work()
        except EngineError as error:
            # Whoever asks next gets the same error with nothing in between.
            logger.debug("nothing was computed ahead: %s", error)


class Battery:
    """Whether the machine runs on its battery; looked up twice a minute at most."""

    def __init__(self) -> None:
        """Look when first asked."""
        self._looked = float("-inf")
        self._drains = False

    def drains(self) -> bool:
        """True on battery, False on mains and where nothing is known."""
        if time.monotonic() - self._looked >= _LOOK_AGAIN_S:
            self._looked = time.monotonic()
            # Not on every system is there a way to ask.
            ask = getattr(psutil, "sensors_battery", lambda: None)
            found = ask()
            self._drains = found is not None and found.power_plugged is False
        return self._drains
