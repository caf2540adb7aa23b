"""What models whose keys and values lie in blocks have alike: all but the computing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from tabwright.engine.backends import Logits
from tabwright.engine.backends.blocks import Blocks, BlockState


class BlockModel(ABC):
    """States and sequences of the engine's interface; who inherits sets ``_blocks``."""

    _blocks: Blocks

    @abstractmethod
    def _infer(
        self, states: Sequence[BlockState], ids: Sequence[Sequence[int]], keep: Sequence[int]
    ) -> Logits:
        """Append ids to each state; return the logits of the kept positions of all ids in a row."""

    def new_state(self) -> BlockState:
        """Return an empty state."""
        return BlockState(self._blocks)

    def copy_state(self, state: BlockState, length: int) -> BlockState:
        """Return a state of its own with the first `length` tokens; nothing is copied yet."""
        return state.copy(length)

    def truncate(self, state: BlockState, length: int) -> None:
        """Forget all but the first `length` tokens; nothing is copied."""
        state.truncate(length)

    def forward(self, state: BlockState, ids: Sequence[int], last: int = 1) -> Logits:
        """Append `ids` to the state; return float32 logits [last, vocabulary]."""
        return self._infer([state], [ids], range(len(ids) - last, len(ids)))

    def fork(self, state: BlockState, count: int) -> list[BlockState]:
        """Return `count` sequences that go on from the state, whose blocks they share."""
        return [state.copy(len(state.ids)) for _ in range(count)]

    def step(self, sequences: list[BlockState], ids: Sequence[int]) -> Logits:
        """Append one token to each sequence; return float32 logits [sequences, vocabulary]."""
        return self._infer(sequences, [[one] for one in ids], range(len(ids)))

    def keep(self, sequences: list[BlockState], places: Sequence[int]) -> None:
        """Go on with the sequences at these places alone."""
        sequences[:] = [sequences[place] for place in places]
