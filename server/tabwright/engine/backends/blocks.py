"""Keys and values in blocks that sequences share until one of them writes (arXiv 2309.06180).

So a sequence is cut, copied or forked without moving what is computed: only lists of block numbers
change hands, and at most one block is copied when a shared one is written to.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 32  # positions a block holds; the plugin's own size on a CPU
_FIRST = 512  # blocks at the start: address space, which becomes memory when it is written to
Buffer = npt.NDArray[Any]


class Blocks:
    """The buffers of all layers, [blocks, key heads, BLOCK, width], and who uses each block."""

    def __init__(
        self, shapes: Sequence[tuple[int, ...]], dtype: Any, bind: Callable[[list[Buffer]], None]
    ) -> None:
        """``shapes`` are those of one block of each buffer; ``bind`` hears of new buffers."""
        self._bind = bind
        self._users: list[int] = [0] * _FIRST
        self._free = list(range(_FIRST - 1, -1, -1))
        self._buffers: list[Buffer] = [np.zeros((_FIRST, *shape), dtype) for shape in shapes]
        bind(self._buffers)

    def used(self) -> int:
        """The number of blocks that some sequence uses."""
        return len(self._users) - len(self._free)

    def take(self) -> int:
        """A block for one user."""
        if not self._free:
            self._grow()
        block = self._free.pop()
        self._users[block] = 1
        return block

    def share(self, blocks: Sequence[int]) -> None:
        """Count one more user of each block."""
        for block in blocks:
            self._users[block] += 1

    def release(self, blocks: Sequence[int]) -> None:
        """Count one user less of each block."""
        for block in blocks:
            self._users[block] -= 1
            if not self._users[block]:
                self._free.append(block)

    def own(self, block: int) -> int:
        """The block itself, or a copy of it where others use it too."""
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
    """Token ids and the blocks of their keys and values, given back when nobody has the state."""

    def __init__(self, blocks: Blocks, ids: Sequence[int] = (), shared: Sequence[int] = ()) -> None:
        """A state with the ids whose keys and values stand in the ``shared`` blocks."""
        self.ids = list(ids)
        self.table = list(shared)
        self._blocks = blocks
        blocks.share(self.table)
        weakref.finalize(self, blocks.release, self.table)

    def copy(self, length: int) -> BlockState:
        """A state of its own with the first ``length`` ids; no key is copied."""
        return BlockState(self._blocks, self.ids[:length], self.table[: _count(length)])

    def truncate(self, length: int) -> None:
        """Forget all but the first ``length`` ids."""
        del self.ids[length:]
        needed = _count(len(self.ids))
        self._blocks.release(self.table[needed:])
        del self.table[needed:]

    def make_room(self, count: int) -> None:
        """Own the blocks that ``count`` further ids are written to."""
        length = len(self.ids)
        if length % BLOCK:
            self.table[length // BLOCK] = self._blocks.own(self.table[length // BLOCK])
        while len(self.table) < _count(length + count):
            self.table.append(self._blocks.take())


def _count(positions: int) -> int:
    return -(-positions // BLOCK)
