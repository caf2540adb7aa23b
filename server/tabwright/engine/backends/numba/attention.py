"""Attention over keys and values that lie in blocks of `BLOCK` positions, in float16."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tabwright.engine.backends.blocks import BLOCK
from tabwright.engine.backends.numba.compile_cache import compiled
from tabwright.engine.backends.numba.matrix import Floats, Whole
from tabwright.engine.backends.numba.scalars import address, exp, half_bits
from tabwright.engine.backends.numba.vectors import COLUMNS, mix

Cache = npt.NDArray[np.int16]
_ONE, _ZERO = np.float32(1), np.float32(0)
_MIX_ONE: Any = mix(1)
_MIX_TWO: Any = mix(2)
_MIX_THREE: Any = mix(3)
_MIX_FOUR: Any = mix(4)
# numba compiles a function anew for every number that it knows beforehand.
_BLOCK: Any = np.int64(BLOCK)
_SET: Any = np.int64(0)


@compiled
def turn(row: Floats, turns: Floats) -> None:
    """Rotary positions (arXiv 2104.09864): each pair of a head's halves turned by its angle.

    ``turns`` [2, half of the row]: cosines and sines.
    """
    half = len(row) // 2
    for index in range(half):
        left, right = row[index], row[index + half]
        cosine, sine = turns[0, index], turns[1, index]
        row[index] = left * cosine - right * sine
        row[index + half] = right * cosine + left * sine


@compiled
def put(keys: Floats, values: Floats, cache: Cache, place: int) -> None:
    """Write a position's keys and values [key heads * head width] into ``place`` of a block.

    ``cache`` [2, key heads, BLOCK * head width]: keys lie by columns, values by rows.
    """
    heads = cache.shape[1]
    wide = len(keys) // heads
    for head in range(heads):
        for index in range(wide):
            cache[0, head, index * BLOCK + place] = half_bits(keys[head * wide + index])
            cache[1, head, place * wide + index] = half_bits(values[head * wide + index])


@compiled
def attend(
    queries: Floats, positions: Whole, table: Whole, cache: Cache, head: int, scores: Floats,
    found: Floats,
) -> None:  # fmt: skip
    """What the queries of a key head's group find (arXiv 2305.13245), for tokens of one sequence.

    queries, found [tokens, heads * head width]; positions [tokens]; table [blocks];
    cache [blocks, 2, key heads, BLOCK * head width]; scores [tokens * group, positions]: room.
    The tokens share each block of keys and of values while it is near.
    """
    wide = cache.shape[3] // BLOCK
    group = found.shape[1] // (wide * cache.shape[2])
    tokens = len(positions)
    blocks = positions[tokens - 1] // BLOCK + 1
    stride = scores.shape[1]
    start = head * group * wide
    scale = np.float32(1 / math.sqrt(wide))
    for block in range(blocks):
        keys = address(cache[table[block], 0, head])
        for token in range(tokens):
            asking = address(queries[token, start:])
            out = address(scores[token * group :, block * BLOCK :])
            _mixed(group, asking, wide, keys, _BLOCK, wide, out, stride, _SET)
    for token in range(tokens):
        for one in range(group):
            _soften(scores[token * group + one, : positions[token] + 1], scale)
    for block in range(blocks):
        values = address(cache[table[block], 1, head])
        for token in range(tokens):
            inner = min(BLOCK, positions[token] + 1 - block * BLOCK)
            if inner > 0:
                given = address(scores[token * group :, block * BLOCK :])
                out = address(found[token, start:])
                _mixed(group, given, stride, values, wide, inner, out, wide, min(block, 1))


@compiled
def _soften(row: Floats, scale: np.float32) -> None:
    """Softmax of a row times ``scale``."""
    largest = row[0]
    for value in row:
        largest = max(largest, value)
    total = _ZERO
    for index in range(len(row)):
        row[index] = exp((row[index] - largest) * scale)
        total += row[index]
    factor = _ONE / total
    for index in range(len(row)):
        row[index] *= factor


@compiled
def _mixed(
    rows: int,
    left: int,
    left_stride: int,
    right: int,
    columns: int,
    inner: int,
    outputs: int,
    stride: int,
    add: int,
) -> None:
    """Rows of float32 times a float16 matrix [inner, columns]."""
    row = 0
    while row < rows:
        count = min(4, rows - row)
        x = left + 4 * row * left_stride
        for column in range(0, columns, COLUMNS):
            m, y = right + 2 * column, outputs + 4 * (row * stride + column)
            if count == 4:
                _MIX_FOUR(x, left_stride, m, columns, inner, y, stride, add)
            elif count == 3:
                _MIX_THREE(x, left_stride, m, columns, inner, y, stride, add)
            elif count == 2:
                _MIX_TWO(x, left_stride, m, columns, inner, y, stride, add)
            else:
                _MIX_ONE(x, left_stride, m, columns, inner, y, stride, add)
        row += count
