"""Child processes that download or convert: run several, report their progress, end them.

Pip, the hub's client and torch run in child processes, since they may hang and use much memory: a
process can be ended at any time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tabwright import processes
from tabwright.core.message import Message
from tabwright.models.errors import PullCancelled

_POLL_S = 0.05
_GRACE_S = 3.0
_TAIL_BYTES = 4000


@dataclass(frozen=True)
class Child:
    """A command, the folder whose size shows its progress, and the file for its output."""

    label: str
    command: Sequence[str]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class ChildFailed(Exception):
    """A child ended with a status other than 0; ``output`` is the end of what it printed."""

    def __init__(self, child: Child, status: int) -> None:
        self.child = child
        self.status = status
        self.output = tail(child.log)
        super().__init__(f"{child.label} ended with status {status}")


def run_all(
    children: Sequence[Child],
    *,
    at_once: int,
    cancelled: Callable[[], bool],
    on_tick: Callable[[int], None],
    on_done: Callable[[Child], None] = lambda child: None,
) -> None:
    """Run the children, ``at_once`` at a time; ``on_tick`` gets the bytes of the running ones.

    Raises ChildFailed for the first that fails and PullCancelled when ``cancelled``. No child is
    left running after the call.
    """
    waiting = list(reversed(children))
    running: list[tuple[Child, processes.Child[bytes]]] = []
    try:
        while waiting or running:
            if cancelled():
                raise PullCancelled(Message("stopped; the next pull goes on from here"))
            while waiting and len(running) < at_once:
                child = waiting.pop()
                running.append((child, _start(child)))
            time.sleep(_POLL_S)
            for child, process in list(running):
                status = process.poll()
                if status is None:
                    continue
                running.remove((child, process))
                processes.ended(process)
                if status != 0:
                    raise ChildFailed(child, status)
                on_done(child)
            on_tick(sum(size_of(child.folder) for child, _ in running))
    finally:
        end([process for _, process in running])


def size_of(folder: Path) -> int:
    """Bytes of the files under a folder, without files that are deleted meanwhile."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(base, name)).st_size
            except FileNotFoundError:
                continue
    return total


def tail(path: Path, lines: int = 4) -> str:
    """The last lines of a text file that are not blank; the error when it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"(its output cannot be read: {error})"
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def end(running: Sequence[processes.Child[bytes]]) -> None:
    """Terminate processes; kill those that have not ended after 3 s."""
    for process in running:
        process.terminate()
    deadline = time.monotonic() + _GRACE_S
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except processes.TimeExpired:
            process.kill()
            process.wait()
        processes.ended(process)


def _start(child: Child) -> processes.Child[bytes]:
    child.folder.mkdir(parents=True, exist_ok=True)
    with child.log.open("wb") as log:
        return processes.start(
            child.command,
            environment=processes.own_environment(child.environment),
            stdout=log,
            stderr=processes.STDOUT,
        )
