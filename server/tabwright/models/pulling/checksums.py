"""Checksums of whole files, block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

_BLOCK = 1 << 20


class Digest(Protocol):
    """What hashlib's objects have in common."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        ...

    def hexdigest(self) -> str:
        """The checksum of all of them."""
        ...


def _untold(count: int) -> None:
    """Nobody wants to know how far it is."""


def sha256_of(path: Path, tick: Callable[[int], None] = _untold) -> str:
    """sha256 of a file, in hexadecimal; ``tick`` gets the bytes of each block just read."""
    return hex_of(path, hashlib.sha256(), tick)


def hex_of(path: Path, digest: Digest, tick: Callable[[int], None] = _untold) -> str:
    """What ``digest`` makes of a file, in hexadecimal; ``tick`` as for ``sha256_of``."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            tick(len(block))
    return digest.hexdigest()
