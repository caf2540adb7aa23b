"""Run the server: its streams, its event loop, the watch on its parent, its end."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tabwright import paths, private
from tabwright.lsp.server import Server
from tabwright.lsp.transport.framing import Frames, Reader, Writer

if TYPE_CHECKING:
    import psutil

logger = logging.getLogger(__name__)

_PARENT_POLL_S = 2.0
_CLOSE_S = 0.2
_END_S = 1.0
_SWITCH_S = 0.0005
_STATE = (
    "tabwright.app.runtime.host",
    "tabwright.app.documents.syntax_errors",
    "tabwright.lsp.client",
    "tabwright.client.local.engine",
)
_ACTIONS = ("tabwright.lsp.client_capabilities", "tabwright.lsp.action_commands")
_ACTION_METHODS = frozenset(
    {"textDocument/codeAction", "codeAction/resolve", "workspace/executeCommand"}
)


def serve_stdio(output: BinaryIO) -> int:
    """Serve on stdin and ``output`` until exit, end of input or end of the parent; exit status."""
    return _serve(Frames(lambda size: os.read(0, min(size, 1 << 20))), output)


def serve_tcp(host: str, port: int, token: str | None = None) -> int:
    """Serve the first client on a loopback address whose ``initialize`` brings the token.

    Without a token a new one is printed to stderr and kept in a private file until the client has
    connected. The address is printed too, since port 0 means any free one. Raises OSError when it
    is in use.
    """
    from tabwright.lsp.transport import tcp

    _end_by_exception()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listening:
        bound = listening.getsockname()
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        lines = [f"tabwright serves on {shown}:{bound[1]}"]
        file: Path | None = None
        if token is None:
            import secrets

            token = secrets.token_urlsafe(32)
            file = paths.token_file("serve", bound[1])
            private.write(file, token)
            lines.append(f"The client must send initializationOptions.token, also in {file}:")
            lines.append(token)
        try:
            sys.stderr.write("\n".join(lines) + "\n")
            sys.stderr.flush()
            client = tcp.wait_for_client(listening, token)
        finally:
            if file is not None:
                file.unlink(missing_ok=True)
    return _serve(client.values, client.output)


def _end_by_exception() -> None:
    """Turn SIGTERM into KeyboardInterrupt, so that the token's file is removed."""

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


def _serve(values: Iterable[object], output: BinaryIO) -> int:
    # Computing threads must release the interpreter after 0.5 ms, not after Python's default of 5.
    sys.setswitchinterval(_SWITCH_S)
    return asyncio.run(_run(Server(), values, output))


async def _run(server: Server, values: Iterable[object], output: BinaryIO) -> int:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def stop(status: int) -> None:
        if not ended.done():
            ended.set_result(status)

    def at_end() -> None:
        stop(0 if server.protocol.is_shut_down else 1)

    def handle(value: object) -> None:
        server.loop_hold.message()
        try:
            server.protocol.receive(value)
        finally:
            reader.done()

    writer = Writer(output, lambda: _call_in_loop(loop, at_end))
    imports = _LazyImports()

    def deliver(value: object) -> None:
        imports.load(value)
        _call_in_loop(loop, lambda: handle(value))

    reader = Reader(values, deliver, lambda: _call_in_loop(loop, at_end))
    server.protocol.set_writer(writer)
    server.protocol.stop = stop
    for name in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(name, stop, 0)
    reader.start()
    watching = asyncio.create_task(_watch_parent(server, at_end))
    status = await ended
    _force_end(status)
    server.loop_hold.close()
    watching.cancel()
    if server.has_host:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await server.host.aclose()
    writer.close()
    return status


class _LazyImports:
    """Imports the modules of a message's handler, on the reader's thread, before it is delivered.

    This keeps the order of messages and the event loop free; ``initialize`` needs none of them.
    """

    def __init__(self) -> None:
        self._modules = [*_STATE, *_ACTIONS]

    def load(self, value: object) -> None:
        """Import what is still missing for this message."""
        method = value.get("method") if self._modules and isinstance(value, dict) else None
        if method is None or method == "initialize":
            return
        wanted = _STATE + (_ACTIONS if method in _ACTION_METHODS else ())
        for name in [name for name in self._modules if name in wanted]:
            importlib.import_module(name)
            self._modules.remove(name)


def _force_end(status: int) -> None:
    """End the process after 1 s, even when something cannot be cancelled or closed."""
    timer = threading.Timer(_END_S, os._exit, (status,))
    timer.daemon = True
    timer.start()


def _call_in_loop(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(function)


async def _watch_parent(server: Server, on_end: Callable[[], None]) -> None:
    """Call ``on_end`` when the process that the client named in ``initialize`` has ended."""
    while not server.protocol.initialized:
        await asyncio.sleep(_PARENT_POLL_S)
    if server.process_id is None:
        return
    import psutil

    try:
        parent = psutil.Process(server.process_id)
    except psutil.Error as error:
        # The client is not on this machine: in a container, or connected by TCP.
        logger.info("the client's process cannot be watched: %s", error)
        return
    while _is_alive(parent):
        await asyncio.sleep(_PARENT_POLL_S)
    logger.warning("the client's process has ended")
    on_end()


def _is_alive(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error as error:
        logger.info("the client's process cannot be looked at: %s", error)
        return True
