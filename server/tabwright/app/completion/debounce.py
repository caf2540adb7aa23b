"""How long to wait after a keystroke before the model is asked."""

from __future__ import annotations

from collections import deque
from statistics import median

WARM_WAIT = 0.025
WARM_LATENCY = 0.3
SHORTEST, LONGEST = 0.1, 0.4
LINE_END_SHARE = 0.5
PAUSE = 1.5
GAPS = 10
ANSWERS = 5


class Debounce:
    """Adaptive debounce, after tabby-agent's and Cody's; all times in seconds.

    On a cold or slow engine a request waits for the mean of the last gaps between keystrokes,
    within 100 and 400 ms, and half of that at the end of a line, where an answer is likeliest to be
    wanted. On a warm one, whose last answers took 300 ms or less, a fixed 25 ms serves better:
    the answer costs less than the wait would save. The clock is the caller's, and monotonic.
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._gaps: deque[float] = deque(maxlen=GAPS)
        self._latencies: deque[float] = deque(maxlen=ANSWERS)

    def keystroke(self, now: float) -> None:
        """Note a keystroke; a pause longer than 1.5 s is not a gap between keystrokes."""
        if self._last is not None and 0.0 <= now - self._last <= PAUSE:
            self._gaps.append(now - self._last)
        self._last = now

    def answered(self, latency: float) -> None:
        """Note how long an answer took that the model was asked for."""
        self._latencies.append(latency)

    @property
    def warm(self) -> bool:
        """Whether the last answers came quickly: half of them within 300 ms."""
        return bool(self._latencies) and median(self._latencies) <= WARM_LATENCY

    def delay_s(self, now: float, *, at_line_end: bool) -> float:
        """Seconds to wait from ``now`` on; what has passed since the last keystroke counts."""
        wait = WARM_WAIT
        if not self.warm:
            mean = sum(self._gaps) / len(self._gaps) if self._gaps else SHORTEST
            wait = min(max(mean, SHORTEST), LONGEST) * (LINE_END_SHARE if at_line_end else 1.0)
        passed = max(0.0, now - self._last) if self._last is not None else 0.0
        return max(0.0, wait - passed)
