"""The progress of a pull: its reports, its speed, and the remaining time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tabwright.core.message import Message, verbatim

Stage = Literal["download", "verify", "convert", "compile"]
_WINDOW_S = 8.0
_QUIET_S = 0.1
_NONE = verbatim("")


@dataclass(frozen=True, slots=True)
class Progress:
    """One report; ``done`` and ``total`` in bytes, ``speed`` in bytes a second.

    ``total`` is 0 while it is not known. ``eta_s`` is the remaining time in seconds, or None.
    """

    stage: Stage
    done: int
    total: int
    speed: float
    eta_s: float | None
    message: Message


def compiling() -> Progress:
    """The report while the kernels are compiled, after the pull; its progress is not known."""
    return Progress("compile", 0, 0, 0.0, None, Message("for this processor"))


class Meter:
    """Turns byte counts of one stage into reports, at most ten a second.

    The speed is that of the last 8 s, so that bytes of an earlier pull do not count.
    """

    def __init__(
        self,
        stage: Stage,
        total: int,
        emit: Callable[[Progress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stage: Stage = stage
        self._total = total
        self._emit = emit
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self._last: tuple[float, Message] | None = None

    def counting(self, message: Message) -> Callable[[int], None]:
        """A function that adds bytes up from 0 and reports the sum at each call."""
        done = 0

        def tick(count: int) -> None:
            nonlocal done
            done += count
            self.at(done, message)

        return tick

    def at(self, done: int, message: Message = _NONE) -> None:
        """Report how many bytes are done."""
        now = self._clock()
        done = min(done, self._total) if self._total else done
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()
        finished = bool(self._total) and done >= self._total
        if (
            self._last is not None
            and not finished
            and message == self._last[1]
            and now - self._last[0] < _QUIET_S
        ):
            return
        self._last = (now, message)
        then, before = self._seen[0]
        speed = max(0.0, (done - before) / (now - then)) if now > then else 0.0
        left = (self._total - done) / speed if self._total and speed > 0 else None
        self._emit(Progress(self._stage, done, self._total, speed, left, message))
