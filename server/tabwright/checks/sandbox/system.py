"""Calls of the C library and of the kernel that Python has no function for; Linux only."""

from __future__ import annotations

import ctypes
import os
import signal
from functools import cache

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: int | bytes | ctypes.Structure | None) -> int:
    """Call a function of the C library; raises OSError with its name when it returns -1."""
    passed = [
        ctypes.c_long(one) if isinstance(one, int)
        else ctypes.byref(one) if isinstance(one, ctypes.Structure)
        else ctypes.c_char_p(one)
        for one in arguments
    ]  # fmt: skip
    result = int(getattr(_libc(), name)(*passed))
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def system_call(number: int, *arguments: int | bytes | ctypes.Structure | None) -> int:
    """Make a system call by its number; raises OSError."""
    return call("syscall", number, *arguments)


def end_with_parent() -> None:
    """Have the kernel kill this process as soon as the thread that started it ends.

    A change of user or capabilities resets this, so call it again after each.
    """
    call("prctl", PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (("sets", ctypes.c_uint32 * 6),)


_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522


def drop_privileges() -> None:
    """Drop every capability for good: programs started from here do not get any back.

    Crash reports are disabled too: the program that writes them reads this memory, often as root.
    """
    call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    system_call(_CAPSET[os.uname().machine], header, _Capabilities())
