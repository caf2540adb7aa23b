"""Keys and values in blocks: shared until one is written to, and given back."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from tabwright.engine.backends import blocks as blocks_module
from tabwright.engine.backends.blocks import BLOCK, Blocks, BlockState


def blocks(count: int = 512) -> tuple[Blocks, list[np.ndarray]]:
    buffers: list[np.ndarray] = []

    def bind(found: list[np.ndarray]) -> None:
        buffers[:] = found

    return Blocks([(1, BLOCK, 2)], np.float32, bind), buffers


def extend(state: BlockState, ids: list[int], buffers: list[np.ndarray]) -> None:
    """Write each id where its key belongs, as a forward pass does."""
    state.make_room(len(ids))
    for number in ids:
        at = len(state.ids)
        buffers[0][state.table[at // BLOCK], 0, at % BLOCK] = number
        state.ids.append(number)


def held(state: BlockState, buffers: list[np.ndarray]) -> list[int]:
    rows = [buffers[0][block, 0, :, 0] for block in state.table]
    return [int(number) for number in np.concatenate(rows)[: len(state.ids)]]


def test_a_block_is_shared_until_one_writes_to_it() -> None:
    pool, buffers = blocks()
    first = BlockState(pool)
    extend(first, list(range(1, 2 * BLOCK + 6)), buffers)
    copy = first.copy(2 * BLOCK + 3)
    assert copy.table == first.table and pool.used() == 3
    extend(copy, [900, 901], buffers)
    extend(first, [800], buffers)
    assert copy.table[:2] == first.table[:2] and copy.table[2] != first.table[2]
    assert held(first, buffers) == [*range(1, 2 * BLOCK + 6), 800]
    assert held(copy, buffers) == [*range(1, 2 * BLOCK + 4), 900, 901]
    first.truncate(3)
    extend(first, [700] * 40, buffers)
    assert held(first, buffers) == [1, 2, 3, *[700] * 40]
    assert held(copy, buffers) == [*range(1, 2 * BLOCK + 4), 900, 901]


def test_blocks_come_back_when_a_state_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "_INITIAL_BLOCKS", 4)
    pool, buffers = blocks()
    kept = BlockState(pool)
    extend(kept, list(range(100)), buffers)
    for _ in range(50):
        passing = kept.copy(90)
        extend(passing, list(range(60)), buffers)
    del passing
    gc.collect()
    assert pool.used() == 4
    assert held(kept, buffers) == list(range(100))
    # Grown from 4 blocks to what two states need, with what stood there.
    assert 4 < len(buffers[0]) <= 16
