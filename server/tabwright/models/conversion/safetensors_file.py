"""Reads and writes safetensors files: mapped and not read, written piece by piece in any order.

The format: the length of a header as u64, the header, which is JSON of ``{name: {dtype, shape,
data_offsets: [begin, end]}}``, then the bytes. The package of that name needs all of a file in
memory to write it, and knows no bfloat16 without torch.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tabwright.core.message import Message

Array = npt.NDArray[Any]
_TYPES = {
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I8": "i1",
    "U8": "u1",
    "I32": "<i4",
    "I64": "<i8",
}
_NAMES = {"float32": "F32", "float16": "F16", "int8": "I8", "uint8": "U8"}
# What a header may say of one tensor: its type and its shape.
Description = tuple[str, tuple[int, ...]]
# A tensor's name, where in it the bytes belong, and the bytes.
Piece = tuple[str, int, "bytes | memoryview"]


class Safetensors(Mapping[str, Array]):
    """The tensors of a file, mapped and not read; bfloat16, which numpy lacks, as its 16 bits."""

    def __init__(self, path: Path) -> None:
        """Read the header; raises ValueError for a file that is no safetensors or cut off."""
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > path.stat().st_size:
                raise ValueError(Message("{0} is no safetensors file", path))
            header = json.loads(file.read(length))
            # OpenVINO needs a writable array; nothing is written, so nothing is copied.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self._start = 8 + length
        self._table: dict[str, Any] = {k: v for k, v in header.items() if k != "__metadata__"}
        self._bytes = np.frombuffer(self._map, np.uint8)
        ends = [facts["data_offsets"][1] for facts in self._table.values()]
        if self._start + max(ends, default=0) > len(self._bytes):
            raise ValueError(Message("{0} is cut off", path))

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

    def type_of(self, name: str) -> str:
        """The format of a tensor's numbers, in the words of the file: "BF16", "I8" and so on."""
        return str(self._table[name]["dtype"])

    def shape_of(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor."""
        return tuple(int(size) for size in self._table[name]["shape"])

    def forget(self) -> None:
        """Give back the memory of what was read; where it is wanted again it is read again."""
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows, which does so by itself under need
            self._map.madvise(mmap.MADV_DONTNEED)

    def rows(self, name: str, begin: int, end: int) -> npt.NDArray[np.float32]:
        """Rows of a tensor as float32, whatever it is stored in."""
        return _widened(self[name][begin:end], self.type_of(name))

    def wide(self, name: str) -> npt.NDArray[np.float32]:
        """A tensor as float32, whatever it is stored in."""
        return _widened(self[name], self.type_of(name))


def _widened(array: Array, kind: str) -> npt.NDArray[np.float32]:
    if kind == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)


def write(target: Path, tensors: Mapping[str, Description], pieces: Iterable[Piece]) -> None:
    """Write a file whole or not at all; the pieces, in any order, must fill the tensors.

    Raises OSError, and whatever the making of a piece raises.
    """
    table: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    places: dict[str, int] = {}
    at = 0
    for name, (kind, shape) in tensors.items():
        end = at + np.dtype(_TYPES[kind]).itemsize * int(np.prod(shape, dtype=np.int64))
        table[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, end]}
        places[name], at = at, end
    header = json.dumps(table).encode("utf-8")
    header += b" " * (-len(header) % 8)
    start = 8 + len(header)
    target.parent.mkdir(exist_ok=True)
    temporary = target.with_suffix(f".{os.getpid()}")
    written = 0
    try:
        with temporary.open("wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            for name, offset, data in pieces:
                file.seek(start + places[name] + offset)
                written += file.write(data)
            if written != at:
                raise ValueError(f"{written} of {at} bytes of {target.name} were made")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def save(arrays: Mapping[str, Array], target: Path) -> None:
    """Write arrays as a file, whole or not at all; those of wide numbers first, so that all lie
    at addresses that suit them."""
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    described = {name: (_NAMES[arrays[name].dtype.name], arrays[name].shape) for name in names}
    write(target, described, ((name, 0, arrays[name].tobytes()) for name in names))
