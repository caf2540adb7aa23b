"""The process that the server starts: it forks one that shuts itself in, and sees to its end.

On stdin is one JSON object: ``layers`` (a combination of ``runs``), ``parent`` (the server's pid),
``seconds``, ``cpu_s``, ``memory`` (bytes), ``readable`` and ``packages`` (paths) and ``work``, the
question to ``example_child``. The first line of JSON on stdout is ["contained"], or
["uncontained", reason]; then nothing of the question was run.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Callable
from typing import Any

from tabwright.checks.examples import example_child
from tabwright.checks.sandbox import landlock, namespaces, seccomp, system

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
_MOST_FILES = 64
_LONGEST_FILE = 2**20
# Exists, may be read by anybody outside, and by nobody inside.
_FORBIDDEN_FILE = "/proc/self/status"
_UNUSED_PID = 2**22


class SandboxIneffective(Exception):
    """The process could still do what it must not."""


def main() -> None:
    """Answer the question on stdin; ends with the status of the process that was shut in."""
    system.end_with_parent()
    request = json.loads(sys.stdin.buffer.read())
    if os.getppid() != request["parent"]:
        return  # the server ended before the line above could take effect
    try:
        if "namespaces" in request["layers"]:
            namespaces.enter()
            system.end_with_parent()
    except OSError as error:
        _write_line(1, ["uncontained", str(error)])
        return
    alive_read, alive_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(alive_write)
        os._exit(_run_isolated(request, alive_read))
    for descriptor in (0, 1, alive_read):
        os.close(descriptor)
    sys.exit(_wait_or_kill(child, request["seconds"]))


def _wait_or_kill(child: int, seconds: float) -> int:
    """The exit status of a child, which is killed when its time is over."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status if status >= 0 else 128 - status


def _run_isolated(request: dict[str, Any], alive_read: int) -> int:
    """Shut this process in, and do the work; the exit status."""
    out = os.dup(1)
    try:
        _isolate(request, alive_read)
        _verify()
    except (OSError, SandboxIneffective) as error:
        _write_line(out, ["uncontained", str(error)])
        return 0
    _write_line(out, ["contained"])
    _prepare_interpreter(request["packages"])
    example_child.run_examples(request["work"], lambda answer: _write_line(out, answer))
    return 0


def _write_line(descriptor: int, answer: object) -> None:
    left = json.dumps(answer).encode("ascii") + b"\n"
    while left:
        left = left[os.write(descriptor, left) :]


def _isolate(request: dict[str, Any], alive_read: int) -> None:
    """Take everything away that the work does not need; in an order where each step still can."""
    layers, readable = request["layers"], request["readable"]
    private = "namespaces" in layers
    if private:
        namespaces.build(readable, DEVICES)
    system.drop_privileges()
    if "landlock" in layers:
        # Without namespaces the current folder is one of the real file tree: empty, to be read.
        writable = [namespaces.PRIVATE] if private else []
        landlock.confine([*readable, "."], DEVICES, writable)
    _set_limits(request["cpu_s"], request["memory"])
    system.end_with_parent()
    if select.select([alive_read], [], [], 0)[0]:
        raise SandboxIneffective("the process that watches it ended")
    os.close(alive_read)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    seccomp.confine(writing=private)


def _set_limits(cpu_s: int, memory: int) -> None:
    for which, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, _LONGEST_FILE),
        (resource.RLIMIT_NOFILE, _MOST_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))


def _verify() -> None:
    """Try one thing of each sort that must fail; raises SandboxIneffective if it does not.

    Some kernels and container runtimes accept what they then do not enforce.
    """
    forbidden: tuple[tuple[str, Callable[[], object]], ...] = (
        ("read a file outside", lambda: os.open(_FORBIDDEN_FILE, os.O_RDONLY)),
        ("write to a file of Python", lambda: os.open(os.__file__, os.O_WRONLY)),
        ("open a socket", lambda: system.call("socket", 1, 1, 0)),
        ("send a signal", lambda: os.kill(_UNUSED_PID, 0)),
        ("start a process", _fork),
    )
    for what, attempt in forbidden:
        try:
            attempt()
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOENT):
                continue
        raise SandboxIneffective(f"it could {what}")


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _prepare_interpreter(packages: list[str]) -> None:
    """Give the interpreter what it has when it is started by hand: packages, ``exit`` and ``help``.

    Files named .pth, which run code of whoever wrote them, are not read.
    """
    import site

    os.environ.pop("TABWRIGHT_STARTED_BY", None)
    sys.path.extend(packages)
    site.setquit()
    site.sethelper()
    # What was imported to get here is no part of an ordinary interpreter.
    for name in [name for name in sys.modules if name.partition(".")[0] == "tabwright"]:
        del sys.modules[name]
