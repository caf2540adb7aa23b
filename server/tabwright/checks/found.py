"""Where a program lies: beside our own Python, among the project's own tools, or on PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tabwright.processes import own_python

_ENVIRONMENTS = (".venv", "venv", "env")
_BIN = "Scripts" if os.name == "nt" else "bin"


def bundled(name: str) -> str | None:
    """A program that was installed beside our own Python, else the one on PATH."""
    return shutil.which(name, path=str(own_python().parent)) or shutil.which(name)


def projects(names: tuple[str, ...], root: str, path: str) -> str | None:
    """The first of ``names`` among the project's own tools, else on PATH."""
    folders = os.pathsep.join((*_environment_folders(root), *_node_folders(root, path)))
    for where in (folders, None):
        for name in names:
            found = None if where == "" else shutil.which(name, path=where)
            if found is not None:
                return found
    return None


def project_python(root: str) -> str | None:
    """The Python of the project's own environment, if it has one."""
    folders = os.pathsep.join(_environment_folders(root))
    return shutil.which("python", path=folders) if folders else None


def _environment_folders(root: str) -> Iterator[str]:
    if root:
        yield from (str(Path(root) / name / _BIN) for name in _ENVIRONMENTS)


def _node_folders(root: str, path: str) -> Iterator[str]:
    """node_modules/.bin from the file's folder up to the root."""
    if not root:
        return
    top = Path(root)
    inside = [parent for parent in Path(path).parents if parent.is_relative_to(top)] if path else []
    yield from (str(folder / "node_modules" / ".bin") for folder in dict.fromkeys((*inside, top)))
