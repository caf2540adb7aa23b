"""A place for a document that does not exist yet: beside its source, never over another."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

_FILES = ("file", "vscode-notebook-cell")
_TEST_ENDING = "_test"  # Go and others know a test file by it


def folder_of(uri: str, path: str) -> Path | None:
    """The folder of a document's file; None where it has none on this machine."""
    if urlsplit(uri).scheme not in _FILES or not os.path.isabs(path):
        return None
    return Path(path).parent


def free_path(folder: Path, name: str, open_paths: Iterable[str]) -> Path:
    """``name`` in the folder, or ``name_2`` and so on where a file or open document is that."""
    taken = {os.path.normcase(path).casefold() for path in open_paths}
    for number in count(1):
        path = folder / _numbered(name, number)
        if not os.path.lexists(path) and os.path.normcase(path).casefold() not in taken:
            return path
    raise AssertionError("there is always a next number")


def _numbered(name: str, number: int) -> str:
    if number == 1:
        return name
    stem, dot, extensions = name.partition(".")
    ending = _TEST_ENDING if stem.endswith(_TEST_ENDING) else ""
    return f"{stem.removesuffix(ending)}_{number}{ending}{dot}{extensions}"
