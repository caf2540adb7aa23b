"""States already computed: finds the one that saves the most work, within a bound on memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tabwright.engine.backends import Backend

_WORTH_FORESEEING = 64  # tokens of an earlier answer that the next one may repeat
_MOST_BYTES = 512 << 20  # some 40 places of a 0.5B model, 10 of a 1.5B one
_MOST_STATES = 64
# Tokens a state may lose to a prompt: no more than this, nor than it shares, unless they are few.
_WORTH_KEEPING = 256
_FEW = 64


class Reused(NamedTuple):
    """A state, how many tokens it holds, and how the one it was made from went on behind them."""

    state: Any
    length: int
    went_on: list[int]


class StateCache:
    """The states of one model, least recently used last to stay; only the worker may call it."""

    def __init__(
        self, backend: Backend, max_bytes: int = _MOST_BYTES, max_states: int = _MOST_STATES
    ) -> None:
        """Keep what fits into so many bytes of keys and values, and no more than so many states."""
        self._backend = backend
        self._max_tokens = max_bytes // backend.bytes_per_token
        self._max_states = max_states
        self._states: list[Any] = []  # most recently used last
        self._busy: list[Any] = []

    def reuse(self, ids: Sequence[int]) -> Reused:
        """Return a state that holds a start of `ids`; then it is busy.

        At least the last token of `ids` is left to compute, since its logits are wanted.
        """
        best, length = None, 0
        for state in self._states:
            common = min(common_prefix(state.ids, ids), len(ids) - 1)
            if best is None or common > length:
                best, length = state, common
        went_on = [] if best is None else best.ids[length : length + _WORTH_FORESEEING]
        if best is None:
            chosen = self._backend.new_state()
        elif _spares(len(best.ids) - length, length) or (length == 0 and self._full()):
            self._states.remove(best)
            self._backend.truncate(best, length)
            chosen = best
        elif length == 0:
            chosen = self._backend.new_state()
        else:
            chosen = self._backend.copy_state(best, length)
        self._busy.append(chosen)
        return Reused(chosen, length, went_on)

    def give_back(self, state: Any) -> None:
        """Keep a busy state for later; the least recently used go until the bound holds."""
        self._busy.remove(state)
        self._states.append(state)
        while len(self._states) > 1 and self._over():
            self._states.pop(0)

    def tokens(self) -> int:
        """Return the number of tokens held in all states that are not busy."""
        return sum(len(state.ids) for state in self._states)

    def _over(self) -> bool:
        return len(self._states) > self._max_states or self.tokens() > self._max_tokens

    def _full(self) -> bool:
        return len(self._states) >= self._max_states or self.tokens() >= self._max_tokens


def _spares(lost: int, kept: int) -> bool:
    """Whether a state may lose so many tokens: an old answer's, and not another file's."""
    return lost <= min(_WORTH_KEEPING, max(kept, _FEW))


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many leading tokens two sequences share."""
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))
