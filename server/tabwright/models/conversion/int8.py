"""Weights in 8 bits: written once when a model is pulled, read in a moment, or made on the spot.

A matrix [out, in] becomes int8 with one scale for each row, its largest magnitude over 127
(symmetric quantization by channel, arXiv 2004.09602, section 3); vectors stay float32. numpy alone
does it, some rows in memory at a time.
"""

from __future__ import annotations

import logging
import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from tabwright.core.message import Message
from tabwright.models.conversion import safetensors_file
from tabwright.models.conversion.safetensors_file import Array, Description, Piece, Safetensors
from tabwright.models.names import INT8_FILE, MANIFEST

__all__ = ["FILE", "SCALE", "Array", "Safetensors", "load", "rounded", "save", "write"]

log = logging.getLogger(__name__)
FILE = INT8_FILE
SCALE = ".scale"
save = safetensors_file.save
_LEVELS = 127
_NUMBERS = 1 << 20  # of a matrix that are narrowed at once: they stay in the cache
_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def _no_progress(done: int, total: int) -> None:
    """Report no progress."""


class WeightSource(Protocol):
    """Tensors by name, from a file of whatever kind, in float32."""

    def __iter__(self) -> Iterator[str]:
        """Return the names."""

    def shape_of(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor."""

    def rows(self, name: str, begin: int, end: int) -> npt.NDArray[np.float32]:
        """Some of its rows, or of its numbers where it has one dimension."""


def rounded(rows: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Rows [out, in] as int8 and their scales [out, 1]."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scales = np.where(largest > 0, largest / _LEVELS, 1).astype(np.float32)
    return np.rint(rows / scales).astype(np.int8), scales


def load(folder: Path) -> Mapping[str, Array]:
    """The weights of a converted model, matrices with their scales under ``NAME.scale``.

    A folder of the store that has the full weights alone gets these beside them now; a folder of
    the user's own is left as it is. Raises OSError and ValueError for files that cannot be read.
    """
    made = folder / FILE
    if not made.is_file() and (folder / MANIFEST).is_file():
        try:
            write(folder)
        except OSError as error:
            log.warning("the weights in 8 bits cannot be kept: %s", error)
    return Safetensors(made) if made.is_file() else narrow(folder)


def write(folder: Path, tick: Callable[[int, int], None] = _no_progress) -> None:
    """Write the weights beside the full ones; ``tick`` gets how many numbers are done, of all."""
    write_from(files(folder), folder / FILE, tick)


def write_from(
    sources: Iterable[WeightSource], target: Path, tick: Callable[[int, int], None] = _no_progress
) -> None:
    """Write the weights of other files in 8 bits, whole or not at all.

    ``tick`` as for `write`. Raises OSError and ValueError for files that cannot be read or written.
    """
    wide: dict[str, Description] = {}
    narrow: dict[str, Description] = {}
    jobs: list[tuple[WeightSource, str, int, int]] = []
    total = 0
    for source in sources:
        for name in source:
            shape = source.shape_of(name)
            if not shape or 0 in shape:
                raise ValueError(Message("{0} has the impossible shape {1}", name, shape))
            if len(shape) == 2:
                narrow[name] = "I8", shape
                wide[name + SCALE] = "F32", (shape[0], 1)
            else:
                wide[name] = "F32", shape
            jobs += [(source, name, begin, end) for begin, end in _row_ranges(shape)]
            total += math.prod(shape)

    def pieces() -> Iterator[Piece]:
        done = 0
        for made in _in_order(_narrowed, jobs):
            yield from made
            done += len(made[0][2]) // (1 if len(made) == 2 else 4)
            tick(done, total)

    # Wide numbers first, as `save` has them.
    ordered = dict(sorted(wide.items())) | dict(sorted(narrow.items()))
    safetensors_file.write(target, ordered, pieces())


def _row_ranges(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Cut a tensor into ranges of rows that are quantized at once; a vector is one range."""
    count = shape[0]
    step = max(1, _NUMBERS // max(1, shape[1])) if len(shape) == 2 else count
    return [(begin, min(begin + step, count)) for begin in range(0, count, step)]


def _narrowed(job: tuple[WeightSource, str, int, int]) -> list[Piece]:
    """Some rows of a tensor as bytes: the numbers, then the scales of a matrix."""
    source, name, begin, end = job
    rows = source.rows(name, begin, end)
    if rows.ndim != 2:
        return [(name, begin * 4, rows.tobytes())]
    whole, scales = rounded(rows)
    width = rows.shape[1]
    return [(name, begin * width, whole.tobytes()), (name + SCALE, begin * 4, scales.tobytes())]


def _in_order(work: Callable[[_Job], _Result], jobs: Iterable[_Job]) -> Iterator[_Result]:
    """Do the jobs on all cores and yield their results in order, few of them in memory."""
    # numpy lets go of Python's lock, so threads share the work out.
    count = os.cpu_count() or 1
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(count) as pool:
        for job in jobs:
            waiting.append(pool.submit(work, job))
            if len(waiting) > 2 * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def wide(folder: Path) -> dict[str, Array]:
    """The weights of a converted model in float32."""
    return {name: file.wide(name) for file in files(folder) for name in file}


def in_8_bits(file: Safetensors, name: str) -> dict[str, Array]:
    """A matrix in 8 bits with its scales, anything else in float32."""
    if file[name].ndim != 2:
        return {name: file.wide(name)}
    source = file[name]
    whole, scales = np.empty(source.shape, np.int8), np.empty((len(source), 1), np.float32)
    for begin, end in _row_ranges(source.shape):
        whole[begin:end], scales[begin:end] = rounded(file.rows(name, begin, end))
    return {name: whole, name + SCALE: scales}


def narrow(
    folder: Path, each: Callable[[Safetensors, str], dict[str, Array]] = in_8_bits
) -> dict[str, Array]:
    """The weights of a model in memory, ``each`` of its tensors made from its safetensors."""
    found: dict[str, Array] = {}
    jobs = [(file, name) for file in files(folder) for name in file]
    for arrays in _in_order(lambda job: each(*job), jobs):
        found.update(arrays)
    return found


def files(folder: Path) -> list[Safetensors]:
    """The files of a model's full weights."""
    return [Safetensors(path) for path in sorted(folder.glob("*.safetensors"))]
