"""Restrict the files that a process may open: landlock(7) and linux/landlock.h."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

from tabwright.checks.sandbox import system

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
# Before version 3 a file with read access could be truncated.
_MIN_VERSION = 3

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_TRUNCATE = 1 << 14
# Access rights by version: files, TCP, and the scopes that separate other processes.
_RIGHTS_BY_VERSION = {3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP = 3
_OTHER_PROCESSES = 3

_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _TRUNCATE | _MAKE_DIR | _MAKE_REG | _REMOVE_DIR | _REMOVE_FILE
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def confine(readable: Iterable[str], devices: Iterable[str], writable: Iterable[str]) -> None:
    """Allow access only to these paths and the files below them; raises OSError.

    ``devices`` may be read and written, but not truncated or deleted. Paths that do not exist are
    skipped. Names, sizes and dates of other files, and symlinks, can still be read.
    """
    version = _version()
    if version < _MIN_VERSION:
        raise OSError(f"Landlock is of version {version}, not {_MIN_VERSION}")
    rules = _Ruleset(
        _RIGHTS_BY_VERSION[min(version, max(_RIGHTS_BY_VERSION))],
        _TCP if version >= 4 else 0,
        _OTHER_PROCESSES if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = system.system_call(_CREATE, rules, size, 0)
    try:
        for paths, allowed in (
            (readable, _READ),
            (devices, _READ_FILE | _WRITE_FILE),
            (writable, _WRITE),
        ):
            for path in paths:
                _allow(ruleset, path, allowed)
        system.call("prctl", system.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        system.system_call(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _version() -> int:
    """Return the Landlock version of this kernel, from 1; raises OSError where it is off."""
    return system.system_call(_CREATE, None, 0, _ASK_VERSION)


def _allow(ruleset: int, path: str, allowed: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            allowed &= _FILE_RIGHTS
        rule = _PathBeneath(allowed, parent)
        system.system_call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(parent)
