"""The prefix cache: keeps computed states and finds the one that saves the most work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tabwright.engine.backends import Backend

_MAX_CONTINUATION = 64  # tokens behind the common prefix that are returned for drafts
_MAX_BYTES = 512 << 20  # about 40 windows with a 0.5B model, 10 with a 1.5B model
_MAX_STATES = 64
# A state is truncated and used in place when that discards at most this many tokens, and not more
# than the common prefix has. Otherwise it is copied, so that the discarded part stays cached.
_MAX_DISCARDED = 256
_ALWAYS_DISCARDED = 64  # so few tokens may be discarded even with a shorter common prefix


class ReusedState(NamedTuple):
    """A busy state with ``length`` tokens of the prompt.

    ``continuation`` are the tokens that followed these in the cached state.
    """

    state: Any
    length: int
    continuation: list[int]


class StateCache:
    """Computed states of one model, evicted least recently used first.

    Only the worker's thread may call it.
    """

    def __init__(
        self, backend: Backend, max_bytes: int = _MAX_BYTES, max_states: int = _MAX_STATES
    ) -> None:
        """Bound the cache by bytes of keys and values and by the number of states."""
        self._backend = backend
        self._max_tokens = max_bytes // backend.bytes_per_token
        self._max_states = max_states
        self._states: list[Any] = []  # most recently used last
        self._busy: list[Any] = []

    def reuse(self, ids: Sequence[int]) -> ReusedState:
        """Return a state that holds the longest cached prefix of `ids`, and mark it busy.

        At least the last token of `ids` is left to compute, because its logits are needed.
        """
        best, length = None, 0
        for state in self._states:
            common = min(common_prefix(state.ids, ids), len(ids) - 1)
            if best is None or common > length:
                best, length = state, common
        continuation = [] if best is None else best.ids[length : length + _MAX_CONTINUATION]
        if best is None:
            chosen = self._backend.new_state()
        elif _may_truncate(len(best.ids) - length, length) or (length == 0 and self._full()):
            self._states.remove(best)
            self._backend.truncate(best, length)
            chosen = best
        elif length == 0:
            chosen = self._backend.new_state()
        else:
            chosen = self._backend.copy_state(best, length)
        self._busy.append(chosen)
        return ReusedState(chosen, length, continuation)

    def give_back(self, state: Any) -> None:
        """Cache a busy state, and evict the least recently used states until the bound holds."""
        self._busy.remove(state)
        self._states.append(state)
        while len(self._states) > 1 and self._over():
            self._states.pop(0)

    def tokens(self) -> int:
        """Return the number of tokens in all states that are not busy."""
        return sum(len(state.ids) for state in self._states)

    def _over(self) -> bool:
        return len(self._states) > self._max_states or self.tokens() > self._max_tokens

    def _full(self) -> bool:
        return len(self._states) >= self._max_states or self.tokens() >= self._max_tokens


def _may_truncate(discarded: int, kept: int) -> bool:
    """Tell whether a state may lose this many tokens: those of an old answer, not a whole file."""
    return discarded <= min(_MAX_DISCARDED, max(kept, _ALWAYS_DISCARDED))


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many leading tokens two sequences share."""
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))
