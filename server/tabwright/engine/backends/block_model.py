"""Base class of the backends whose keys and values are stored in blocks (paged attention)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tabwright.core.message import Message
from tabwright.engine.backends import BackendError, Logits
from tabwright.engine.backends.blocks import Blocks, BlockState
from tabwright.models import config_file
from tabwright.models.shape import Shape


class BlockModel(ABC):
    """The backend interface over `BlockState`; a subclass sets ``_blocks`` and computes logits."""

    _blocks: Blocks

    @abstractmethod
    def _logits(
        self,
        states: Sequence[BlockState],
        ids: Sequence[Sequence[int]],
        keep: Sequence[int],
        exact: bool,
    ) -> Logits:
        """Compute ids of all sequences, concatenated; return the logits at positions ``keep``.

        The states have blocks for the ids.
        """

    def _infer(
        self,
        states: Sequence[BlockState],
        ids: Sequence[Sequence[int]],
        keep: Sequence[int],
        exact: bool,
    ) -> Logits:
        """Append ids to each state; return the logits at positions ``keep`` of all ids."""
        for state, added in zip(states, ids, strict=True):
            state.make_room(len(added))
        logits = self._logits(states, ids, keep, exact)
        for state, added in zip(states, ids, strict=True):
            state.ids.extend(added)
        return logits

    def new_state(self) -> BlockState:
        """Return an empty state."""
        return BlockState(self._blocks)

    def copy_state(self, state: BlockState, length: int) -> BlockState:
        """Return an independent state with the first `length` tokens, which shares its blocks."""
        return state.copy(length)

    def truncate(self, state: BlockState, length: int) -> None:
        """Remove all but the first `length` tokens; nothing is copied."""
        state.truncate(length)

    def forward(
        self, state: BlockState, ids: Sequence[int], last: int = 1, exact: bool = False
    ) -> Logits:
        """Append `ids` to the state; return float32 logits [last, vocabulary]."""
        return self._infer([state], [ids], range(len(ids) - last, len(ids)), exact)

    def fork(self, state: BlockState, count: int) -> list[BlockState]:
        """Return `count` sequences that continue the state and share its blocks."""
        return [state.copy(len(state.ids)) for _ in range(count)]

    def step(self, sequences: list[BlockState], ids: Sequence[int], exact: bool = False) -> Logits:
        """Append one token to each sequence; return float32 logits [sequences, vocabulary]."""
        return self._infer(sequences, [[one] for one in ids], range(len(ids)), exact)

    def keep(self, sequences: list[BlockState], indices: Sequence[int]) -> None:
        """Drop all sequences except those at these indices."""
        sequences[:] = [sequences[index] for index in indices]


def positions_of(
    states: Sequence[BlockState], ids: Sequence[Sequence[int]]
) -> npt.NDArray[np.int64]:
    """Return the position of each id in its sequence, for the ids of all sequences concatenated."""
    return np.concatenate(
        [
            np.arange(len(state.ids), len(state.ids) + len(added))
            for state, added in zip(states, ids, strict=True)
        ]
    )


def config_and_shape(folder: Path, library: str) -> tuple[Mapping[str, Any], Shape]:
    """Read the config of a converted model; raises BackendError for an unsupported family."""
    config = config_file.read(folder)
    shape = Shape.of(config)
    if shape is None:
        raise BackendError(
            Message("{0} is of a family that {1} does not know here", folder.name, library)
        )
    return config, shape
