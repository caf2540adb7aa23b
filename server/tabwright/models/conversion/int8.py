"""Weights in 8 bits: written once beside a converted model, read in a moment, or made on the spot.

A matrix [out, in] becomes int8 with one scale for each row, its largest magnitude over 127
(symmetric quantization by channel, arXiv 2004.09602, section 3); vectors stay float32. numpy alone
does it, one matrix in memory at a time.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tabwright.models.names import MANIFEST

log = logging.getLogger(__name__)
Array = npt.NDArray[Any]
FILE = "int8/weights.safetensors"
SCALE = ".scale"
_LEVELS = 127
_ROWS = 4096  # rows of a matrix that are narrowed at once
_TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "I8": "i1"}


class Safetensors(Mapping[str, Array]):
    """The tensors of a file, mapped and not read; bfloat16, which numpy lacks, as its 16 bits."""

    def __init__(self, path: Path) -> None:
        """Read the header; raises ValueError for a file that is no safetensors or cut off."""
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > path.stat().st_size:
                raise ValueError(f"{path} is no safetensors file")
            header = json.loads(file.read(length))
        self._start = 8 + length
        self._table: dict[str, Any] = {k: v for k, v in header.items() if k != "__metadata__"}
        with path.open("rb") as file:
            # Copied where it were written to, which it never is: OpenVINO wants a writable array.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self._bytes = np.frombuffer(self._map, np.uint8)
        ends = [facts["data_offsets"][1] for facts in self._table.values()]
        if self._start + max(ends, default=0) > len(self._bytes):
            raise ValueError(f"{path} is cut off")

    def __getitem__(self, name: str) -> Array:
        facts = self._table[name]
        begin, end = (self._start + at for at in facts["data_offsets"])
        if facts["dtype"] not in _TYPES:
            raise ValueError(f"{name} is of type {facts['dtype']}")
        return self._bytes[begin:end].view(_TYPES[facts["dtype"]]).reshape(facts["shape"])

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def forget(self) -> None:
        """Give back the memory of what was read; where it is wanted again it is read again."""
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows, which does so by itself under need
            self._map.madvise(mmap.MADV_DONTNEED)

    def wide(self, name: str) -> npt.NDArray[np.float32]:
        """A tensor as float32, whatever it is stored in."""
        return _widened(self[name], self._table[name]["dtype"])

    def narrowed(self, name: str) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
        """A matrix [out, in] as int8 and its scales [out, 1]."""
        source, kind = self[name], self._table[name]["dtype"]
        whole = np.empty(source.shape, np.int8)
        scales = np.empty((len(source), 1), np.float32)
        for at in range(0, len(source), _ROWS):
            rows = _widened(source[at : at + _ROWS], kind)
            whole[at : at + _ROWS], scales[at : at + _ROWS] = rounded(rows)
        return whole, scales


def rounded(rows: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Rows [out, in] as int8 and their scales [out, 1]."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scales = np.where(largest > 0, largest / _LEVELS, 1).astype(np.float32)
    return np.rint(rows / scales).astype(np.int8), scales


def load(folder: Path) -> Mapping[str, Array]:
    """The weights of a converted model, matrices with their scales under ``NAME.scale``.

    A folder of the store that lacks them, from before they were written at every pull, gets them
    now; a folder of the user's own is left as it is. Raises OSError and ValueError for files that
    cannot be read.
    """
    made = folder / FILE
    if not made.is_file() and (folder / MANIFEST).is_file():
        try:
            write(folder)
        except OSError as error:
            log.warning("the weights in 8 bits cannot be kept: %s", error)
    return Safetensors(made) if made.is_file() else narrow(folder)


def write(folder: Path, tick: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write the weights beside the model, whole or not; ``tick`` gets bytes read and to read."""
    save(narrow(folder, tick), folder / FILE)


def save(arrays: dict[str, Array], target: Path) -> None:
    """Write a safetensors file, whole or not at all."""
    from safetensors.numpy import save_file

    target.parent.mkdir(exist_ok=True)
    passing = target.with_suffix(f".{os.getpid()}")
    try:
        save_file(arrays, passing)
        os.replace(passing, target)
    finally:
        passing.unlink(missing_ok=True)


def wide(folder: Path) -> dict[str, Array]:
    """The weights of a converted model in float32."""
    return {name: file.wide(name) for file in files(folder) for name in file}


def in_8_bits(file: Safetensors, name: str) -> dict[str, Array]:
    """A matrix in 8 bits with its scales, anything else in float32."""
    if file[name].ndim != 2:
        return {name: file.wide(name)}
    whole, scales = file.narrowed(name)
    return {name: whole, name + SCALE: scales}


def narrow(
    folder: Path,
    tick: Callable[[int, int], None] = lambda done, total: None,
    each: Callable[[Safetensors, str], dict[str, Array]] = in_8_bits,
) -> dict[str, Array]:
    """The weights of a model, ``each`` of its tensors made from its safetensors."""
    found: dict[str, Array] = {}
    jobs = [(file, name) for file in files(folder) for name in file]
    total = sum(file[name].nbytes for file, name in jobs)
    done = 0
    # numpy lets go of Python's lock, so threads share the work out.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        made = pool.map(lambda job: each(*job), jobs)
        for (file, name), arrays in zip(jobs, made, strict=True):
            found.update(arrays)
            done += file[name].nbytes
            tick(done, total)
    return found


def files(folder: Path) -> list[Safetensors]:
    """The files of a converted model's own weights."""
    return [Safetensors(path) for path in sorted(folder.glob("*.safetensors"))]


def _widened(array: Array, kind: str) -> npt.NDArray[np.float32]:
    if kind == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)
