"""Attention kernels over a paged float16 KV cache with blocks of `BLOCK` positions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tabwright.engine.backends.blocks import BLOCK
from tabwright.engine.backends.numba.compile_cache import compiled
from tabwright.engine.backends.numba.matrix import Floats, Integers
from tabwright.engine.backends.numba.scalars import address, exp, half_bits
from tabwright.engine.backends.numba.vectors import COLUMNS, multiply_float16

Cache = npt.NDArray[np.int16]
_ONE, _ZERO = np.float32(1), np.float32(0)
_MULTIPLY_ONE: Any = multiply_float16(1)
_MULTIPLY_TWO: Any = multiply_float16(2)
_MULTIPLY_THREE: Any = multiply_float16(3)
_MULTIPLY_FOUR: Any = multiply_float16(4)
# Typed constants, because numba compiles a function again for every integer literal.
_BLOCK: Any = np.int64(BLOCK)
_OVERWRITE: Any = np.int64(0)


@compiled
def apply_rotary(row: Floats, rotary: Floats) -> None:
    """Apply rotary position embedding (arXiv 2104.09864) to one head, in place.

    ``rotary`` [2, half of the row]: cosines and sines.
    """
    half = len(row) // 2
    for index in range(half):
        left, right = row[index], row[index + half]
        cosine, sine = rotary[0, index], rotary[1, index]
        row[index] = left * cosine - right * sine
        row[index + half] = right * cosine + left * sine


@compiled
def store_key_value(keys: Floats, values: Floats, cache: Cache, place: int) -> None:
    """Store the keys and values [key heads * head width] of a position at index ``place``.

    ``cache`` [2, key heads, BLOCK * head width] is one block: keys by columns, values by rows.
    """
    heads = cache.shape[1]
    wide = len(keys) // heads
    for head in range(heads):
        for index in range(wide):
            cache[0, head, index * BLOCK + place] = half_bits(keys[head * wide + index])
            cache[1, head, place * wide + index] = half_bits(values[head * wide + index])


@compiled
def attend(
    queries: Floats, positions: Integers, table: Integers, cache: Cache, head: int, scores: Floats,
    output: Floats,
) -> None:  # fmt: skip
    """Grouped-query attention (arXiv 2305.13245) of one key head for tokens of one sequence.

    queries, found [tokens, heads * head width]; positions [tokens]; table [blocks];
    cache [blocks, 2, key heads, BLOCK * head width]; scores [tokens * group, positions] is a work
    buffer. All tokens use a block of keys or values while it is in the CPU's cache.
    """
    wide = cache.shape[3] // BLOCK
    group = output.shape[1] // (wide * cache.shape[2])
    tokens = len(positions)
    blocks = positions[tokens - 1] // BLOCK + 1
    stride = scores.shape[1]
    start = head * group * wide
    scale = np.float32(1 / math.sqrt(wide))
    for block in range(blocks):
        keys = address(cache[table[block], 0, head])
        for token in range(tokens):
            query_row = address(queries[token, start:])
            out = address(scores[token * group :, block * BLOCK :])
            _multiply_float16(group, query_row, wide, keys, _BLOCK, wide, out, stride, _OVERWRITE)
    for token in range(tokens):
        for one in range(group):
            _softmax(scores[token * group + one, : positions[token] + 1], scale)
    for block in range(blocks):
        values = address(cache[table[block], 1, head])
        for token in range(tokens):
            inner = min(BLOCK, positions[token] + 1 - block * BLOCK)
            if inner > 0:
                weights_row = address(scores[token * group :, block * BLOCK :])
                out = address(output[token, start:])
                _multiply_float16(
                    group, weights_row, stride, values, wide, inner, out, wide, min(block, 1)
                )


@compiled
def _softmax(row: Floats, scale: np.float32) -> None:
    """Replace a row by the softmax of the row times ``scale``."""
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
def _multiply_float16(
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
    """Multiply rows of float32 by a float16 matrix [inner, columns]."""
    row = 0
    while row < rows:
        count = min(4, rows - row)
        x = left + 4 * row * left_stride
        for column in range(0, columns, COLUMNS):
            m, y = right + 2 * column, outputs + 4 * (row * stride + column)
            if count == 4:
                _MULTIPLY_FOUR(x, left_stride, m, columns, inner, y, stride, add)
            elif count == 3:
                _MULTIPLY_THREE(x, left_stride, m, columns, inner, y, stride, add)
            elif count == 2:
                _MULTIPLY_TWO(x, left_stride, m, columns, inner, y, stride, add)
            else:
                _MULTIPLY_ONE(x, left_stride, m, columns, inner, y, stride, add)
        row += count
