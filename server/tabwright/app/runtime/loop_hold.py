"""How long the event loop was held up by this process: by a task, or by a thread with the GIL."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress

_BEAT_S = 0.02
_ACTIVE_S = 2.0
_LATE_S = 0.005  # a timer that is later than this is looked at


class LoopHold:
    """A timer that beats every 20 ms while messages come in, and notes how late it is.

    A timer is also late when other processes have the processor. So of its lateness only that
    counts in which the loop's thread did not wait for a processor (Linux tells that), and no more
    than the CPU time that this process used meanwhile. A hold may be one beat longer than is seen.
    """

    def __init__(self) -> None:
        """Begin with the first message."""
        self.longest_s = 0.0
        self._beating = False
        self._until = 0.0
        self._due = 0.0
        self._cpu_s = 0.0
        self._waited_s = 0.0
        self._statistics: int | None = None

    def message(self) -> None:
        """A message came in: the loop is watched for the next two seconds."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._until = now + _ACTIVE_S
        if not self._beating:
            self._beating = True
            if self._statistics is None:
                self._statistics = _open_statistics()
            self._next(loop, now)

    def close(self) -> None:
        """Beat no more."""
        self._until = 0.0
        if self._statistics is not None:
            os.close(self._statistics)
            self._statistics = None

    def _next(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self._cpu_s, self._waited_s = time.process_time(), self._waited()
        self._due = now + _BEAT_S
        loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = now - self._due
        if late > _LATE_S:
            held = late - (self._waited() - self._waited_s)
            self.longest_s = max(self.longest_s, min(held, time.process_time() - self._cpu_s))
        if now < self._until:
            self._next(loop, now)
        else:
            self._beating = False

    def _waited(self) -> float:
        """Seconds that the loop's thread was ready and had no processor; 0 where nobody tells."""
        if self._statistics is None:
            return 0.0
        with suppress(OSError, ValueError, IndexError):
            return int(os.pread(self._statistics, 64, 0).split()[1]) / 1e9
        return 0.0


def _open_statistics() -> int | None:
    """The scheduler's figures of the calling thread (Linux, see proc(5))."""
    try:
        return os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    except OSError:
        return None
