"""The forward pass of a Llama-family model; all threads run the same function on shared data.

Weights are int8 with one scale per row. The inputs of a matrix are quantized to int16 with one
scale per token and piece of the input, which loses much less than the weights do; keys and values
are float16. An output is bit-identical whatever other tokens are computed in the same pass.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tabwright.engine.backends.blocks import BLOCK
from tabwright.engine.backends.numba.attention import Cache, apply_rotary, attend, store_key_value
from tabwright.engine.backends.numba.compile_cache import compiled
from tabwright.engine.backends.numba.head import NarrowHead, quantize_prefix, refine_estimates
from tabwright.engine.backends.numba.matrix import (
    Floats,
    Integers,
    Matrix,
    QuantizedRows,
    multiply,
    quantize_row,
)
from tabwright.engine.backends.numba.scalars import (
    address,
    atomic_load,
    exp,
    fetch_add,
    yield_thread,
)

GROUPED_TOKENS = 4  # tokens whose attention is computed together
LOOPS_PER_LAYER = 8  # parallel loops of a layer, each with a counter per thread
COUNTER_STRIDE = 8  # int64 from one shared counter to the next: one cache line each
_SPINS = 2000  # polls of a barrier before the thread yields its core
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
    """Addresses of the int8 matrices and their scales, [layers, 7, 2], and the float32 vectors.

    Matrices: query, key, value, output, gate, up, down. ``head`` [2]: the addresses of the output
    head. ``piece_counts`` [3]: pieces in which rows of the model's width, of all heads and of the
    inner width are quantized. ``head_norms`` [layers, 2, head width]; no layers except for Qwen3.
    """

    matrices: Integers
    head: Integers
    norms: Floats
    last_norm: Floats
    biases: Floats
    head_norms: Floats
    piece_counts: Integers


class Pass(NamedTuple):
    """Inputs, outputs and work buffers of a pass, for the tokens of all sequences concatenated.

    hidden [tokens, width]: embeddings. positions, sequences [tokens]. token_groups [n, 2]: start
    and end of up to `GROUPED_TOKENS` tokens of one sequence. tables [sequences, blocks]. rotary
    [tokens, 2, head width / 2]: cosines and sines. cache [blocks, layers, 2, key heads, BLOCK *
    head width]: float16 as int16. keep: tokens whose logits are computed. logits [kept,
    vocabulary]; unless ``exact``, those of unlikely tokens are estimates. counters [1 + loops,
    threads, COUNTER_STRIDE], zero at the start: first the barrier's, then those of each parallel
    loop. The others are work buffers.
    """

    hidden: Floats
    positions: Integers
    sequences: Integers
    token_groups: Integers
    tables: Integers
    rotary: Floats
    cache: Cache
    keep: Integers
    logits: Floats
    exact: bool
    counters: Integers
    rounded: QuantizedRows
    narrow_inputs: QuantizedRows
    first: Floats
    second: Floats
    scores: Floats


@compiled
def run(
    thread: int, threads: int, sizes: Sizes, weights: Weights, screen: NarrowHead, at: Pass
) -> None:
    """Compute a pass; every thread calls this with its number, and all return when it is done."""
    tokens = len(at.positions)
    barriers: int = _NONE
    loop: int = _NONE
    asked = sizes.heads * sizes.head_width
    kept = sizes.key_heads * sizes.head_width
    by_width, by_heads, by_inner = weights.piece_counts
    first, second = address(at.first), address(at.second)
    wide, wide_too = at.first.shape[1], at.second.shape[1]
    for layer in range(sizes.layers):
        matrices = weights.matrices[layer]
        for token in range(thread, tokens, threads):
            if layer:
                _add(at.hidden[token], at.first[token])
            _normalize_and_quantize(
                token, token, weights.norms[layer, 0], sizes.epsilon, by_width, at
            )
        barriers = _barrier(at.counters, threads, barriers)
        column = 0
        for kind in range(3):
            rows = asked if kind == 0 else kept
            matrix = Matrix(matrices[kind, 0], matrices[kind, 1], rows, sizes.width, by_width)
            loop += 1
            counters = at.counters[loop]
            out = first + 4 * column
            multiply(thread, threads, counters, matrix, at.rounded, tokens, out, wide)
            column += rows
        barriers = _barrier(at.counters, threads, barriers)
        for token in range(thread, tokens, threads):
            _place(sizes, weights, at, layer, token)
        barriers = _barrier(at.counters, threads, barriers)
        loop += 1
        _attend(thread, sizes, at, layer, at.counters[loop])
        barriers = _barrier(at.counters, threads, barriers)
        for token in range(thread, tokens, threads):
            quantize_row(at.second[token, :asked], at.rounded, token, by_heads)
        barriers = _barrier(at.counters, threads, barriers)
        matrix = Matrix(matrices[3, 0], matrices[3, 1], sizes.width, asked, by_heads)
        loop += 1
        multiply(thread, threads, at.counters[loop], matrix, at.rounded, tokens, first, wide)
        barriers = _barrier(at.counters, threads, barriers)
        for token in range(thread, tokens, threads):
            _add(at.hidden[token], at.first[token])
            _normalize_and_quantize(
                token, token, weights.norms[layer, 1], sizes.epsilon, by_width, at
            )
        barriers = _barrier(at.counters, threads, barriers)
        for kind in range(4, 6):
            matrix = Matrix(
                matrices[kind, 0], matrices[kind, 1], sizes.inner, sizes.width, by_width
            )
            loop += 1
            out, stride = (first, wide) if kind == 4 else (second, wide_too)
            multiply(thread, threads, at.counters[loop], matrix, at.rounded, tokens, out, stride)
        barriers = _barrier(at.counters, threads, barriers)
        for token in range(thread, tokens, threads):
            gate, up = at.first[token, : sizes.inner], at.second[token, : sizes.inner]
            for index in range(sizes.inner):  # SwiGLU: arXiv 2002.05202
                up[index] *= gate[index] / (_ONE + exp(-gate[index]))
            quantize_row(up, at.rounded, token, by_inner)
        barriers = _barrier(at.counters, threads, barriers)
        matrix = Matrix(matrices[6, 0], matrices[6, 1], sizes.width, sizes.inner, by_inner)
        loop += 1
        multiply(thread, threads, at.counters[loop], matrix, at.rounded, tokens, first, wide)
        barriers = _barrier(at.counters, threads, barriers)
    for place in range(thread, len(at.keep), threads):
        token = at.keep[place]
        if sizes.layers:
            _add(at.hidden[token], at.first[token])
        _normalize_and_quantize(token, place, weights.last_norm, sizes.epsilon, by_width, at)
    barriers = _barrier(at.counters, threads, barriers)
    head = Matrix(weights.head[0], weights.head[1], sizes.vocabulary, sizes.width, by_width)
    loop += 1
    if at.exact or screen.width == 0:
        counters, logits, kept_tokens = at.counters[loop], address(at.logits), len(at.keep)
        multiply(thread, threads, counters, head, at.rounded, kept_tokens, logits, sizes.vocabulary)
    else:
        barriers = _compute_narrow_head(thread, threads, screen, head, at, loop, barriers)
    _barrier(at.counters, threads, barriers)


@compiled
def _compute_narrow_head(
    thread: int, threads: int, screen: NarrowHead, head: Matrix, at: Pass, loop: int, barriers: int
) -> int:
    """Compute logits, estimates for unlikely tokens; return the number of barriers passed."""
    kept, width = len(at.keep), head.width
    rotation = Matrix(screen.rotation, screen.rotation_scales, width, width, head.pieces)
    turned, stride = address(at.first), at.first.shape[1]
    multiply(thread, threads, at.counters[loop], rotation, at.rounded, kept, turned, stride)
    barriers = _barrier(at.counters, threads, barriers)
    for place in range(thread, kept, threads):
        quantize_prefix(at.first[place], screen, at.narrow_inputs, place)
    barriers = _barrier(at.counters, threads, barriers)
    matrix = Matrix(screen.head, screen.head_scales, head.rows, screen.width, screen.pieces)
    counters, logits = at.counters[loop + 1], address(at.logits)
    multiply(thread, threads, counters, matrix, at.narrow_inputs, kept, logits, head.rows)
    barriers = _barrier(at.counters, threads, barriers)
    for place in range(thread, kept, threads):
        refine_estimates(at.logits[place], at.first[place, :width], screen, head, at.rounded, place)
    return barriers


@compiled
def _barrier(counters: Integers, threads: int, barriers: int) -> int:
    """Wait at a barrier until all threads have reached it; return the number of barriers passed."""
    place = address(counters)
    fetch_add(place)
    spins = 0
    while atomic_load(place) < threads * (barriers + 1):
        spins += 1
        if spins > _SPINS:
            yield_thread()
    return barriers + 1


@compiled
def _add(row: Floats, added: Floats) -> None:
    for index in range(len(row)):
        row[index] += added[index]


@compiled
def _norm(row: Floats, weight: Floats, epsilon: float, out: Floats) -> None:
    """Write the RMSNorm (arXiv 1910.07467) of a row to ``out``."""
    total = _ZERO
    for value in row:
        total += value * value
    factor = np.float32(1 / math.sqrt(total / len(row) + epsilon))
    for index in range(len(row)):
        out[index] = row[index] * factor * weight[index]


@compiled
def _normalize_and_quantize(
    token: int, place: int, norm: Floats, epsilon: float, pieces: int, at: Pass
) -> None:
    """Normalize a token and quantize it as input row ``place`` of the next matrix."""
    row = at.hidden[token]
    passing = at.second[place, : len(row)]
    _norm(row, norm, epsilon, passing)
    quantize_row(passing, at.rounded, place, pieces)


@compiled
def _place(sizes: Sizes, weights: Weights, at: Pass, layer: int, token: int) -> None:
    """Add biases, norms and rotary positions to a token's queries and keys; fill the KV cache."""
    wide = sizes.head_width
    row = at.first[token]
    key_at, value_at = sizes.heads * wide, (sizes.heads + sizes.key_heads) * wide
    end = value_at + sizes.key_heads * wide
    _add(row[:end], weights.biases[layer])
    for head in range(sizes.heads + sizes.key_heads):
        own = row[head * wide : (head + 1) * wide]
        if len(weights.head_norms):
            kind = 0 if head < sizes.heads else 1
            _norm(own, weights.head_norms[layer, kind], sizes.epsilon, own)
        apply_rotary(own, at.rotary[token])
    position = at.positions[token]
    block = at.tables[at.sequences[token], position // BLOCK]
    store_key_value(
        row[key_at:value_at], row[value_at:end], at.cache[block, layer], position % BLOCK
    )


@compiled
def _attend(thread: int, sizes: Sizes, at: Pass, layer: int, counters: Integers) -> None:
    """Compute attention from ``first`` into ``second``; one job is one bundle and key head."""
    group = GROUPED_TOKENS * sizes.heads // sizes.key_heads
    asked = sizes.heads * sizes.head_width
    scores = at.scores[thread * group : (thread + 1) * group]
    shared = address(counters)
    while True:
        job = fetch_add(shared)
        if job >= len(at.token_groups) * sizes.key_heads:
            return
        begin, end = at.token_groups[job // sizes.key_heads]
        attend(
            at.first[begin:end, :asked],
            at.positions[begin:end],
            at.tables[at.sequences[begin]],
            at.cache[:, layer],
            job % sizes.key_heads,
            scores,
            at.second[begin:end, :asked],
        )
