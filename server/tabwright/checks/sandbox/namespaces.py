"""Give a process a file tree, process numbers and a network of its own.

See namespaces(7), user_namespaces(7), mount_setattr(2) and pivot_root(2). Linux 5.12 is needed.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from tabwright.checks.sandbox import system

PRIVATE = "/tmp"
_PRIVATE_BYTES = 16 * 2**20
_PRIVATE_FILES = 1024
_NOBODY = 65534

_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18
_MNT_DETACH = 2
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_TREE_CLONE, _TREE_CLOEXEC = 1, os.O_CLOEXEC if hasattr(os, "O_CLOEXEC") else 0
_MOVE_EMPTY_PATH = 4
_RDONLY, _NOSUID, _NODEV, _NOEXEC = 1, 2, 4, 8


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("user_namespace", ctypes.c_uint64),
    )


def enter() -> None:
    """Create the namespaces; the next process that is forked gets process number 1.

    Raises OSError where users may not create namespaces.
    """
    user, group = os.geteuid(), os.getegid()
    spaces = _NEWNS | _NEWCGROUP | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET
    system.call("unshare", _NEWUSER | spaces)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_NOBODY} {user} 1")
    _write("/proc/self/gid_map", f"{_NOBODY} {group} 1")


def build(readable: Iterable[str], devices: Iterable[str]) -> None:
    """Replace the file tree by these paths, read-only, and a writable ``PRIVATE`` folder.

    The new tree is built in the current folder, which must be empty; afterwards the current folder
    is an empty one in ``PRIVATE``. Paths that do not exist are skipped. Raises OSError.
    """
    here = os.getcwd()
    system.call("mount", b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    mounts = [(path, _clone_mounts(path, _RDONLY | _NOSUID | _NODEV)) for path in readable]
    mounts += [(path, _clone_mounts(path, _RDONLY | _NOSUID | _NOEXEC)) for path in devices]
    flags = _MS_NOSUID | _MS_NODEV
    system.call("mount", b"tmpfs", here.encode(), b"tmpfs", flags, b"size=1m,mode=755")
    os.chdir(here)
    # Mounted first, because a readable path may be below it: a Python that is installed in /tmp.
    private = "." + PRIVATE
    os.mkdir(private)
    data = f"size={_PRIVATE_BYTES},nr_inodes={_PRIVATE_FILES},mode=700"
    system.call("mount", b"tmpfs", private.encode(), b"tmpfs", flags | _MS_NOEXEC, data.encode())
    for path, mount in mounts:
        if mount is not None:
            _attach_mounts(mount, path)
    # pivot_root puts the old tree on top of the new one, so it is unmounted.
    system.system_call(_PIVOT_ROOT[os.uname().machine], b".", b".")
    system.call("umount2", b".", _MNT_DETACH)
    os.chdir("/")
    _set_attributes(_AT_FDCWD, b"/", 0, _RDONLY | _NOSUID | _NODEV)
    # Not ``PRIVATE`` itself, which may contain the path to a Python in /tmp.
    work = os.path.join(PRIVATE, "work")
    os.mkdir(work)
    os.chdir(work)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _clone_mounts(path: str, attributes: int) -> int | None:
    """Copy the mounts at a path, not yet in the file tree, and set attributes on all of them."""
    try:
        flags = _TREE_CLONE | _TREE_CLOEXEC | _AT_RECURSIVE
        mount = system.system_call(_OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags)
    except FileNotFoundError:
        return None
    _set_attributes(mount, b"", _AT_EMPTY_PATH | _AT_RECURSIVE, attributes)
    return mount


def _set_attributes(folder: int, path: bytes, flags: int, attributes: int) -> None:
    change = _Attributes(set=attributes)
    size = ctypes.sizeof(change)
    system.system_call(_MOUNT_SETATTR, folder, path, flags, change, size)


def _attach_mounts(mount: int, path: str) -> None:
    """Attach a copy of mounts in the current folder, at its original path."""
    target = "." + path
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
    system.system_call(_MOVE_MOUNT, mount, b"", _AT_FDCWD, os.fsencode(target), _MOVE_EMPTY_PATH)
    os.close(mount)
