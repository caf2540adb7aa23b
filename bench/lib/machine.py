"""What the machine and its processes tell: memory bandwidth, CPU seconds, peak memory, energy."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import psutil

MEBIBYTE = 1 << 20
READ_BYTES = 1 << 30  # much more than any cache
_ROUNDS = 6
_POWER = Path("/sys/class/powercap")

Numbers = npt.NDArray[np.int64]


def bandwidth(threads: int = os.cpu_count() or 1, size: int = READ_BYTES) -> float:
    """Bytes a second that ``threads`` read together from memory: the best of some quick loops.

    numpy lets go of the interpreter's lock inside such a loop. The best counts, since whatever
    else the machine does only makes it slower.
    """
    parts = np.array_split(np.ones(size // 8, dtype=np.int64), threads)
    loops: tuple[Callable[[Numbers], object], ...] = (np.max, np.bitwise_or.reduce)
    return max(size / _seconds(loop, parts) for loop in loops for _ in range(_ROUNDS))


def _seconds(loop: Callable[[Numbers], object], parts: Sequence[Numbers]) -> float:
    running = [threading.Thread(target=loop, args=(part,)) for part in parts]
    started = time.perf_counter()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return time.perf_counter() - started


def cpu_seconds(*pids: int) -> float:
    """CPU time of these processes since each began, user and system."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(one.user + one.system for one in times)


def peak_mib(*pids: int) -> float:
    """The most memory each process has had resident, added up; 0 where the system does not tell."""
    return sum(_peak_kib(Path(f"/proc/{pid}/status")) for pid in pids) / 1024


def _peak_kib(file: Path) -> int:
    try:
        lines = file.read_text("ascii", "replace").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def joules(folder: Path = _POWER) -> float | None:
    """The energy counters of all processor packages together; None where there are none to read.

    A counter begins anew from 0 after hours at full load; a difference below 0 is to be dropped.
    """
    total = 0.0
    found = False
    for counter in sorted(folder.glob("*/energy_uj")):
        if counter.parent.name.count(":") != 1:
            continue  # a part of a package
        try:
            total += int(counter.read_text("ascii")) / 1e6
        except (OSError, ValueError):
            return None
        found = True
    return total if found else None


def listener(address: str) -> int | None:
    """The process of this machine that listens at an address such as http://127.0.0.1:8012."""
    where = urlsplit(address)
    if where.hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return None
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == where.port:
            return one.pid
    return None
