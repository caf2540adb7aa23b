"""One pass of a model of the Llama family, computed by several threads that each run all of this.

Weights are int8 with a scale for each row. Inputs of a matrix are rounded to int16 with a scale for
each token and piece of the input, which loses nothing beside the weights; keys and values are
float16. An output does not depend on what is computed in the same pass, to the bit.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tabwright.engine.backends.blocks import BLOCK
from tabwright.engine.backends.numba.attention import Cache, attend, put, turn
from tabwright.engine.backends.numba.compile_cache import compiled
from tabwright.engine.backends.numba.head import Screen, narrow, settle
from tabwright.engine.backends.numba.matrix import (
    Floats,
    Matrix,
    Rounded,
    Whole,
    multiply,
    round_row,
)
from tabwright.engine.backends.numba.scalars import address, exp, give_way, look, take

BUNDLE = 4  # tokens whose attention is computed together
WORKS = 8  # works of a layer that threads share
APART = 8  # int64 from one shared counter to the next: a cache line each
_SPINS = 2000  # looks at a meeting before the core is given to whoever wants it
_ONE, _ZERO = np.float32(1), np.float32(0)
_NONE: Any = np.int64(0)


class Sizes(NamedTuple):
    """The sizes of a model."""

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

    Matrices: query, key, value, output, gate, up, down. ``head`` [2]: the addresses of the last
    one. ``piece_counts`` [3]: pieces that rows of the model's width, of all heads' and of the
    inner width are rounded in. ``head_norms`` [layers, 2, head width], of no layer but for Qwen3.
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

    hidden [tokens, width]: embeddings. positions, sequences [tokens]. bundles [n, 2]: where tokens
    of one sequence begin and end, at most `BUNDLE`. tables [sequences, blocks]. turns [tokens, 2,
    head width / 2]: cosines and sines. cache [blocks, layers, 2, key heads, BLOCK * head width]:
    float16 as int16. keep: tokens whose logits are wanted. logits [kept, vocabulary], all ``exact``
    or those of unlikely tokens estimates. counters [1 + works, threads, APART], zero at the start:
    for the meetings, then what is taken of each work. The others are room to work in.
    """

    hidden: Floats
    positions: Whole
    sequences: Whole
    bundles: Whole
    tables: Whole
    turns: Floats
    cache: Cache
    keep: Whole
    logits: Floats
    exact: bool
    counters: Whole
    rounded: Rounded
    narrow: Rounded
    first: Floats
    second: Floats
    scores: Floats


@compiled
def run(me: int, threads: int, sizes: Sizes, weights: Weights, screen: Screen, at: Pass) -> None:
    """Compute a pass; every thread calls this with its number, and all return at its end."""
    tokens = len(at.positions)
    met: int = _NONE
    work: int = _NONE
    asked = sizes.heads * sizes.head_width
    kept = sizes.key_heads * sizes.head_width
    by_width, by_heads, by_inner = weights.piece_counts
    first, second = address(at.first), address(at.second)
    wide, wide_too = at.first.shape[1], at.second.shape[1]
    for layer in range(sizes.layers):
        matrices = weights.matrices[layer]
        for token in range(me, tokens, threads):
            if layer:
                _add(at.hidden[token], at.first[token])
            _prepare(token, token, weights.norms[layer, 0], sizes.epsilon, by_width, at)
        met = _meet(at.counters, threads, met)
        column = 0
        for kind in range(3):
            rows = asked if kind == 0 else kept
            matrix = Matrix(matrices[kind, 0], matrices[kind, 1], rows, sizes.width, by_width)
            work += 1
            counters = at.counters[work]
            out = first + 4 * column
            multiply(me, threads, counters, matrix, at.rounded, tokens, out, wide)
            column += rows
        met = _meet(at.counters, threads, met)
        for token in range(me, tokens, threads):
            _place(sizes, weights, at, layer, token)
        met = _meet(at.counters, threads, met)
        work += 1
        _attend(me, sizes, at, layer, at.counters[work])
        met = _meet(at.counters, threads, met)
        for token in range(me, tokens, threads):
            round_row(at.second[token, :asked], at.rounded, token, by_heads)
        met = _meet(at.counters, threads, met)
        matrix = Matrix(matrices[3, 0], matrices[3, 1], sizes.width, asked, by_heads)
        work += 1
        multiply(me, threads, at.counters[work], matrix, at.rounded, tokens, first, wide)
        met = _meet(at.counters, threads, met)
        for token in range(me, tokens, threads):
            _add(at.hidden[token], at.first[token])
            _prepare(token, token, weights.norms[layer, 1], sizes.epsilon, by_width, at)
        met = _meet(at.counters, threads, met)
        for kind in range(4, 6):
            matrix = Matrix(
                matrices[kind, 0], matrices[kind, 1], sizes.inner, sizes.width, by_width
            )
            work += 1
            out, stride = (first, wide) if kind == 4 else (second, wide_too)
            multiply(me, threads, at.counters[work], matrix, at.rounded, tokens, out, stride)
        met = _meet(at.counters, threads, met)
        for token in range(me, tokens, threads):
            gate, up = at.first[token, : sizes.inner], at.second[token, : sizes.inner]
            for index in range(sizes.inner):  # SwiGLU: arXiv 2002.05202
                up[index] *= gate[index] / (_ONE + exp(-gate[index]))
            round_row(up, at.rounded, token, by_inner)
        met = _meet(at.counters, threads, met)
        matrix = Matrix(matrices[6, 0], matrices[6, 1], sizes.width, sizes.inner, by_inner)
        work += 1
        multiply(me, threads, at.counters[work], matrix, at.rounded, tokens, first, wide)
        met = _meet(at.counters, threads, met)
    for place in range(me, len(at.keep), threads):
        token = at.keep[place]
        if sizes.layers:
            _add(at.hidden[token], at.first[token])
        _prepare(token, place, weights.last_norm, sizes.epsilon, by_width, at)
    met = _meet(at.counters, threads, met)
    head = Matrix(weights.head[0], weights.head[1], sizes.vocabulary, sizes.width, by_width)
    work += 1
    if at.exact or screen.width == 0:
        counters, logits, kept_tokens = at.counters[work], address(at.logits), len(at.keep)
        multiply(me, threads, counters, head, at.rounded, kept_tokens, logits, sizes.vocabulary)
    else:
        met = _by_narrow_head(me, threads, screen, head, at, work, met)
    _meet(at.counters, threads, met)


@compiled
def _by_narrow_head(
    me: int, threads: int, screen: Screen, head: Matrix, at: Pass, work: int, met: int
) -> int:
    """The logits, those of unlikely tokens as estimates; return how often threads have met."""
    kept, width = len(at.keep), head.width
    turn = Matrix(screen.turn, screen.turn_scales, width, width, head.pieces)
    turned, stride = address(at.first), at.first.shape[1]
    multiply(me, threads, at.counters[work], turn, at.rounded, kept, turned, stride)
    met = _meet(at.counters, threads, met)
    for place in range(me, kept, threads):
        narrow(at.first[place], screen, at.narrow, place)
    met = _meet(at.counters, threads, met)
    matrix = Matrix(screen.head, screen.head_scales, head.rows, screen.width, screen.pieces)
    counters, logits = at.counters[work + 1], address(at.logits)
    multiply(me, threads, counters, matrix, at.narrow, kept, logits, head.rows)
    met = _meet(at.counters, threads, met)
    for place in range(me, kept, threads):
        settle(at.logits[place], at.first[place, :width], screen, head, at.rounded, place)
    return met


@compiled
def _meet(counters: Whole, threads: int, meetings: int) -> int:
    """Wait until all threads have come here as often; return how often that was."""
    place = address(counters)
    take(place)
    spins = 0
    while look(place) < threads * (meetings + 1):
        spins += 1
        if spins > _SPINS:
            give_way()
    return meetings + 1


@compiled
def _add(row: Floats, added: Floats) -> None:
    for index in range(len(row)):
        row[index] += added[index]


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
def _prepare(token: int, place: int, norm: Floats, epsilon: float, pieces: int, at: Pass) -> None:
    """Norm a token and round it as number ``place`` of the inputs of the next matrix."""
    row = at.hidden[token]
    passing = at.second[place, : len(row)]
    _norm(row, norm, epsilon, passing)
    round_row(passing, at.rounded, place, pieces)


@compiled
def _place(sizes: Sizes, weights: Weights, at: Pass, layer: int, token: int) -> None:
    """Finish queries, keys and values of a token, and put its keys and values into the cache."""
    wide = sizes.head_width
    row = at.first[token]
    key_at, value_at = sizes.heads * wide, (sizes.heads + sizes.key_heads) * wide
    end = value_at + sizes.key_heads * wide
    _add(row[:end], weights.biases[layer])
    for head in range(sizes.heads + sizes.key_heads):
        mine = row[head * wide : (head + 1) * wide]
        if len(weights.head_norms):
            kind = 0 if head < sizes.heads else 1
            _norm(mine, weights.head_norms[layer, kind], sizes.epsilon, mine)
        turn(mine, at.turns[token])
    position = at.positions[token]
    block = at.tables[at.sequences[token], position // BLOCK]
    put(row[key_at:value_at], row[value_at:end], at.cache[block, layer], position % BLOCK)


@compiled
def _attend(me: int, sizes: Sizes, at: Pass, layer: int, counters: Whole) -> None:
    """Attention of all tokens, from ``first`` into ``second``; a bundle and head is one job."""
    group = BUNDLE * sizes.heads // sizes.key_heads
    asked = sizes.heads * sizes.head_width
    scores = at.scores[me * group : (me + 1) * group]
    shared = address(counters)
    while True:
        job = take(shared)
        if job >= len(at.bundles) * sizes.key_heads:
            return
        begin, end = at.bundles[job // sizes.key_heads]
        attend(
            at.first[begin:end, :asked],
            at.positions[begin:end],
            at.tables[at.sequences[begin]],
            at.cache[:, layer],
            job % sizes.key_heads,
            scores,
            at.second[begin:end, :asked],
        )
