"""The output head by way of a narrow one: what `numba_screen` makes is used here."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tabwright.engine.backends.numba.compile_cache import compiled
from tabwright.engine.backends.numba.matrix import (
    Floats,
    Matrix,
    Rounded,
    multiply_row,
    round_row,
)

# Of 1,906 likeliest tokens none was further below the largest estimate than 6.2 standard deviations
# of the estimates, and none had more than 139 others before it (states of the 0.5B model).
_NEAR = 16  # halves of a deviation, fewer where more than so many tokens are as near
_MOST = 2048
_ZERO, _HALF = np.float32(0), np.float32(0.5)


class Screen(NamedTuple):
    """Addresses of the int8 turn [model's width, model's width] and head [vocabulary, width].

    Each with those of its scales; ``width`` 0 is none. ``pieces`` that rows of the width are
    rounded in, and the spread, as `numba_screen` has it.
    """

    turn: int
    turn_scales: int
    head: int
    head_scales: int
    width: int
    pieces: int
    spread: float


@compiled
def narrow(turned: Floats, screen: Screen, into: Rounded, place: int) -> None:
    """Round the first coordinates of a turned state as row ``place`` of what the head gets."""
    round_row(turned[: screen.width], into, place, screen.pieces)


@compiled
def settle(
    estimates: Floats, turned: Floats, screen: Screen, head: Matrix, inputs: Rounded, place: int
) -> None:
    """Make logits of estimates [vocabulary]: of those near the largest by the real ``head``."""
    rest = _ZERO
    for value in turned[screen.width :]:
        rest += value * value
    error = np.float32(screen.spread * math.sqrt(rest))
    largest = bound = estimates[0]
    for estimate in estimates:
        largest = max(largest, estimate)
    for halves in range(_NEAR, -1, -1):
        bound = largest - np.float32(halves) * _HALF * error
        if _count(estimates, bound) <= _MOST:
            break
    best = bound - error
    for token in range(len(estimates)):
        if estimates[token] >= bound:
            multiply_row(head, token, inputs, place, estimates)
            best = max(best, estimates[token])
    if best < bound:  # all that seemed likely is not
        for token in range(len(estimates)):
            multiply_row(head, token, inputs, place, estimates)


@compiled
def _count(estimates: Floats, bound: float) -> int:
    count = 0
    for estimate in estimates:
        count += estimate >= bound
    return count
