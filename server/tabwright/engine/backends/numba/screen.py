"""Make the narrow output head, which estimates logits so that only likely rows are computed.

In a large vocabulary few tokens are likely, but a step reads the rows of all of them from memory.
So a state is rotated such that its first coordinates, a `_SHARE` of them, determine nearly all of
its product with any row. From these come estimates of all logits, and where an estimate is near the
largest one, the row of the full head is computed. How near depends on the norm of the remaining
coordinates, so that a state unlike those the rotation was made from costs time but never a likely
token. After SVD-softmax (Shim et al., NeurIPS 2017), but the rotation also takes the distribution
of states into account, and the distance has that bound.
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
STATES = 1536  # number of states from which the rotation is computed
_SHARE = 3 / 7  # of the coordinates that the narrow head uses
_STEP = 32  # the number of these coordinates is a multiple of this
_SMOOTHING = 0.01  # share of the mean variance added to all, since only few states are known
_ROWS = 8192  # rows of the head that are converted to float32 at once
Floats = npt.NDArray[np.float32]


def load(folder: Path) -> Mapping[str, Array] | None:
    """Load the narrow head of a model; None where `write` has made none.

    ``turn`` (the rotation) int8 [width, width] and ``head`` int8 [vocabulary, first coordinates],
    each with its scales under ``NAME.scale``; ``spread`` float32 [1]: times the norm of a rotated
    state's remaining coordinates it is the standard deviation of the estimates. Raises OSError and
    ValueError for a file that cannot be read.
    """
    made = folder / FILE
    return int8.Safetensors(made) if made.is_file() else None


def write(folder: Path, head: tuple[Array, Array], states: Callable[[], Floats]) -> None:
    """Make the narrow head of a model in the store, unless it has one; ignore other folders.

    ``head`` is the full head in int8 [vocabulary, width] with its scales; ``states`` returns
    inputs of the head [n, width]. Raises OSError when the file cannot be written.
    """
    if (folder / MANIFEST).is_file() and not (folder / FILE).is_file():
        int8.save(compute_arrays(head, states()), folder / FILE)


def compute_arrays(head: tuple[Array, Array], states: Floats) -> dict[str, Array]:
    """Compute the arrays of `load` from the full head and some of its inputs."""
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
    """Return the sum of the rows' outer products with themselves, from a sample of the rows."""
    some = slice(0, None, max(1, len(whole) // (2 * _ROWS)))
    rows = whole[some] * scales[some]
    products: npt.NDArray[np.float64] = (rows.T @ rows).astype(np.float64)
    return products


def _turn(products: npt.NDArray[np.float64], states: Floats) -> tuple[Floats, Floats]:
    """Return the transform of states and the inverse for rows, [width, width].

    Coordinates are sorted by importance: dropping the last ones loses the least possible, in the
    mean over all states and rows.
    """
    alike = (states.T @ states / len(states)).astype(np.float64)
    alike += np.eye(len(alike)) * np.trace(alike) / len(alike) * _SMOOTHING
    values, vectors = np.linalg.eigh(alike)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    _, vectors = np.linalg.eigh(root @ products @ root)
    by_importance = vectors[:, ::-1]
    into, back = by_importance.T @ inverse, root @ by_importance
    return into.astype(np.float32), back.astype(np.float32)
