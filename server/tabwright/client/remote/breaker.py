"""Keeps requests from piling up on an engine that fails."""

from __future__ import annotations

from collections.abc import Callable

from tabwright.core.message import Message, verbatim

FAILURES = 3
FIRST_REST = 5.0
LONGEST_REST = 60.0


class Breaker:
    """Rests for 5, 10, 20 … 60 s once three requests in a row have failed.

    After each rest one request may try; its failure begins the next rest, its success ends all.
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
        """Note that a request goes out: after a rest, others wait for what becomes of it."""
        if self._failures >= FAILURES:
            self._until = self._clock() + FIRST_REST

    def succeeded(self) -> None:
        """Forget all failures."""
        self._failures, self._until, self._reason = 0, 0.0, verbatim("")

    def abandoned(self) -> None:
        """Note that the request was cancelled: nothing was learnt, so another may try."""
        if self._failures >= FAILURES:
            self._until = self._clock()

    def failed(self, reason: Message) -> None:
        """Note a failure, and what it was."""
        self._failures += 1
        self._reason = reason
        if self._failures >= FAILURES:
            rest = FIRST_REST * 2 ** min(self._failures - FAILURES, 10)
            self._until = self._clock() + min(rest, LONGEST_REST)
