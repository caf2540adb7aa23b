"""Files of a checkout: one may be a pipe or a device, or a link to one, and never end."""

from __future__ import annotations

from pathlib import Path


class NotRegular(OSError):
    """What should be a file is a pipe, a device or the like; opening it may wait for ever."""


def start_of(path: Path, most_bytes: int) -> bytes:
    """The first bytes of a file; raises NotRegular, and OSError where it cannot be read."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise NotRegular(f"{path} is not a regular file")
    with path.open("rb") as stream:
        return stream.read(most_bytes)
