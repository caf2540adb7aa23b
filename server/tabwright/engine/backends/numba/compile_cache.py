"""Compiles for the CPU at hand, once: what numba made is kept in the user's cache folder.

numba keeps it by pickle, which can run code when it is read. So the folder must be the user's
alone, or it is not used. It is named by the sources, for numba would not see that one of several
files has changed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from tabwright import paths, private

log = logging.getLogger(__name__)
_USED = "used"  # a file whose time says when the folder was used last
_LONG_S = 30 * 24 * 3600.0
_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """Compile a function at its first call; sums may be reordered, and nothing is checked."""
    fast = {"reassoc", "nsz", "nnan", "contract", "arcp"}
    make = numba.njit(nogil=True, cache=_KEPT, error_model="numpy", fastmath=fast)
    return cast(_F, make(function))


def folder() -> Path:
    """Where compiled code is kept; numba's own variable ``NUMBA_CACHE_DIR`` moves it."""
    moved = os.environ.get("NUMBA_CACHE_DIR")
    return Path(moved).expanduser() if moved else paths.cache_dir() / "numba"


def _keep() -> bool:
    """Make the folder, and forget those long unused; False where there cannot be a private one."""
    here = Path(__file__).parents[1]  # the kernels use constants of all backends
    sources = b"".join(path.read_bytes() for path in sorted(here.rglob("*.py")))
    named = hashlib.sha256(sources + numba.__version__.encode()).hexdigest()[:16]
    kept = folder()
    mine = kept / named
    try:
        if "NUMBA_CACHE_DIR" not in os.environ:
            private.folder(kept)
        _check(mine)
        private.folder(mine)
        with open(mine / _USED, "ab", opener=private.opener):
            os.utime(mine / _USED)
    except OSError as error:
        log.warning("compiled code cannot be kept, and is compiled at each start: %s", error)
        return False
    _forget_unused(kept)
    numba.config.CACHE_DIR = str(mine)
    return True


def _check(mine: Path) -> None:
    """Raise PermissionError where another user could have put something into an existing folder."""
    if not os.path.lexists(mine):
        return
    for path in (mine, *mine.rglob("*")):
        if not private.is_own(path):
            raise PermissionError(
                f"{path} is not this user's alone: other users can write to it; delete {mine}"
            )


def _forget_unused(kept: Path) -> None:
    for mark in kept.glob(f"*/{_USED}"):
        try:
            if time.time() - mark.stat().st_mtime > _LONG_S:
                shutil.rmtree(mark.parent)
        except OSError as error:  # another engine may be at it too
            log.info("%s stays: %s", mark.parent, error)


_KEPT = _keep()
