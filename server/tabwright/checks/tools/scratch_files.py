"""Temporary files, deleted after use, for tools that read only files."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tabwright.core.languages import by_id
from tabwright.processes import removed_if_killed

# Deletes the cache folders when this process ends.
_until_exit = ExitStack()
atexit.register(_until_exit.close)


@dataclass(frozen=True)
class CheckedFile:
    """The document that a tool checks, and the tool's time limit."""

    path: str
    root: str
    language_id: str
    timeout_s: float

    @property
    def folder(self) -> str:
        """The folder to run a tool in: the root, else the document's, else the temporary one."""
        folders = (self.root, str(Path(self.path).parent) if self.path else "")
        return next((one for one in folders if one and Path(one).is_dir()), tempfile.gettempdir())

    @property
    def file_name(self) -> str:
        """The document's own file name, or one that fits its language."""
        extensions = by_id(self.language_id).extensions
        return Path(self.path).name if self.path else "untitled" + (*extensions, "")[0]

    def nearest_above(self, *names: str) -> Path | None:
        """Find the nearest file of ``names`` in the document's folder and above, up to the root."""
        top = Path(self.folder)
        inside = [one for one in Path(self.path).parents if one.is_relative_to(top)]
        for folder in inside or [top]:
            for name in names:
                if (folder / name).is_file():
                    return folder / name
        return None


@contextmanager
def file_beside(file: CheckedFile, text: str, prefix: str = ".") -> Iterator[Path]:
    """Create a hidden file with ``text`` in the document's folder, else in a temporary one.

    With another ``prefix`` than a dot it is not hidden, for tools that skip hidden files. It never
    replaces a file: its name is random and must not exist. Raises OSError.
    """
    folder = Path(file.path).parent
    if not file.path or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        with temporary_file(file, text) as path:
            yield path
        return
    with hidden_file(folder, Path(file.file_name).suffix, text, prefix) as path:
        yield path


@contextmanager
def temporary_file(file: CheckedFile, text: str) -> Iterator[Path]:
    """Create a file with ``text`` and the document's name, in a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="tabwright-") as folder,
        removed_if_killed(Path(folder)),
    ):
        path = Path(folder, file.file_name)
        path.write_bytes(text.encode("utf-8", "replace"))
        yield path


@contextmanager
def hidden_file(folder: Path, suffix: str, text: str, prefix: str = ".") -> Iterator[Path]:
    """Create a hidden file with ``text`` in ``folder``; deleted even if this process is killed."""
    path = folder / f"{prefix}tabwright_{secrets.token_hex(8)}{suffix}"
    with removed_if_killed(path):
        try:
            with path.open("xb") as opened:
                opened.write(text.encode("utf-8", "replace"))
            yield path
        finally:
            path.unlink(missing_ok=True)


@cache
def cache_folder(name: str) -> Path:
    """Create a folder for a tool's cache, deleted when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"tabwright-{name}-"))
    _until_exit.enter_context(removed_if_killed(folder))
    _until_exit.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder
