"""The one place that starts other processes: our own Python, and programs of others.

Our own Python runs isolated: it imports nothing from the working folder or from ``PYTHONPATH``,
works in a private folder and gets none of the variables by which a folder on disk could choose its
code. What is started ends with this process, even when that is killed (see ``process_guard``).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import site
import subprocess
import sys
import threading
import time
from asyncio.subprocess import Process
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from tabwright import paths

__all__ = [
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "Child",
    "Process",
    "TimeExpired",
    "ended",
    "own_environment",
    "own_python",
    "private_folder",
    "python",
    "removed_if_killed",
    "run",
    "start",
    "start_async",
    "tabwright",
    "users_environment",
]

logger = logging.getLogger(__name__)

PIPE, DEVNULL, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT
TimeExpired = subprocess.TimeoutExpired
Child = subprocess.Popen

# How the guard knows again what this process started; each process has a value of its own.
OWNER_VARIABLE = "TABWRIGHT_STARTED_BY"
# A relative path would mean another place in the private folder.
_PATH_VARIABLES = ("TABWRIGHT_MODELS_DIR", "TABWRIGHT_RUNTIME_DIR", "TABWRIGHT_MODEL_SOURCE")
# Tools that set variables by folder (direnv, dotenv, tasks of an editor) let a checkout set these:
# the first load code, the second choose where packages come from.
_DROPPED_PREFIXES = ("PYTHON", "PIP_")
_DROPPED = ("__PYVENV_LAUNCHER__", OWNER_VARIABLE)
_owner = os.urandom(16).hex()


# Command lines --------------------------------------------------------------------------------


def python(*arguments: str) -> tuple[str, ...]:
    """The command line of our own Python, isolated from the working folder and the environment.

    It is ``-I``, which leaves out the user's own site folder too. Where this process itself imports
    from that folder (``pip install --user``), it is ``-E -P``.
    """
    isolated = ("-E", "-P") if site.ENABLE_USER_SITE else ("-I",)
    # What PYTHON* variables may have asked of this process, and isolation hides from the next.
    kept = (*(("-B",) if sys.dont_write_bytecode else ()), *_utf8())
    return (sys.executable, *isolated, *kept, *arguments)


def tabwright(*arguments: str) -> tuple[str, ...]:
    """The command line of one of our own subcommands."""
    return python("-m", "tabwright", *arguments)


def own_python() -> Path:
    """Our own interpreter; programs that were installed with it lie beside it."""
    return Path(sys.executable)


def _utf8() -> tuple[str, ...]:
    return ("-X", "utf8") if sys.flags.utf8_mode else ()


# Folder and environment ----------------------------------------------------------------------


def private_folder() -> Path:
    """Where our own processes work: a folder that only this user can write to. Raises OSError."""
    return paths.runtime_dir()


def own_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of our own processes: this one's, without what could choose their code.

    ``extra`` comes on top as it is. pip keeps the user's and the system's configuration files.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_DROPPED_PREFIXES) and name not in _DROPPED
    }
    if paths.unused_models_dir():
        environment.pop("TABWRIGHT_MODELS_DIR", None)
    for name in _PATH_VARIABLES:
        if environment.get(name):
            environment[name] = os.path.abspath(os.path.expanduser(environment[name]))
    return {**environment, **(extra or {})}


def users_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment as the user has it, for tools of his project."""
    return {**os.environ, **(extra or {})}


# Starting ------------------------------------------------------------------------------------


def start(
    command: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = DEVNULL,
    stdout: int | IO[bytes] = DEVNULL,
    stderr: int | IO[bytes] = DEVNULL,
    detached: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program; without ``cwd`` in the private folder, with ``own_environment``.

    A ``detached`` one is in a session of its own and outlives this process; any other ends with it,
    and ``ended`` must be called once it has ended. Raises OSError when it cannot be started.
    """
    flags = 0
    if detached and sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    if not detached:
        _guard.ready()
    process = subprocess.Popen(
        tuple(command),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=private_folder() if cwd is None else cwd,
        env=_environment(environment, owned=not detached),
        start_new_session=detached,
        creationflags=flags,
    )
    if not detached:
        _guard.hold_process(process)
    return process


async def start_async(
    command: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: int = DEVNULL,
    stdout: int = PIPE,
    stderr: int = PIPE,
    limit: int = 2**16,
    own_session: bool = False,
    outlives: bool = False,
) -> Process:
    """Start a program for asyncio; folder and environment are those of ``start``.

    ``own_session`` makes it the leader of a process group (not on Windows). It ends with this
    process unless it ``outlives`` it; else ``ended`` must be called once it has ended. Raises
    OSError, and ValueError for a command with a zero byte.
    """
    if not outlives:
        _guard.ready()
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        limit=limit,
        cwd=private_folder() if cwd is None else cwd,
        env=_environment(environment, owned=not outlives),
        start_new_session=own_session and os.name == "posix",
    )
    if not outlives:
        _guard.hold_process(process)
    return process


def run(
    command: Sequence[str],
    *,
    input_text: str = "",
    timeout_s: float,
    cwd: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return its status and output, as UTF-8.

    Folder and environment are those of ``start``. Raises OSError, and TimeExpired.
    """
    return subprocess.run(
        tuple(command),
        input=input_text,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout_s,
        check=False,
        cwd=private_folder() if cwd is None else cwd,
        env=_environment(environment, owned=False),
    )


def ended(process: Process | subprocess.Popen[bytes]) -> None:
    """Say that a process has ended and was waited for, so that its number may be used again."""
    _guard.release_process(process.pid)


@contextmanager
def removed_if_killed(path: Path) -> Iterator[None]:
    """Have a file or folder deleted if this process is killed in this block.

    Enter it before the path exists. Raises OSError when the guard cannot be started.
    """
    _guard.ready()
    item = _guard.hold({"path": str(path.absolute())})
    try:
        yield
    finally:
        _guard.release(item)


def _environment(given: Mapping[str, str] | None, *, owned: bool) -> dict[str, str]:
    environment = own_environment() if given is None else dict(given)
    environment.pop(OWNER_VARIABLE, None)
    if owned:
        environment[OWNER_VARIABLE] = _owner
    return environment


# The guard -----------------------------------------------------------------------------------


class _Started(Protocol):
    """What processes of asyncio and of subprocess have in common."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...


class _Guard:
    """The other end of ``process_guard``: started when first needed, told what must not stay.

    A pipe is all that joins the two. The guard acts when it closes, which the system does for
    whatever kills this process; so starting a program costs one write and no wrapper.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._held: dict[str, object] = {}
        self._processes: dict[int, tuple[str, _Started]] = {}

    def ready(self) -> None:
        """Start it if it does not run. Raises OSError."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._begin()

    def hold(self, what: Mapping[str, object]) -> str:
        """Tell it of one thing; the result names that for ``release``."""
        item = json.dumps(what)
        with self._lock:
            self._held[item] = None
            self._tell(f"+{item}\n")
        return item

    def release(self, item: str) -> None:
        """Tell it that a thing is no more."""
        with self._lock:
            if self._held.pop(item, self) is self:
                return
            try:
                self._tell(f"-{item}\n")
            except OSError as error:
                # The old guard is gone, so nothing wrong can be killed; the next start tries again.
                logger.warning("the guard of started processes cannot be started again: %s", error)

    def hold_process(self, process: _Started) -> None:
        """Tell it of a process that was just started."""
        with self._lock:
            # Whoever forgot to say that one ended: its number may be somebody else's by now.
            for pid, (_, known) in list(self._processes.items()):
                if known.returncode is not None:
                    self.release_process(pid)
            item = self.hold({"pid": process.pid, "time": time.time()})
            self._processes[process.pid] = (item, process)

    def release_process(self, pid: int) -> None:
        """Tell it that a process has ended."""
        with self._lock:
            known = self._processes.pop(pid, None)
            if known is not None:
                self.release(known[0])

    def _begin(self) -> None:
        old, self._process = self._process, None
        if old is not None:
            # One that hangs is killed, or it would end everything when its pipe closes.
            old.kill()
            old.wait()
        self._process = subprocess.Popen(
            python("-m", "tabwright.process_guard"),
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            bufsize=0,
            cwd=private_folder(),
            env=_environment(None, owned=False),
            # A key or a closed terminal that ends this process must not end the guard before it.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        assert self._process.stdin is not None
        if os.name == "posix":
            os.set_blocking(self._process.stdin.fileno(), False)
        self._write(f"{_owner}\n")
        for item in self._held:
            self._write(f"+{item}\n")

    def _tell(self, line: str) -> None:
        try:
            self._write(line)
        except OSError:
            # It was killed, or stopped so long that the pipe is full: another one takes its place.
            self._begin()

    def _write(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            raise OSError("the guard of started processes does not run")
        data = line.encode()
        if os.write(self._process.stdin.fileno(), data) != len(data):
            raise OSError("the guard of started processes does not read")


_guard = _Guard()


def _reset_after_fork() -> None:
    """A forked child has started nothing, and must not hold the pipe of its parent's guard."""
    global _guard, _owner
    process = _guard._process
    if process is not None and process.stdin is not None:
        process.stdin.close()
    _guard, _owner = _Guard(), os.urandom(16).hex()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
