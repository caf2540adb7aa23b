"""Products of int8 matrices and int16 inputs, which take most of the time of a pass."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tabwright.core.message import Message
from tabwright.engine.backends.numba.compile_cache import compiled
from tabwright.engine.backends.numba.scalars import address, fetch_add, rounded
from tabwright.engine.backends.numba.vectors import GROUP, GROUP_ROWS, ROWS, dot

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
_MAX_PIECE = 1280  # numbers of a row that are quantized with one scale
_STEP = 32  # widths are multiples of this
_CHUNK = 32  # rows of a matrix that a thread takes at once; a multiple of ROWS and GROUP_ROWS
_ONE, _ZERO = np.float32(1), np.float32(0)
# Only the products with the first tokens prefetch weights; after that they are in the CPU's cache.
_GROUP_FIRST: Any = dot(GROUP_ROWS, GROUP, prefetch=True)
_THREE_FIRST: Any = dot(ROWS, 3, prefetch=True)
_TWO_FIRST: Any = dot(ROWS, 2, prefetch=True)
_ONE_FIRST: Any = dot(ROWS, 1, prefetch=True)
_GROUP_NEXT: Any = dot(GROUP_ROWS, GROUP, prefetch=False)
_TWO_NEXT: Any = dot(ROWS, 2, prefetch=False)
_ONE_NEXT: Any = dot(ROWS, 1, prefetch=False)
_LEFT: Any = dot(1, 1, prefetch=False)


class Matrix(NamedTuple):
    """Addresses of int8 weights [rows, width] and their scales [rows], and the sizes."""

    weights: int
    scales: int
    rows: int
    width: int
    pieces: int


class QuantizedRows(NamedTuple):
    """Quantized inputs: int16 [tokens, width] and float32 scales [tokens, pieces], flattened."""

    whole: npt.NDArray[np.int16]
    scales: Floats


def pieces_of(width: int) -> int:
    """Return in how many pieces, each with a scale, a row of this width is quantized.

    A piece is a multiple of 32 numbers and short enough that its sums stay within int32. Raises
    ValueError for another width.
    """
    if width % _STEP:
        raise ValueError(Message("a width of {0} is no multiple of {1}", width, _STEP))
    steps = width // _STEP
    most = _MAX_PIECE // _STEP
    return next(n for n in range(1, steps + 1) if steps % n == 0 and steps // n <= most)


@compiled
def quantize_row(row: Floats, into: QuantizedRows, place: int, pieces: int) -> None:
    """Quantize a row to int16, each piece by its largest magnitude, into row ``place``."""
    length = len(row) // pieces
    level = np.float32(min(32767, (2**31 - 1) // (127 * length)))
    shift = place * len(row)
    for piece in range(pieces):
        start = piece * length
        largest = _ZERO
        for index in range(start, start + length):
            largest = max(largest, abs(row[index]))
        scale = largest / level if largest > 0 else _ONE
        into.scales[place * pieces + piece] = scale
        factor = _ONE / scale
        for index in range(start, start + length):
            into.whole[shift + index] = rounded(row[index] * factor)


@compiled
def multiply_row(
    matrix: Matrix, row: int, inputs: QuantizedRows, token: int, outputs: Floats
) -> None:
    """Compute one row's output for one token, bit-identical to that of `multiply`."""
    pieces, width = matrix.pieces, matrix.width
    w, s = matrix.weights + row * width, matrix.scales + 4 * row
    x = address(inputs.whole) + 2 * token * width
    x_scales = address(inputs.scales) + 4 * token * pieces
    _LEFT(w, s, x, x_scales, pieces, width // pieces, address(outputs) + 4 * row, 1)


@compiled
def multiply(
    thread: int,
    threads: int,
    counters: Integers,
    matrix: Matrix,
    inputs: QuantizedRows,
    tokens: int,
    outputs: int,
    stride: int,
) -> None:
    """Compute outputs [tokens, rows] of a matrix, ``stride`` floats from one token to the next.

    Each thread first reads its own part of the rows in sequence, and then helps the others;
    ``counters`` [threads, COUNTER_STRIDE] count the chunks taken from each part.
    """
    chunks = (matrix.rows + _CHUNK - 1) // _CHUNK
    for step in range(threads):
        owner = (thread + step) % threads
        shared = address(counters[owner])
        begin, end = chunks * owner // threads, chunks * (owner + 1) // threads
        while True:
            chunk = begin + fetch_add(shared)
            if chunk >= end:
                break
            first, last = chunk * _CHUNK, min(matrix.rows, (chunk + 1) * _CHUNK)
            _rows(first, last, matrix, inputs, tokens, outputs, stride)


@compiled
def _rows(
    first: int,
    last: int,
    matrix: Matrix,
    inputs: QuantizedRows,
    tokens: int,
    outputs: int,
    stride: int,
) -> None:
    """Compute outputs [tokens, first:last]."""
    pieces, width = matrix.pieces, matrix.width
    length = width // pieces
    even = first + (last - first) // GROUP_ROWS * GROUP_ROWS
    token = 0
    while token < tokens:
        left = tokens - token
        x = address(inputs.whole) + 2 * token * width
        x_scales = address(inputs.scales) + 4 * token * pieces
        y = outputs + 4 * token * stride
        if left >= GROUP:
            count = GROUP
            for row in range(first, even, GROUP_ROWS):
                w, s = matrix.weights + row * width, matrix.scales + 4 * row
                if token == 0:
                    _GROUP_FIRST(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
                else:
                    _GROUP_NEXT(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
        else:
            count = left if token == 0 else min(left, 2)
            for row in range(first, even, ROWS):
                w, s = matrix.weights + row * width, matrix.scales + 4 * row
                if count == 3:
                    _THREE_FIRST(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
                elif count == 2 and token == 0:
                    _TWO_FIRST(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
                elif count == 2:
                    _TWO_NEXT(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
                elif token == 0:
                    _ONE_FIRST(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
                else:
                    _ONE_NEXT(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
        for row in range(even, last):
            for each in range(count):
                x_each, s_each = x + 2 * each * width, x_scales + 4 * each * pieces
                w, s = matrix.weights + row * width, matrix.scales + 4 * row
                _LEFT(w, s, x_each, s_each, pieces, length, y + 4 * (each * stride + row), 1)
        token += count
