"""Weights in 4 bits, for whoever has little memory; made at each load, as they cost quality.

A row of a matrix [out, in] is cut into groups of 32, each with a scale and a zero of its own
(asymmetric quantization by group, as in AWQ, arXiv 2306.00978, without its search for scales).
Embeddings and the output head stay in 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from tabwright.models.conversion.int8 import SCALE, Array, Safetensors, in_8_bits, narrow

GROUP = 32
ZERO = ".zero"
_LEVELS = 15
_ROWS = 4096
# The projections that lose the least: they are most of a layer, and see its inputs whole.
_MIXED = ("gate_proj", "up_proj")
Extent = Literal["int4", "mixed"]


def load(folder: Path, extent: Extent) -> Mapping[str, Array]:
    """The weights of a converted model, all matrices of its layers in 4 bits or the mixed ones.

    A matrix in 4 bits is uint8 [out, groups, GROUP / 2], two numbers a byte with the first one
    low; under ``NAME.scale`` float16 [out, groups, 1] and ``NAME.zero`` uint8, packed alike. All
    others are as `int8.load` gives them. Raises OSError and ValueError for files that cannot be
    read.
    """
    return narrow(folder, each=partial(_in_4_bits, extent))


def _in_4_bits(extent: Extent, file: Safetensors, name: str) -> dict[str, Array]:
    matrix = file[name]
    inside = ".layers." in name and (extent == "int4" or name.split(".")[-2] in _MIXED)
    # Two numbers share a byte, of the weights and of the zeros.
    odd = matrix.ndim != 2 or matrix.shape[1] % GROUP or (matrix.size // GROUP) % 2
    if not inside or odd:
        return in_8_bits(file, name)
    packed, scale, zero = narrowed(file.wide(name))
    return {name: packed, name + SCALE: scale, name + ZERO: zero}


def narrowed(
    matrix: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16], npt.NDArray[np.uint8]]:
    """A matrix [out, in] in 4 bits, its scales and its zeros; see `load`."""
    rows, width = matrix.shape
    packed = np.empty((rows, width // GROUP, GROUP // 2), np.uint8)
    scales = np.empty((rows, width // GROUP, 1), np.float16)
    zeros = np.empty((rows, width // GROUP, 1), np.uint8)
    for at in range(0, rows, _ROWS):
        groups = matrix[at : at + _ROWS].reshape(-1, width // GROUP, GROUP)
        low = np.minimum(groups.min(axis=2, keepdims=True), 0)
        high = np.maximum(groups.max(axis=2, keepdims=True), 0)
        scale = ((high - low) / _LEVELS).astype(np.float16)
        scale[scale == 0] = 1
        wide = scale.astype(np.float32)
        zero = np.clip(np.rint(-low / wide), 0, _LEVELS)
        whole = np.clip(np.rint(groups / wide) + zero, 0, _LEVELS).astype(np.uint8)
        packed[at : at + _ROWS] = _packed(whole)
        scales[at : at + _ROWS], zeros[at : at + _ROWS] = scale, zero
    return packed, scales, _packed(zeros.reshape(-1))


def _packed(numbers: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    packed: npt.NDArray[np.uint8] = numbers[..., 0::2] | (numbers[..., 1::2] << np.uint8(4))
    return packed
