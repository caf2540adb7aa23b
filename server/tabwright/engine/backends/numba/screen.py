"""A narrow output head, by which the rows of the real one are chosen that are worth computing.

Of a large vocabulary few tokens are likely, but all their rows are read from memory at each step.
So a state is turned such that its first coordinates, a `_SHARE` of them, say nearly all of what any
row makes of it. From these come estimates of all logits, and where an estimate is near the largest
one the real row is computed. How near depends on how long the rest of the turned state is, so that
one unlike those the turn was made from costs time and no likely token. After SVD-softmax (Shim et
al., NeurIPS 2017), but turned by what states are like beside the head, and with that bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tabwright.models.conversion import int8
from tabwright.models.conversion.int8 import Array
from tabwright.models.names import MANIFEST, SCREEN_FILE

FILE = SCREEN_FILE
TURN, HEAD, SPREAD = "turn", "head", "spread"
STATES = 1536  # that a turn is made from
_SHARE = 3 / 7
_STEP = 32  # what the number of first coordinates is a multiple of
_SMOOTHED = 0.01  # of the mean variance, added to all: few states are seen
_ROWS = 8192  # of the head that are wide at once
Floats = npt.NDArray[np.float32]


def load(folder: Path) -> Mapping[str, Array] | None:
    """The narrow head of a model; None where `write` has made none.

    ``turn`` int8 [width, width] and ``head`` int8 [vocabulary, first coordinates], each with its
    scales under ``NAME.scale``; ``spread`` float32 [1] times the length of the rest of a turned
    state is the standard deviation of its estimates. Raises OSError and ValueError for a file that
    cannot be read.
    """
    made = folder / FILE
    return int8.Safetensors(made) if made.is_file() else None


def write(folder: Path, head: tuple[Array, Array], states: Callable[[], Floats]) -> None:
    """Make the narrow head of a model of the store, unless there is one; nothing for any other.

    ``head`` is the real one in int8 [vocabulary, width] with its scales, ``states`` gives what it
    is multiplied with [n, width]. Raises OSError where it cannot be written.
    """
    if (folder / MANIFEST).is_file() and not (folder / FILE).is_file():
        int8.save(made_of(head, states()), folder / FILE)


def made_of(head: tuple[Array, Array], states: Floats) -> dict[str, Array]:
    """The arrays of `load`, for a head and the states it is multiplied with."""
    whole, scales = head
    rows, width = whole.shape
    kept = max(1, round(width * _SHARE / _STEP)) * _STEP
    into, back = _turn(_products(whole, scales), states)
    narrow = np.empty((rows, kept), np.int8)
    narrow_scales = np.empty((rows, 1), np.float32)
    lost = 0.0
    for at in range(0, rows, _ROWS):
        turned = (whole[at : at + _ROWS] * scales[at : at + _ROWS]) @ back
        narrow[at : at + _ROWS], narrow_scales[at : at + _ROWS] = int8.rounded(turned[:, :kept])
        lost += float((turned[:, kept:] ** 2).sum())
    turn, turn_scales = int8.rounded(into)
    spread = np.sqrt(lost / rows / max(1, width - kept))
    return {
        TURN: turn,
        TURN + int8.SCALE: turn_scales,
        HEAD: narrow,
        HEAD + int8.SCALE: narrow_scales,
        SPREAD: np.array([spread], np.float32),
    }


def _products(whole: Array, scales: Array) -> npt.NDArray[np.float64]:
    """The sum of the outer products of rows with themselves, some of them standing for all."""
    some = slice(0, None, max(1, len(whole) // (2 * _ROWS)))
    rows = whole[some] * scales[some]
    products: npt.NDArray[np.float64] = (rows.T @ rows).astype(np.float64)
    return products


def _turn(products: npt.NDArray[np.float64], states: Floats) -> tuple[Floats, Floats]:
    """A turn of states and the one of rows that undoes it, [width, width], by falling importance.

    What is lost by the last coordinates, in the mean of all states and rows, is the least possible.
    """
    alike = (states.T @ states / len(states)).astype(np.float64)
    alike += np.eye(len(alike)) * np.trace(alike) / len(alike) * _SMOOTHED
    values, vectors = np.linalg.eigh(alike)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    _, vectors = np.linalg.eigh(root @ products @ root)
    by_importance = vectors[:, ::-1]
    into, back = by_importance.T @ inverse, root @ by_importance
    return into.astype(np.float32), back.astype(np.float32)
