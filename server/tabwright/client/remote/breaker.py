"""Circuit breaker: stop sending requests to an engine that fails."""

from __future__ import annotations

from collections.abc import Callable

from tabwright.core.message import Message, verbatim

FAILURES = 3
FIRST_REST = 5.0
LONGEST_REST = 60.0


class Breaker:
    """Blocks requests for 5, 10, 20 … 60 s once three in a row have failed.

    After each pause one request is allowed: its failure starts the next pause, its success resets.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a monotonic clock, in seconds."""
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._reason = verbatim("")

    def refusal(self) -> Message | None:
        """Why nothing is asked at present, with the seconds left; None when it may be asked."""
        left = self._until - self._clock()
        if left <= 0:
            return None
        return Message("{0} (asked again in {1} s)", self._reason, format(left, ".0f"))

    def trying(self) -> None:
        """Record that a request is sent; after a pause, others are blocked until its result."""
        if self._failures >= FAILURES:
            self._until = self._clock() + FIRST_REST

    def succeeded(self) -> None:
        """Record a success: reset all failures."""
        self._failures, self._until, self._reason = 0, 0.0, verbatim("")

    def abandoned(self) -> None:
        """Record that the request was cancelled, so that another one is allowed."""
        if self._failures >= FAILURES:
            self._until = self._clock()

    def failed(self, reason: Message) -> None:
        """Record a failure and its reason."""
        self._failures += 1
        self._reason = reason
        if self._failures >= FAILURES:
            rest = FIRST_REST * 2 ** min(self._failures - FAILURES, 10)
            self._until = self._clock() + min(rest, LONGEST_REST)
