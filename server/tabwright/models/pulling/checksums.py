"""Checksums of files, read in blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

_BLOCK = 1 << 20


class Digest(Protocol):
    """The interface of hashlib's objects."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        ...

    def hexdigest(self) -> str:
        """The checksum of all bytes added."""
        ...


def _ignore(count: int) -> None:
    """Do not report progress."""


def sha256_of(path: Path, tick: Callable[[int], None] = _ignore) -> str:
    """sha256 of a file, in hexadecimal; ``tick`` gets the bytes of each block just read."""
    return hex_of(path, hashlib.sha256(), tick)


def hex_of(path: Path, digest: Digest, tick: Callable[[int], None] = _ignore) -> str:
    """The checksum of a file by ``digest``, in hexadecimal; ``tick`` as for ``sha256_of``."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            tick(len(block))
    return digest.hexdigest()
