"""Find a program: next to our own Python, among the project's own tools, or on PATH.

The current folder, which may be an untrusted workspace, is never searched: not by an empty or
relative entry of PATH, and not on Windows, where ``shutil.which`` starts there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tabwright.processes import own_python

_ENVIRONMENTS = (".venv", "venv", "env")
_IS_WINDOWS = os.name == "nt"
_BIN = "Scripts" if _IS_WINDOWS else "bin"
_ENDINGS = ".COM;.EXE;.BAT;.CMD"  # of programs on Windows when PATHEXT is not set


def find_bundled(name: str, workspace: str = "") -> str | None:
    """Find a program that was installed beside our own Python, else the one on PATH.

    Folders on PATH that are inside ``workspace`` ("" for none) are skipped.
    """
    return find_in((name,), (str(own_python().parent),)) or find_in(
        (name,), path_folders(workspace)
    )


def find_project_program(names: tuple[str, ...], root: str, path: str) -> str | None:
    """Find the first of ``names`` among the project's own tools, else on PATH.

    Such a program may run only in a folder that the user trusts.
    """
    own = (*_environment_folders(root), *_node_folders(root, path))
    return find_in(names, own) or find_in(names, path_folders())


def find_project_python(root: str) -> str | None:
    """Find the Python of the project's own environment; None where it has none."""
    return find_in(("python",), _environment_folders(root))


def find_in(names: Iterable[str], folders: Iterable[str]) -> str | None:
    """Find the first of the programs ``names`` in ``folders``; relative folders are skipped."""
    absolute = [folder for folder in folders if os.path.isabs(folder)]
    for name in names:
        for folder in absolute:
            for ending in _endings(name):
                found = os.path.join(folder, name + ending)
                if os.path.isfile(found) and os.access(found, os.X_OK):
                    return found
    return None


def path_folders(excluded: str = "") -> list[str]:
    """Return the absolute folders on PATH, without those inside ``excluded`` ("" for none)."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    kept = [folder for folder in folders if os.path.isabs(folder)]
    if not excluded:
        return kept
    # A folder is inside by its own path or by the path that it links to.
    names = {os.path.abspath(excluded), os.path.realpath(excluded)}
    return [folder for folder in kept if not any(_is_below(folder, one) for one in names)]


def _is_below(folder: str, top: str) -> bool:
    paths = (os.path.abspath(folder), os.path.realpath(folder))
    return any(Path(each).is_relative_to(top) for each in paths)


def _endings(name: str) -> tuple[str, ...]:
    if not _IS_WINDOWS:
        return ("",)
    endings = tuple(filter(None, os.environ.get("PATHEXT", _ENDINGS).split(os.pathsep)))
    return ("",) if name.upper().endswith(tuple(each.upper() for each in endings)) else endings


def _environment_folders(root: str) -> Iterator[str]:
    if root:
        yield from (str(Path(root) / name / _BIN) for name in _ENVIRONMENTS)


def _node_folders(root: str, path: str) -> Iterator[str]:
    """Yield node_modules/.bin of the file's folder and of those above it up to the root."""
    if not root:
        return
    top = Path(root)
    inside = [parent for parent in Path(path).parents if parent.is_relative_to(top)] if path else []
    yield from (str(folder / "node_modules" / ".bin") for folder in dict.fromkeys((*inside, top)))
