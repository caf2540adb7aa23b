"""How long to wait after a keystroke before the model is asked."""

from __future__ import annotations

from collections import deque

WARM_WAIT = 0.025
WARM_LATENCY = 0.3
SHORTEST, LONGEST = 0.1, 0.4
LINE_END_SHARE = 0.5
PAUSE = 1.5
GAPS = 10


class Pace:
    """Adaptive debounce of one document, after tabby-agent's and Cody's; all times in seconds.

    On a cold or slow engine a request waits for the mean of the last gaps between keys, within
    100 and 400 ms, and half of that at the end of a line, where an answer is likeliest to be
    wanted. On a warm one a fixed 25 ms serves better: the answer costs less than the wait saves.
    """

    def __init__(self, fixed: float | None = None) -> None:
        """Take the wait the user has set, if any, in place of the adaptive one."""
        self._fixed = fixed
        self._last: float | None = None
        self._gaps: deque[float] = deque(maxlen=GAPS)

    def next_wait(
        self, now: float, *, invoked: bool, at_line_end: bool, warm_latency: float | None
    ) -> float:
        """Note a keystroke at ``now`` (a monotonic clock) and return the wait, in seconds.

        ``warm_latency`` is what the last answers took, None while the engine is cold. A pause
        longer than 1.5 s is not a gap between keys. Invoked by hand waits for nothing and is
        no keystroke.
        """
        if invoked:
            return 0.0
        if self._last is not None and 0.0 <= now - self._last <= PAUSE:
            self._gaps.append(now - self._last)
        self._last = now
        if self._fixed is not None:
            return max(0.0, self._fixed)
        if warm_latency is not None and warm_latency <= WARM_LATENCY:
            return WARM_WAIT
        mean = sum(self._gaps) / len(self._gaps) if self._gaps else SHORTEST
        wait = min(max(mean, SHORTEST), LONGEST)
        return wait * LINE_END_SHARE if at_line_end else wait
