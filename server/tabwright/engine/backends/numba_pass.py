"""One pass of a model of the Llama family, computed by several threads that each run all of this.

Weights are int8 with a scale for each row. Inputs of a matrix are rounded to int16 with a scale for
each token and piece of the input, which loses nothing beside the weights; keys and values are
float16. An output does not depend on what is computed in the same pass, to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from tabwright.engine.backends.blocks import BLOCK
from tabwright.engine.backends.numba_vectors import (
    COLUMNS,
    GROUP,
    GROUP_ROWS,
    ROWS,
    dot,
    exp,
    give_way,
    half_bits,
    look,
    mix,
    rounded,
    take,
)

_F = TypeVar("_F", bound=Callable[..., Any])
Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]
_CHUNK = 32  # rows of a matrix that a thread takes at once
_SPINS = 2000  # looks at a barrier before the core is given to whoever wants it
APART = 8  # int64 from one shared counter to the next: a cache line each
_ONE, _ZERO = np.float32(1), np.float32(0)


def compiled(function: _F) -> _F:
    """Compile a function once for this CPU; sums may be reordered, nothing is checked."""
    fast = {"reassoc", "nsz", "nnan", "contract", "arcp"}
    make = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=fast)
    return cast(_F, make(function))


class Sizes(NamedTuple):
    """The sizes of a model, and of one pass."""

    layers: int
    heads: int
    key_heads: int
    head_width: int
    width: int
    inner: int
    vocabulary: int
    epsilon: float


class Weights(NamedTuple):
    """Addresses of the int8 matrices and of their scales, [layers, 7, 2], and the vectors.

    Matrices: query, key, value, output, gate, up, down. ``head`` holds the address of the last
    one, of its scales. ``piece_counts``: pieces that inputs of the model's width, of the heads'
    and of the inner width are rounded in. ``head_norms`` is empty but for Qwen3.
    """

    matrices: Whole
    head: Whole
    norms: Floats
    last_norm: Floats
    biases: Floats
    head_norms: Floats
    piece_counts: Whole


class Pass(NamedTuple):
    """What a pass reads and writes; all tokens of all sequences in a row.

    hidden [tokens, width]: embeddings. positions, sequences [tokens]; tables [sequences, blocks].
    turns [tokens, 2, head width / 2]: cosines and sines. cache [blocks, layers, 2, key heads,
    BLOCK * head width], float16 as int16; keys lie by columns, values by rows. keep: tokens whose
    logits are wanted. logits [kept, vocabulary]. The others are room to work in.
    """

    hidden: Floats
    positions: Whole
    sequences: Whole
    tables: Whole
    turns: Floats
    cache: npt.NDArray[np.int16]
    keep: Whole
    logits: Floats
    rounded: npt.NDArray[np.int16]
    scales: Floats
    first: Floats
    second: Floats
    scores: Floats
    counters: Whole


_DOT_ONE, _DOT_TWO, _DOT_THREE = (dot(ROWS, tokens, True) for tokens in (1, 2, 3))
_DOT_GROUP, _DOT_AGAIN = dot(GROUP_ROWS, GROUP, True), dot(GROUP_ROWS, GROUP, False)
_DOT_TWO_AGAIN, _DOT_ONE_AGAIN, _DOT_LEFT = dot(ROWS, 2, False), dot(ROWS, 1, False), dot(1, 1, False)
_MIX_ONE, _MIX_TWO, _MIX_THREE, _MIX_FOUR = mix(1), mix(2), mix(3), mix(4)


@compiled
def _meet(counters: Whole, threads: int, meetings: int) -> int:
    """Wait until all threads have come here as often; return how often that was."""
    address = counters.ctypes.data
    take(address)
    spins = 0
    while look(address) < threads * (meetings + 1):
        spins += 1
        if spins > _SPINS:
            give_way()
    return meetings + 1


@compiled
def _rows(
    first: int,
    last: int,
    weights: int,
    scales: int,
    inputs: int,
    input_scales: int,
    tokens: int,
    pieces: int,
    length: int,
    outputs: int,
    stride: int,
) -> None:
    """Outputs [tokens, first:last] of a matrix."""
    width = pieces * length
    even = first + (last - first) // ROWS * ROWS
    token = 0
    while token < tokens:
        left = tokens - token
        x, x_scales = inputs + 2 * token * width, input_scales + 4 * token * pieces
        y = outputs + 4 * token * stride
        if left >= GROUP:
            for row in range(first, even, GROUP_ROWS):
                w, s = weights + row * width, scales + 4 * row
                if token == 0:
                    _DOT_GROUP(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
                else:
                    _DOT_AGAIN(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
            count = GROUP
        elif left == 3 and token == 0:
            for row in range(first, even, ROWS):
                w, s = weights + row * width, scales + 4 * row
                _DOT_THREE(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
            count = 3
        elif left >= 2:
            for row in range(first, even, ROWS):
                w, s = weights + row * width, scales + 4 * row
                if token == 0:
                    _DOT_TWO(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
                else:
                    _DOT_TWO_AGAIN(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
            count = 2
        else:
            for row in range(first, even, ROWS):
                w, s = weights + row * width, scales + 4 * row
                if token == 0:
                    _DOT_ONE(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
                else:
                    _DOT_ONE_AGAIN(w, s, x, x_scales, pieces, length, y + 4 * row, stride)
            count = 1
        for row in range(even, last):
            for each in range(count):
                x_each, s_each = x + 2 * each * width, x_scales + 4 * each * pieces
                w, s = weights + row * width, scales + 4 * row
                _DOT_LEFT(w, s, x_each, s_each, pieces, length, y + 4 * (each * stride + row), 1)
        token += count


@compiled
def _multiply(
    counter: int,
    weights: int,
    scales: int,
    rows: int,
    width: int,
    pieces: int,
    at: Pass,
    tokens: int,
    outputs: int,
    stride: int,
) -> None:
    """Outputs [tokens, rows] of a matrix, in chunks of rows that threads take in turn."""
    inputs, input_scales = at.rounded.ctypes.data, at.scales.ctypes.data
    shared = at.counters.ctypes.data + 8 * APART * counter
    chunks = (rows + _CHUNK - 1) // _CHUNK
    while True:
        chunk = take(shared)
        if chunk >= chunks:
            return
        first, last = chunk * _CHUNK, min(rows, (chunk + 1) * _CHUNK)
        _rows(
            first, last, weights, scales, inputs, input_scales, tokens, pieces, width // pieces,
            outputs, stride,
        )  # fmt: skip


@compiled
def _round(row: Floats, whole: npt.NDArray[np.int16], scales: Floats, pieces: int) -> None:
    """A row in int16, each piece with a scale of its own."""
    length = len(row) // pieces
    level = np.float32(min(32767, (2**31 - 1) // (127 * length)))
    for piece in range(pieces):
        start = piece * length
        largest = _ZERO
        for index in range(start, start + length):
            largest = max(largest, abs(row[index]))
        scale = largest / level if largest > 0 else _ONE
        scales[piece] = scale
        factor = _ONE / scale
        for index in range(start, start + length):
            whole[index] = rounded(row[index] * factor)


@compiled
def _norm(row: Floats, weight: Floats, epsilon: float, out: Floats) -> None:
    """RMSNorm (arXiv 1910.07467) of a row."""
    total = _ZERO
    for value in row:
        total += value * value
    factor = np.float32(1 / math.sqrt(total / len(row) + epsilon))
    for index in range(len(row)):
        out[index] = row[index] * factor * weight[index]


@compiled
def _turn(row: Floats, turns: Floats) -> None:
    """Rotary positions (arXiv 2104.09864): each pair of a head's halves turned by its angle."""
    half = len(row) // 2
    for index in range(half):
        left, right = row[index], row[index + half]
        cosine, sine = turns[0, index], turns[1, index]
        row[index] = left * cosine - right * sine
        row[index + half] = right * cosine + left * sine


@compiled
def _place(sizes: Sizes, weights: Weights, at: Pass, layer: int, token: int) -> None:
    """Finish queries, keys and values of a token, and put its keys and values into the cache."""
    wide = sizes.head_width
    row = at.first[token]
    for index in range((sizes.heads + 2 * sizes.key_heads) * wide):
        row[index] += weights.biases[layer, index]
    for head in range(sizes.heads + sizes.key_heads):
        mine = row[head * wide : (head + 1) * wide]
        if len(weights.head_norms):
            kind = 0 if head < sizes.heads else 1
            _norm(mine, weights.head_norms[layer, kind], sizes.epsilon, mine)
        _turn(mine, at.turns[token])
    scale = np.float32(1 / math.sqrt(wide))
    for index in range(sizes.heads * wide):
        row[index] *= scale
    position = at.positions[token]
    block = at.tables[at.sequences[token], position // BLOCK]
    place = position % BLOCK
    for head in range(sizes.key_heads):
        keys, values = at.cache[block, layer, 0, head], at.cache[block, layer, 1, head]
        key_at = (sizes.heads + head) * wide
        value_at = key_at + sizes.key_heads * wide
        for index in range(wide):
            keys[index * BLOCK + place] = half_bits(row[key_at + index])
            values[place * wide + index] = half_bits(row[value_at + index])


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


@compiled
def _attend(sizes: Sizes, at: Pass, layer: int, token: int, head: int, scores: Floats) -> None:
    """What the queries of a key head's group find (arXiv 2305.13245), into ``second``."""
    wide = sizes.head_width
    group = sizes.heads // sizes.key_heads
    seen = at.positions[token] + 1
    blocks = (seen + BLOCK - 1) // BLOCK
    table = at.tables[at.sequences[token]]
    stride = scores.shape[1]
    queries = at.first[token, head * group * wide :].ctypes.data
    room = scores.ctypes.data
    for block in range(blocks):
        keys = at.cache[table[block], layer, 0, head].ctypes.data
        _mixed(group, queries, wide, keys, BLOCK, wide, room + 4 * block * BLOCK, stride, 0)
    out = at.second[token, head * group * wide :]
    for one in range(group):
        row = scores[one, :seen]
        largest = row[0]
        for value in row:
            largest = max(largest, value)
        total = _ZERO
        for index in range(seen):
            row[index] = exp(row[index] - largest)
            total += row[index]
        factor = _ONE / total
        for index in range(seen):
            row[index] *= factor
    for block in range(blocks):
        values = at.cache[table[block], layer, 1, head].ctypes.data
        inner = min(BLOCK, seen - block * BLOCK)
        start = room + 4 * block * BLOCK
        _mixed(group, start, stride, values, wide, inner, out.ctypes.data, wide, int(block > 0))


@compiled
def _prepare(row: Floats, norm: Floats, sizes: Sizes, at: Pass, place: int, pieces: int) -> None:
    """Norm a row and round it as the input of the next matrix, at ``place`` among its inputs."""
    passing = at.second[place, : len(row)]
    _norm(row, norm, sizes.epsilon, passing)
    width = len(row)
    whole = at.rounded[place * width : (place + 1) * width]
    _round(passing, whole, at.scales[place * pieces : (place + 1) * pieces], pieces)


@compiled
def run(me: int, threads: int, sizes: Sizes, weights: Weights, at: Pass) -> None:
    """Compute a pass; every thread calls this with its number, and all return at its end.

    ``counters`` must be zero: one for the meetings, and one for each work that is shared.
    """
    tokens = len(at.positions)
    met = 0
    counter = 1
    asked = sizes.heads * sizes.head_width
    kept = sizes.key_heads * sizes.head_width
    joined = asked + 2 * kept
    by_width, by_heads, by_inner = weights.piece_counts
    group = sizes.heads // sizes.key_heads
    first, second = at.first.ctypes.data, at.second.ctypes.data
    wide, inner = at.first.shape[1], at.second.shape[1]
    for layer in range(sizes.layers):
        matrices = weights.matrices[layer]
        for token in range(me, tokens, threads):
            if layer:
                _add(at.hidden[token], at.first[token])
            _prepare(at.hidden[token], weights.norms[layer, 0], sizes, at, token, by_width)
        met = _meet(at.counters, threads, met)
        begin = 0
        for kind in range(3):
            rows = asked if kind == 0 else kept
            _multiply(
                counter, matrices[kind, 0], matrices[kind, 1], rows, sizes.width, by_width, at,
                tokens, first + 4 * begin, wide,
            )  # fmt: skip
            counter += 1
            begin += rows
        met = _meet(at.counters, threads, met)
        for token in range(me, tokens, threads):
            _place(sizes, weights, at, layer, token)
        met = _meet(at.counters, threads, met)
        shared = at.counters[APART * counter :].ctypes.data
        while True:
            job = take(shared)
            if job >= tokens * sizes.key_heads:
                break
            scores = at.scores[me * group : (me + 1) * group]
            _attend(sizes, at, layer, job // sizes.key_heads, job % sizes.key_heads, scores)
        counter += 1
        met = _meet(at.counters, threads, met)
        for token in range(me, tokens, threads):
            whole = at.rounded[token * asked : (token + 1) * asked]
            scales = at.scales[token * by_heads : (token + 1) * by_heads]
            _round(at.second[token, :asked], whole, scales, by_heads)
        met = _meet(at.counters, threads, met)
        _multiply(
            counter, matrices[3, 0], matrices[3, 1], sizes.width, asked, by_heads, at, tokens,
            first, wide,
        )  # fmt: skip
        counter += 1
        met = _meet(at.counters, threads, met)
        for token in range(me, tokens, threads):
            _add(at.hidden[token], at.first[token])
            _prepare(at.hidden[token], weights.norms[layer, 1], sizes, at, token, by_width)
        met = _meet(at.counters, threads, met)
        for kind in range(4, 6):
            _multiply(
                counter, matrices[kind, 0], matrices[kind, 1], sizes.inner, sizes.width, by_width,
                at, tokens, first if kind == 4 else second, wide if kind == 4 else inner,
            )  # fmt: skip
            counter += 1
        met = _meet(at.counters, threads, met)
        for token in range(me, tokens, threads):
            gate, up = at.first[token, : sizes.inner], at.second[token, : sizes.inner]
            for index in range(sizes.inner):  # SwiGLU: arXiv 2002.05202
                up[index] *= gate[index] / (_ONE + exp(-gate[index]))
            whole = at.rounded[token * sizes.inner : (token + 1) * sizes.inner]
            _round(up, whole, at.scales[token * by_inner : (token + 1) * by_inner], by_inner)
        met = _meet(at.counters, threads, met)
        _multiply(
            counter, matrices[6, 0], matrices[6, 1], sizes.width, sizes.inner, by_inner, at,
            tokens, first, wide,
        )  # fmt: skip
        counter += 1
        met = _meet(at.counters, threads, met)
    for place in range(me, len(at.keep), threads):
        token = at.keep[place]
        _add(at.hidden[token], at.first[token])
        _prepare(at.hidden[token], weights.last_norm, sizes, at, place, by_width)
    met = _meet(at.counters, threads, met)
    _multiply(
        counter, weights.head[0], weights.head[1], sizes.vocabulary, sizes.width, by_width, at,
        len(at.keep), at.logits.ctypes.data, sizes.vocabulary,
    )  # fmt: skip
    met = _meet(at.counters, threads, met)


@compiled
def _add(row: Floats, added: Floats) -> None:
    for index in range(len(row)):
        row[index] += added[index]
