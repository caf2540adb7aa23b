"""Paged KV cache: keys and values in blocks, copied on write (PagedAttention, arXiv 2309.06180).

A sequence is truncated, copied or forked by changing its list of block numbers. At most one block
is copied, when a sequence writes to a block that others share.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 32  # positions in a block; OpenVINO's CPU plugin uses this size
_INITIAL_BLOCKS = 512  # address space that becomes memory only when it is written to
Buffer = npt.NDArray[Any]


class Blocks:
    """The KV buffers of all layers, [blocks, key heads, BLOCK, width], with reference counts."""

    def __init__(
        self, shapes: Sequence[tuple[int, ...]], dtype: Any, bind: Callable[[list[Buffer]], None]
    ) -> None:
        """``shapes`` are those of one block in each buffer; ``bind`` is called with new buffers."""
        self._bind = bind
        self._users: list[int] = [0] * _INITIAL_BLOCKS
        self._free = list(range(_INITIAL_BLOCKS - 1, -1, -1))
        self._buffers: list[Buffer] = [
            np.zeros((_INITIAL_BLOCKS, *shape), dtype) for shape in shapes
        ]
        bind(self._buffers)

    def used(self) -> int:
        """Return the number of blocks in use."""
        return len(self._users) - len(self._free)

    def take(self) -> int:
        """Allocate a block for one user."""
        if not self._free:
            self._grow()
        block = self._free.pop()
        self._users[block] = 1
        return block

    def share(self, blocks: Sequence[int]) -> None:
        """Add a user to each block."""
        for block in blocks:
            self._users[block] += 1

    def release(self, blocks: Sequence[int]) -> None:
        """Remove a user from each block, and free blocks without users."""
        for block in blocks:
            self._users[block] -= 1
            if not self._users[block]:
                self._free.append(block)

    def make_writable(self, block: int) -> int:
        """Return a block to write to: the block itself, or a copy if others use it too."""
        if self._users[block] == 1:
            return block
        copy = self.take()
        for buffer in self._buffers:
            buffer[copy] = buffer[block]
        self.release([block])
        return copy

    def _grow(self) -> None:
        had = len(self._users)
        grown = []
        for buffer in self._buffers:
            larger = np.zeros((2 * had, *buffer.shape[1:]), buffer.dtype)
            larger[:had] = buffer
            grown.append(larger)
        self._buffers = grown
        self._bind(grown)
        self._users += [0] * had
        self._free += range(2 * had - 1, had - 1, -1)


class BlockState:
    """The token ids of a sequence and its blocks, which are freed with the state."""

    def __init__(self, blocks: Blocks, ids: Sequence[int] = (), shared: Sequence[int] = ()) -> None:
        """Make a state of ``ids`` whose keys and values are in the ``shared`` blocks."""
        self.ids = list(ids)
        self.table = list(shared)
        self._blocks = blocks
        blocks.share(self.table)
        weakref.finalize(self, blocks.release, self.table)

    def copy(self, length: int) -> BlockState:
        """Return an independent state with the first ``length`` ids; no block is copied."""
        return BlockState(self._blocks, self.ids[:length], self.table[: _count(length)])

    def truncate(self, length: int) -> None:
        """Remove all but the first ``length`` ids."""
        del self.ids[length:]
        needed = _count(len(self.ids))
        self._blocks.release(self.table[needed:])
        del self.table[needed:]

    def make_room(self, count: int) -> None:
        """Allocate blocks, writable by this state alone, for ``count`` more ids."""
        length = len(self.ids)
        if length % BLOCK:
            self.table[length // BLOCK] = self._blocks.make_writable(self.table[length // BLOCK])
        while len(self.table) < _count(length + count):
            self.table.append(self._blocks.take())


def _count(positions: int) -> int:
    return -(-positions // BLOCK)
