"""Ends what another process started, when that process has died without doing so.

Runs as ``python -m tabwright.process_guard``. Its standard input is a pipe from the process it
serves: first a line with the value of that process's ``TABWRIGHT_STARTED_BY``, then lines ``+ITEM``
and ``-ITEM``. An item is JSON: ``{"pid", "time"}`` for a process with the time of its start
(seconds since 1970), or ``{"path"}`` for a file or folder. At the end of the input all items that
are left are killed or deleted, and so is every process of this user that has the variable with that
value, wherever it has moved; so a process of which there was no time to tell is found too.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

_VARIABLE = "TABWRIGHT_STARTED_BY"
# A process that was just forked shows the environment of its parent until it runs its program.
_LOOKS = 4
_BETWEEN_S = 0.25
_CLOCK_S = 2.0


def main() -> int:
    """Listen until the input ends, then end what is left; returns 0."""
    # Only the end of the pipe is a reason to end: what asks its master to stop is none.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    owner = sys.stdin.buffer.readline().decode().strip()
    items: dict[str, None] = {}
    for raw in sys.stdin.buffer:
        line = raw.decode()
        if not line.endswith("\n"):
            break
        if line[0] == "+":
            items[line[1:-1]] = None
        else:
            items.pop(line[1:-1], None)
    left = [json.loads(item) for item in items]
    for item in left:
        if "pid" in item:
            end(int(item["pid"]), float(item["time"]))
    paths = [str(item["path"]) for item in left if "path" in item]
    for look in range(_LOOKS):
        found = list(owned_by(owner))
        for process in found:
            _kill(process)
        # Again after each look, since a tool may write while it is being killed.
        for path in paths:
            remove(path)
        if look < _LOOKS - 1:
            time.sleep(_BETWEEN_S)
    return 0


def end(pid: int, started: float) -> None:
    """Kill a process, the group it leads, and its children, unless the number is another's now."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.create_time() > started + _CLOCK_S:
            return
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        family = []
    if os.name == "posix" and _leads_group(pid, alive=bool(family)):
        # Nobody is left in it, or nobody of ours.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    for process in family:
        _kill(process)


def owned_by(owner: str) -> Iterator[Any]:
    """The processes of this user that were started with ``TABWRIGHT_STARTED_BY=owner``."""
    import psutil

    if not owner:
        return
    for process in psutil.process_iter():
        try:
            if process.environ().get(_VARIABLE) == owner:
                yield process
        except (psutil.Error, OSError):
            continue  # another user's, or it has just ended


def remove(path: str) -> None:
    """Delete a file, or a folder with all in it; one that is not there is as wanted."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
        return
    # Deleted in time, or in a folder that is gone; there is nobody left to tell.
    with suppress(OSError):
        os.unlink(path)


def _leads_group(pid: int, *, alive: bool) -> bool:
    # A number stays taken while a group has it, so a group without its leader is still ours.
    try:
        return not alive or os.getpgid(pid) == pid
    except ProcessLookupError:
        return True


def _kill(process: Any) -> None:
    import psutil

    # It has ended by itself.
    with suppress(psutil.Error):
        process.kill()


if __name__ == "__main__":
    sys.exit(main())
