"""Temporary files for tools that only read files; deleted afterwards."""

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

# Ends with this process, and with it the folders that live as long.
_until_exit = ExitStack()
atexit.register(_until_exit.close)


@dataclass(frozen=True)
class CheckedFile:
    """The location of the document that a tool checks, and the tool's time limit."""

    path: str
    root: str
    language_id: str
    timeout_s: float

    @property
    def folder(self) -> str:
        """Where a tool should run: the root, else the document's folder, else that for others."""
        folders = (self.root, str(Path(self.path).parent) if self.path else "")
        return next((one for one in folders if one and Path(one).is_dir()), tempfile.gettempdir())

    @property
    def file_name(self) -> str:
        """The document's own file name, or one that fits its language."""
        extensions = by_id(self.language_id).extensions
        return Path(self.path).name if self.path else "untitled" + (*extensions, "")[0]

    def nearest_above(self, *names: str) -> Path | None:
        """The nearest of the files ``names`` in the document's folder and those above, to root."""
        top = Path(self.folder)
        inside = [one for one in Path(self.path).parents if one.is_relative_to(top)]
        for folder in inside or [top]:
            for name in names:
                if (folder / name).is_file():
                    return folder / name
        return None


@contextmanager
def file_beside(checked: CheckedFile, text: str, prefix: str = ".") -> Iterator[Path]:
    """A hidden file with ``text`` in the document's own folder; elsewhere when that is no use.

    With another ``prefix`` than a dot it is not hidden, for tools that ignore hidden files.

    Never an existing file: its name is random and must not exist. Raises OSError.
    """
    folder = Path(checked.path).parent
    if not checked.path or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        with temporary_file(checked, text) as path:
            yield path
        return
    with hidden_file(folder, Path(checked.file_name).suffix, text, prefix) as path:
        yield path


@contextmanager
def temporary_file(checked: CheckedFile, text: str) -> Iterator[Path]:
    """A file with ``text`` under the document's own name, in a folder of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="tabwright-") as folder,
        removed_if_killed(Path(folder)),
    ):
        path = Path(folder, checked.file_name)
        path.write_bytes(text.encode("utf-8", "replace"))
        yield path


@contextmanager
def hidden_file(folder: Path, suffix: str, text: str, prefix: str = ".") -> Iterator[Path]:
    """A new hidden file with ``text`` in ``folder``; deleted even if this process is killed."""
    path = folder / f"{prefix}tabwright_{secrets.token_hex(8)}{suffix}"
    with removed_if_killed(path):
        try:
            with path.open("xb") as file:
                file.write(text.encode("utf-8", "replace"))
            yield path
        finally:
            path.unlink(missing_ok=True)


@cache
def cache_folder(name: str) -> Path:
    """Return a folder for a tool's cache, deleted when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"tabwright-{name}-"))
    _until_exit.enter_context(removed_if_killed(folder))
    _until_exit.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder
