"""Kernels for the narrow output head that `screen` makes: choose the rows worth computing."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tabwright.engine.backends.numba.compile_cache import compiled
from tabwright.engine.backends.numba.matrix import (
    Floats,
    Matrix,
    QuantizedRows,
    multiply_row,
    quantize_row,
)

# Measured with states of the 0.5B model: the most likely token of 1,906 states was never more than
# 6.2 standard deviations below the largest estimate, and at most 139 tokens ranked before it.
_MAX_DISTANCE = 16  # half standard deviations; fewer when more than _MAX_ROWS tokens are so near
_MAX_ROWS = 2048
_ZERO, _HALF = np.float32(0), np.float32(0.5)


class NarrowHead(NamedTuple):
    """Addresses of the int8 rotation [model's width, model's width] and head [vocabulary, width].

    Each with the address of its scales. ``width`` 0: there is no narrow head. ``pieces`` in which
    rows of the width are quantized; ``spread`` as in `screen`.
    """

    rotation: int
    rotation_scales: int
    head: int
    head_scales: int
    width: int
    pieces: int
    spread: float


@compiled
def quantize_prefix(turned: Floats, screen: NarrowHead, into: QuantizedRows, place: int) -> None:
    """Quantize the first coordinates of a rotated state as input row ``place`` of the head."""
    quantize_row(turned[: screen.width], into, place, screen.pieces)


@compiled
def refine_estimates(
    estimates: Floats,
    turned: Floats,
    screen: NarrowHead,
    head: Matrix,
    inputs: QuantizedRows,
    place: int,
) -> None:
    """Replace estimates [vocabulary] near the largest one by logits of the full ``head``."""
    rest = _ZERO
    for value in turned[screen.width :]:
        rest += value * value
    error = np.float32(screen.spread * math.sqrt(rest))
    largest = bound = estimates[0]
    for estimate in estimates:
        largest = max(largest, estimate)
    for halves in range(_MAX_DISTANCE, -1, -1):
        bound = largest - np.float32(halves) * _HALF * error
        if _count(estimates, bound) <= _MAX_ROWS:
            break
    best = bound - error
    for token in range(len(estimates)):
        if estimates[token] >= bound:
            multiply_row(head, token, inputs, place, estimates)
            best = max(best, estimates[token])
    if best < bound:  # no estimate near the largest was right: compute all rows
        for token in range(len(estimates)):
            multiply_row(head, token, inputs, place, estimates)


@compiled
def _count(estimates: Floats, bound: float) -> int:
    count = 0
    for estimate in estimates:
        count += estimate >= bound
    return count
