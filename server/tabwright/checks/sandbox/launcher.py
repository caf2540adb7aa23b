"""The process that the server starts: it forks one that isolates itself, and waits for its end.

On stdin is one JSON object: ``layers`` (a combination of ``runs``), ``parent`` (the server's pid),
``seconds``, ``cpu_s``, ``memory`` (bytes), ``readable`` and ``packages`` (paths) and ``work``, the
request to ``example_child``. The first line of JSON on stdout is ["isolated"], or
["not isolated", reason]; in the second case nothing of the request was run.
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
_MAX_FILES = 64
_MAX_FILE_BYTES = 2**20
# Everybody can read this file outside the sandbox, and nobody inside.
_FORBIDDEN_FILE = "/proc/self/status"
_UNUSED_PID = 2**22


class SandboxIneffective(Exception):
    """The process can still do something that the sandbox forbids."""


def main() -> None:
    """Run the request on stdin; exits with the status of the isolated process."""
    system.end_with_parent()
    request = json.loads(sys.stdin.buffer.read())
    if os.getppid() != request["parent"]:
        return  # the server ended before the line above could take effect
    try:
        if "namespaces" in request["layers"]:
            namespaces.enter()
            system.end_with_parent()
    except OSError as error:
        _write_line(1, ["not isolated", str(error)])
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
    """Return the exit status of a child, which is killed after ``seconds``."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status if status >= 0 else 128 - status


def _run_isolated(request: dict[str, Any], alive_read: int) -> int:
    """Isolate this process, run the work, and return the exit status."""
    out = os.dup(1)
    try:
        _isolate(request, alive_read)
        _verify()
    except (OSError, SandboxIneffective) as error:
        _write_line(out, ["not isolated", str(error)])
        return 0
    _write_line(out, ["isolated"])
    _prepare_interpreter(request["packages"])
    example_child.run_examples(request["work"], lambda answer: _write_line(out, answer))
    return 0


def _write_line(descriptor: int, answer: object) -> None:
    left = json.dumps(answer).encode("ascii") + b"\n"
    while left:
        left = left[os.write(descriptor, left) :]


def _isolate(request: dict[str, Any], alive_read: int) -> None:
    """Remove all access that the work does not need, in an order in which each step can run."""
    layers, readable = request["layers"], request["readable"]
    has_namespaces = "namespaces" in layers
    if has_namespaces:
        namespaces.build(readable, DEVICES)
    system.drop_privileges()
    if "landlock" in layers:
        # Without namespaces the current folder is an empty folder of the real file tree, readable.
        writable = [namespaces.PRIVATE] if has_namespaces else []
        landlock.confine([*readable, "."], DEVICES, writable)
    _set_limits(request["cpu_s"], request["memory"])
    system.end_with_parent()
    if select.select([alive_read], [], [], 0)[0]:
        raise SandboxIneffective("the process that waits for it ended")
    os.close(alive_read)
    null_device = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null_device, standard)
    os.close(null_device)
    seccomp.confine(writing=has_namespaces)


def _set_limits(cpu_s: int, memory: int) -> None:
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, _MAX_FILE_BYTES),
        (resource.RLIMIT_NOFILE, _MAX_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, most))


def _verify() -> None:
    """Try one forbidden action of each kind; raises SandboxIneffective if one succeeds.

    Some kernels and container runtimes accept restrictions but do not enforce them.
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
    """Give the interpreter what it usually has: packages, ``exit`` and ``help``.

    Files named .pth are not read, because they can contain code.
    """
    import site

    os.environ.pop("TABWRIGHT_STARTED_BY", None)
    sys.path.extend(packages)
    site.setquit()
    site.sethelper()
    # An ordinary interpreter has not imported our modules.
    for name in [name for name in sys.modules if name.partition(".")[0] == "tabwright"]:
        del sys.modules[name]
