"""Language servers for the tests, forked from one process that has imported the server already.

An import of all that a server needs takes longer than most tests. On Linux alone; what starts, ends
or measures a server's process starts a fresh one instead (``editing(fresh=True)``).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

_PACKAGES = ("app", "assists", "checks", "client", "core", "lsp")
_PROGRAMS = ("tabwright.checks.sandbox.",)  # scripts of processes of their own
_LARGEST = 200_000  # bytes of a request: arguments and environment
POSSIBLE = sys.platform == "linux"


class ServerProcess:
    """A forked server, with what the tests use of ``asyncio.subprocess.Process``."""

    def __init__(
        self,
        pid: int,
        stdin: asyncio.StreamWriter,
        stdout: asyncio.StreamReader,
        status: asyncio.StreamReader,
    ) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.returncode: int | None = None
        self._end = asyncio.create_task(self._ended(status))

    async def _ended(self, status: asyncio.StreamReader) -> int:
        self.returncode = int(await status.readline())
        return self.returncode

    async def wait(self) -> int:
        """Its exit status, or the negative number of the signal that ended it."""
        return await asyncio.shield(self._end)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


async def start(arguments: Sequence[str], environment: Mapping[str, str]) -> ServerProcess:
    """Fork a server that runs ``tabwright serve ARGUMENTS`` with exactly this environment."""
    request = json.dumps({"arguments": list(arguments), "environment": dict(environment)})
    (server_in, stdin), (stdout, server_out), (status, status_out) = (os.pipe() for _ in range(3))
    theirs = (server_in, server_out, status_out)
    try:
        await asyncio.to_thread(socket.send_fds, _parent(), [request.encode()], theirs)
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    told = await _reader(status)
    pid = int(await told.readline())
    return ServerProcess(pid, await _writer(stdin), await _reader(stdout), told)


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: protocol, os.fdopen(descriptor, "rb", 0))
    return reader


async def _writer(descriptor: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), os.fdopen(descriptor, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)


@functools.cache
def _parent() -> socket.socket:
    """A connection to the process that forks servers, started when it is first needed."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-P", __file__, str(its.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[its.fileno()],
    )
    its.close()
    atexit.register(process.wait)
    atexit.register(ours.close)  # called first; it ends when this connection is closed
    return ours


# The process that forks --------------------------------------------------------------------------


def _import_all() -> None:
    """Import all that a server may import later, the protocol's types first as it does."""
    from tabwright.lsp.transport import fast_import

    fast_import.import_protocol_types()
    for package in _PACKAGES:
        found = importlib.import_module(f"tabwright.{package}")
        for module in pkgutil.walk_packages(found.__path__, f"{found.__name__}."):
            if not module.name.startswith(_PROGRAMS):
                importlib.import_module(module.name)
    for name in ("aiohttp", "black", "markdown_it", "tabwright.__main__", "tabwright.cli.serve"):
        importlib.import_module(name)
    fast_import.settle()


def _main(descriptor: int) -> int:
    _import_all()
    requests = socket.socket(fileno=descriptor)
    waiting = selectors.DefaultSelector()
    waiting.register(requests, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.data is None:
                request, descriptors, _, _ = socket.recv_fds(requests, _LARGEST, 3)
                if not request:
                    return 0  # whoever started us has ended
                pid = os.fork()
                if pid == 0:
                    waiting.close()
                    requests.close()
                    _serve(json.loads(request), *descriptors)
                status = descriptors.pop()
                for each in descriptors:
                    os.close(each)
                _report(status, pid)
                waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, status))
            else:
                pid, status = key.data
                _, code = os.waitpid(pid, 0)
                waiting.unregister(key.fileobj)
                os.close(key.fd)
                _report(status, os.waitstatus_to_exitcode(code))
                os.close(status)


def _report(status: int, number: int) -> None:
    # A test that has ended may have closed its end; the others still need this process.
    with contextlib.suppress(BrokenPipeError):
        os.write(status, b"%d\n" % number)


def _serve(request: dict[str, Any], stdin: int, stdout: int, status: int) -> None:
    """Be the server; does not return."""
    from tabwright.__main__ import main

    os.close(status)
    for descriptor, number in ((stdin, 0), (stdout, 1)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os._exit(main(["serve", *request["arguments"]]))


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1])))
