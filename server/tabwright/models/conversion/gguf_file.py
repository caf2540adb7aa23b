"""Reads the header of a GGUF file: metadata and the table of tensors, in well under a second.

The format is described by ggml's docs/gguf.md: little-endian, magic, version, counts, key-value
pairs, tensor table, then the tensor data at an aligned offset.

A file may come from anybody, so every count and length in it is compared with a limit that no real
file comes near, and with the size of the file, before anything of that size is made.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from tabwright.core.message import Message
from tabwright.models.errors import ModelInvalid

Scalar = int | float | bool | str
Value = Scalar | list[int] | list[float] | list[bool] | list[str]

_SCALARS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"
}  # fmt: skip
_STRING, _ARRAY = 8, 9
_ALIGNMENT = 32
# Several times what the largest files at the hub have: vocabularies of 300,000 tokens, 1 MB of
# template, 1,000 pairs and 100,000 tensors.
_MOST_PAIRS = 10_000
_MOST_TENSORS = 500_000
_MOST_ELEMENTS = 10_000_000  # of all arrays together
_MOST_TEXT_BYTES = 16_000_000  # of one string
_MOST_HEADER_BYTES = 500_000_000
_MOST_ALIGNMENT = 1 << 20
# The smallest kind of quantised weights has 1.6 bits each.
_MOST_WEIGHTS_A_BYTE = 8


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor's place in the file: shape with the slowest dimension first, offset in bytes."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """What stands before the weights; ``data_start`` is the offset that tensors count from."""

    metadata: dict[str, Value]
    tensors: tuple[Tensor, ...]
    data_start: int

    def text(self, key: str) -> str:
        """A string of the metadata, empty when it is absent or of another type."""
        value = self.metadata.get(key, "")
        return value if isinstance(value, str) else ""

    @property
    def elements(self) -> int:
        """How many numbers all tensors hold together."""
        return sum(tensor.elements for tensor in self.tensors)


def read_header(path: Path) -> Header:
    """Read metadata and tensor table; raises ModelInvalid when the file is not a whole GGUF."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).header()
    except (struct.error, ValueError, OverflowError) as error:
        raise ModelInvalid(
            Message("{0} is not a GGUF file that can be read: {1}", path, error)
        ) from error
    except OSError as error:
        raise ModelInvalid(Message("{0} cannot be read: {1}", path, error)) from error


class _Reader:
    """A cursor over the mapped file."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0
        self._elements = 0

    def header(self) -> Header:
        if self._data[:4] != b"GGUF":
            raise ValueError("it does not begin with the letters GGUF")
        self._at = 4
        version = self._number("I")
        if version not in (2, 3):
            raise ValueError(f"GGUF version {version}, not 2 or 3")
        tensors, pairs = self._count(_MOST_TENSORS), self._count(_MOST_PAIRS)
        metadata: dict[str, Value] = {}
        for _ in range(pairs):
            key = self._string()
            if key in metadata:
                raise ValueError(f"it has {key[:100]!r} twice")
            metadata[key] = self._value(self._number("I"))
        table = tuple(self._tensor() for _ in range(tensors))
        alignment = metadata.get("general.alignment", _ALIGNMENT)
        if not isinstance(alignment, int) or not 0 < alignment <= _MOST_ALIGNMENT:
            raise ValueError(f"an alignment of {str(alignment)[:100]}")
        header = Header(metadata, table, -(-self._at // alignment) * alignment)
        # Tensors may not be larger than the file, nor share its bytes: each is unpacked.
        room = max(0, len(self._data) - header.data_start)
        if header.elements > room * _MOST_WEIGHTS_A_BYTE:
            raise ValueError(f"{header.elements} weights in {room} bytes")
        if any(tensor.offset > room for tensor in table):
            raise ValueError("it is cut off")
        return header

    def _number(self, code: str) -> int:
        (value,) = struct.unpack_from(f"<{code}", self._data, self._at)
        self._advance(struct.calcsize(f"<{code}"))
        return int(value)

    def _advance(self, size: int) -> None:
        self._at += size
        if self._at > _MOST_HEADER_BYTES:
            raise ValueError(f"a header of over {_MOST_HEADER_BYTES} bytes")

    def _count(self, most: int) -> int:
        count = self._number("Q")
        if count > most:
            raise ValueError(f"a count of {count}")
        return count

    def _string(self) -> str:
        length = self._number("Q")
        if length > _MOST_TEXT_BYTES:
            raise ValueError(f"a text of {length} bytes")
        end = self._at + length
        if end > len(self._data):
            raise ValueError("it is cut off")
        text = self._data[self._at : end].decode("utf-8")
        self._advance(length)
        return text

    def _value(self, kind: int) -> Value:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            element, count = self._number("I"), self._count(_MOST_ELEMENTS)
            self._elements += count
            if self._elements > _MOST_ELEMENTS:
                raise ValueError(f"arrays of over {_MOST_ELEMENTS} values")
            if element == _STRING:
                return [self._string() for _ in range(count)]
            code = f"<{count}{_code(element)}"
            values = list(struct.unpack_from(code, self._data, self._at))
            self._advance(struct.calcsize(code))
            return values
        code = f"<{_code(kind)}"
        (value,) = struct.unpack_from(code, self._data, self._at)
        self._advance(struct.calcsize(code))
        scalar: Scalar = value
        return scalar

    def _tensor(self) -> Tensor:
        name = self._string()
        dimensions = self._number("I")
        if dimensions > 8:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        shape = tuple(self._number("Q") for _ in range(dimensions))
        # ggml counts the fastest dimension first.
        return Tensor(name, shape[::-1], self._number("I"), self._number("Q"))


def _code(kind: int) -> str:
    if kind not in _SCALARS:
        raise ValueError(f"a value of unknown type {kind}")
    return _SCALARS[kind]
