"""Allow only listed system calls with a seccomp filter; all others fail.

The table lists what is allowed, so that calls of later kernels are refused. It has no call that
starts a process or a thread, opens a socket, sends a signal to another process, or changes a file's
owner or attributes. See seccomp(2), and Documentation/userspace-api/seccomp_filter.rst of Linux.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Iterator

from tabwright.checks.sandbox import system

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

# Numbers on x86-64 and on aarch64; None where there is no such call.
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # Files; the other layers decide which ones may be opened.
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "open": (2, None),
    "openat": (257, 56),
    "close": (3, 57),
    "close_range": (436, 436),
    "stat": (4, None),
    "fstat": (5, 80),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "lseek": (8, 62),
    "getdents": (78, None),
    "getdents64": (217, 61),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "fchdir": (81, 50),
    "umask": (95, 166),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "pipe": (22, None),
    "pipe2": (293, 59),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    # Memory.
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "msync": (26, 227),
    # Signals of this process to itself.
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136),
    "rt_sigsuspend": (130, 133),
    "rt_sigtimedwait": (128, 137),
    "restart_syscall": (219, 128),
    "sigaltstack": (131, 132),
    "pause": (34, None),
    "alarm": (37, None),
    "getitimer": (36, 102),
    "setitimer": (38, 103),
    # Information about this process.
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getresuid": (118, 148),
    "getresgid": (120, 150),
    "getgroups": (115, 158),
    "getpgrp": (111, None),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "arch_prctl": (158, None),
    "set_tid_address": (218, 96),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "getcpu": (309, 168),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "times": (100, 153),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "getrandom": (318, 278),
    # The clock.
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
}

# Allowed only where the writable file system is private.
_WRITING: dict[str, tuple[int | None, int | None]] = {
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "utimensat": (280, 88),
}

_FCNTL, _IOCTL, _PRCTL = (72, 25), (16, 29), (157, 167)
_KILL, _TGKILL = (62, 129), (234, 131)
_PRLIMIT, _SCHED_GETAFFINITY = (302, 261), (204, 123)
# Duplicates, flags and locks; not F_SETOWN, by which the kernel sends signals for us.
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 5, 6, 7, 1030)
# TCGETS, FIONREAD, FIOCLEX, FIONCLEX.
_IOCTL_COMMANDS = (0x5401, 0x541B, 0x5451, 0x5450)
# PR_SET_NAME, PR_GET_NAME.
_PRCTL_COMMANDS = (15, 16)
# From here on all architectures share numbers. glibc tries an older call only after ENOSYS.
_FIRST_NEWER = 424

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def is_supported(machine: str) -> bool:
    """Whether there is a filter for a processor, named as in ``os.uname().machine``."""
    return machine in _ARCHITECTURES


def filter_program(machine: str, pid: int, writing: bool) -> bytes:
    """Return the BPF filter for a process whose own pid is ``pid``; little-endian machines only.

    ``writing``: whether it may create, change and delete files.
    """
    column, architecture = _ARCHITECTURES[machine]
    simple = [*_ALLOWED.values(), *(_WRITING.values() if writing else ())]
    numbers = [numbers[column] for numbers in simple]
    # (call, index of an argument, its allowed values); the filter compares the lower 32 bits.
    by_argument = (
        (_FCNTL, 1, _FCNTL_COMMANDS),
        (_IOCTL, 1, _IOCTL_COMMANDS),
        (_PRCTL, 0, _PRCTL_COMMANDS),
        (_KILL, 0, (pid,)),
        (_TGKILL, 0, (pid,)),
        (_PRLIMIT, 0, (0,)),
        (_SCHED_GETAFFINITY, 0, (0,)),
    )
    parts = [
        _instruction(_LOAD, _AT_ARCHITECTURE),
        _instruction(_IF_EQUAL, architecture, 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD, _AT_NUMBER),
        *_allow(number for number in numbers if number is not None),
        *(
            part
            for call, index, values in by_argument
            for part in _allow_by_argument(call[column], index, values)
        ),
        # Python and glibc expect ENOSYS for calls that the kernel does not have.
        _instruction(_IF_AT_LEAST, _FIRST_NEWER, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
        _instruction(_RETURN, _ERRNO | errno.EPERM),
    ]
    return b"".join(parts)


def _allow(values: Iterable[int]) -> Iterator[bytes]:
    for value in values:
        yield _instruction(_IF_EQUAL, value, 0, 1)
        yield _instruction(_RETURN, _ALLOW)


def _allow_by_argument(number: int, index: int, values: tuple[int, ...]) -> Iterator[bytes]:
    """Allow a system call whose argument is one of the values; EPERM for other values."""
    yield _instruction(_IF_EQUAL, number, 0, 2 * len(values) + 2)
    yield _instruction(_LOAD, _AT_ARGUMENTS + 8 * index)
    yield from _allow(values)
    yield _instruction(_RETURN, _ERRNO | errno.EPERM)


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def confine(writing: bool) -> None:
    """Apply the filter to this thread; raises OSError where the kernel has no seccomp."""
    instructions = filter_program(os.uname().machine, os.getpid(), writing)
    program_struct = _Program(len(instructions) // 8, instructions)
    system.call("prctl", system.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    system.call("prctl", _PR_SET_SECCOMP, _MODE_FILTER, program_struct)
