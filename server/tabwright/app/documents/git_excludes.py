"""Where Git's lists of ignored files lie outside the tree: of a repository, and of the user."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from pathlib import Path

from tabwright import regular_file

log = logging.getLogger(__name__)

_MOST_BYTES = 1 << 16


def exclude_file(folder: Path) -> Path | None:
    """The path of ``info/exclude`` for the repository whose top is ``folder``; None if it is none.

    In a worktree or a submodule ``.git`` is a file that names the folder, and that folder may name
    the one which it shares (gitrepository-layout(5)). The file need not exist.
    """
    dot_git = folder / ".git"
    try:
        found = os.stat(dot_git)
    except OSError:
        return None
    is_folder = bool(found.st_mode & 0o040000)
    return _exclude_file(dot_git, is_folder, 0 if is_folder else found.st_mtime_ns)


@lru_cache(maxsize=256)
def _exclude_file(dot_git: Path, is_folder: bool, _: int) -> Path:
    folder = dot_git
    if not is_folder:
        content = _text(dot_git).strip()
        folder = dot_git.parent / content.removeprefix("gitdir:").strip()
    shared = _text(folder / "commondir").strip()
    return (folder / shared if shared else folder) / "info" / "exclude"


def users_excludes() -> Path:
    """The user's own list: ``core.excludesFile`` of his settings of Git, or its default.

    Only the first line of that name in ~/.gitconfig or git/config counts; includes are left.
    """
    home = Path.home()
    base = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    for settings in (home / ".gitconfig", base / "config"):
        section = ""
        for line in _text(settings).split("\n"):
            line = line.strip()
            if line.startswith("["):
                section = line[1:].partition("]")[0].strip().lower()
            name, _, value = line.partition("=")
            if section == "core" and name.strip().lower() == "excludesfile":
                named = value.strip().strip('"')
                return home / named[2:] if named.startswith("~/") else home / named
    return base / "ignore"


def _text(path: Path) -> str:
    """The start of a small text file; "" where there is none."""
    try:
        return regular_file.start_of(path, _MOST_BYTES).decode("utf-8", "replace")
    except (FileNotFoundError, IsADirectoryError):
        return ""
    except OSError as error:
        log.info("%s was not read: %s", path, error)
        return ""
