"""Which process is this user's engine: written by the engine, read by who must end a hung one.

The file lies in the runtime folder, which only the user can enter. A process is known by its
number and by when it was started, so that a later process with the same number is left alone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tabwright import paths, private

State = Literal["gone", "stopped", "busy", "asleep"]
_START_FIELD = 19  # of /proc/PID/stat behind the name in parentheses, see proc(5)


@dataclass(frozen=True)
class EngineProcess:
    """A process: its number, and what the system says of when it was started."""

    pid: int
    started: str


@dataclass(frozen=True)
class Look:
    """What a process does: its state, and the CPU seconds that it has used so far."""

    state: State
    cpu_s: float = 0.0


def of(pid: int) -> EngineProcess | None:
    """The process with this number now; None when there is none."""
    started = _started(pid)
    return EngineProcess(pid, started) if started else None


def write() -> None:
    """Note that this process is the engine; called while it holds the engine's lock."""
    own = of(os.getpid())
    if own is None:
        return  # no system that we know of hides a process from itself
    private.write(paths.engine_process(), json.dumps(asdict(own)))


def read() -> EngineProcess | None:
    """The engine that was noted last, if it still lives; None when none does."""
    try:
        told = json.loads(private.read(paths.engine_process()))
        found = EngineProcess(int(told["pid"]), str(told["started"]))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if found.pid > 1 and _started(found.pid) == found.started else None


def look(process: EngineProcess) -> Look:
    """What the process does at this moment; "gone" also for a dead one that nobody waited for."""
    import psutil

    try:
        found = psutil.Process(process.pid)
        status, times = found.status(), found.cpu_times()
    except psutil.NoSuchProcess:
        return Look("gone")
    except psutil.Error:
        return Look("busy")  # it may not be looked at: nothing speaks for a hang
    if _started(process.pid) != process.started or status in (
        psutil.STATUS_ZOMBIE,
        psutil.STATUS_DEAD,
    ):
        return Look("gone")
    states: dict[str, State] = {
        psutil.STATUS_STOPPED: "stopped",
        psutil.STATUS_SLEEPING: "asleep",
        psutil.STATUS_IDLE: "asleep",
    }
    return Look(states.get(status, "busy"), times.user + times.system)


def kill(process: EngineProcess) -> bool:
    """End the process at once, if it is still the noted engine and this user's; whether it was.

    On Linux the signal goes to the very process that was checked, through its file descriptor.
    """
    import psutil

    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        try:
            descriptor = os.pidfd_open(process.pid)
        except OSError:
            return False
        try:
            if not _is_ours(process):
                return False
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True
    try:
        found = psutil.Process(process.pid)
        if not _is_ours(process):
            return False
        found.kill()  # refuses a number that belongs to another process by now
    except psutil.Error:
        return False
    return True


def _is_ours(process: EngineProcess) -> bool:
    import psutil

    if process.pid == os.getpid() or read() != process:
        return False
    if not hasattr(os, "getuid"):
        return True
    try:
        return bool(psutil.Process(process.pid).uids().real == os.getuid())
    except psutil.Error:
        return False


def _started(pid: int) -> str:
    """When a process was started, in the system's own units; "" when there is no such process.

    On Linux this is counted from the system's start: unlike a time of day it never changes.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return ""
        return fields[_START_FIELD].decode("ascii")
    import psutil

    try:
        return repr(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""
