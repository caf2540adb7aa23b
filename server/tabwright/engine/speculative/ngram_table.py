"""What followed the same two or three tokens before, in all that was read and written lately.

A model has its habits, and so has the project it is asked about. This is the idea of Token
Recycling (arXiv 2408.08696), with the tokens that came instead of those that might have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

RUNS = (3, 2)  # tokens that are looked for, the longest first
MOST_TIMES = 4
_LONGEST_TEXT = 2048  # tokens taken in at once, in some milliseconds
_GENERATION = 30_000  # runs that are learnt before the oldest as many are forgotten


class Successor(NamedTuple):
    """A token, behind how many tokens it came, and how many times more often than others."""

    token: int
    run: int
    times: int


class Successors:
    """The usual next token of each run of tokens; only the worker may use it."""

    def __init__(self) -> None:
        self._young: dict[tuple[int, ...], Successor] = {}
        self._old: dict[tuple[int, ...], Successor] = {}

    def learn(self, ids: Sequence[int]) -> None:
        """Take in a text, of a long one the end."""
        ids = ids[-_LONGEST_TEXT:]
        for run in RUNS:
            for end in range(run, len(ids)):
                self._note(tuple(ids[end - run : end]), ids[end])

    def after(self, last: Sequence[int]) -> Successor | None:
        """What mostly came behind the longest known run at the end of ``last``."""
        for run in RUNS:
            found = self._known(tuple(last[-run:]))
            if found is not None:
                return found
        return None

    def _known(self, run: tuple[int, ...]) -> Successor | None:
        return self._young.get(run) or self._old.get(run)

    def _note(self, run: tuple[int, ...], token: int) -> None:
        known = self._known(run)
        if known is None or (known.token != token and known.times == 1):
            noted = Successor(token, len(run), 1)
        else:
            times = known.times + (1 if known.token == token else -1)
            noted = known._replace(times=min(times, MOST_TIMES))
        self._young[run] = noted
        if len(self._young) >= _GENERATION:
            self._young, self._old = {}, self._young
