"""The number of threads to compute with: one per core that this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

import psutil

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores(quota: Path = _QUOTA) -> int:
    """Return the number of physical cores, bounded by CPU affinity and the container's quota."""
    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return max(1, min(physical, allowed, math.floor(_limit(quota))))


def _limit(quota: Path) -> float:
    """Return the CPU quota of the control group (version 2) in cores, or a huge number if none."""
    try:
        time, period = quota.read_text("ascii").split()
        return int(time) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
        return 1 << 30
