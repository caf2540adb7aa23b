"""Cache compiled kernels in the user's cache folder, so that they are compiled once per CPU.

numba stores them with pickle, which can execute code when it is read. So the folder is used only
when no other user can write to it. Its name is a hash of the sources, because numba does not notice
a change in another file than the function's.
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
_LAST_USE_FILE = "used"  # its modification time is the folder's last use
_MAX_UNUSED_S = 30 * 24 * 3600.0
_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """Compile a function at its first call, with reordered sums and without bounds checks."""
    fast = {"reassoc", "nsz", "nnan", "contract", "arcp"}
    make = numba.njit(nogil=True, cache=_CACHING, error_model="numpy", fastmath=fast)
    return cast(_F, make(function))


def folder() -> Path:
    """Return the cache folder; numba's variable ``NUMBA_CACHE_DIR`` overrides it."""
    moved = os.environ.get("NUMBA_CACHE_DIR")
    return Path(moved).expanduser() if moved else paths.cache_dir() / "numba"


def _set_up_cache() -> bool:
    """Make the folder and delete old ones; False where a private folder is not possible."""
    here = Path(__file__).parents[1]  # the kernels use constants of the whole package
    sources = b"".join(path.read_bytes() for path in sorted(here.rglob("*.py")))
    named = hashlib.sha256(sources + numba.__version__.encode()).hexdigest()[:16]
    kept = folder()
    own = kept / named
    try:
        if "NUMBA_CACHE_DIR" not in os.environ:
            private.folder(kept)
        _check_private(own)
        private.folder(own)
        with open(own / _LAST_USE_FILE, "ab", opener=private.opener):
            os.utime(own / _LAST_USE_FILE)
    except OSError as error:
        log.warning("compiled code cannot be kept, and is compiled at each start: %s", error)
        return False
    _delete_unused(kept)
    numba.config.CACHE_DIR = str(own)
    return True


def _check_private(own: Path) -> None:
    """Raise PermissionError where another user could have put something into an existing folder."""
    if not os.path.lexists(own):
        return
    for path in (own, *own.rglob("*")):
        if not private.is_own(path):
            raise PermissionError(
                f"{path} is not this user's alone: other users can write to it; delete {own}"
            )


def _delete_unused(kept: Path) -> None:
    for mark in kept.glob(f"*/{_LAST_USE_FILE}"):
        try:
            if time.time() - mark.stat().st_mtime > _MAX_UNUSED_S:
                shutil.rmtree(mark.parent)
        except OSError as error:  # another engine may delete it at the same time
            log.info("%s stays: %s", mark.parent, error)


_CACHING = _set_up_cache()
