"""The server's life: its streams, its loop, its parent and its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from tabwright.lsp.server import Server
from tabwright.lsp.wire import Reader, Source, Writer

if TYPE_CHECKING:
    import psutil

logger = logging.getLogger(__name__)

_PARENT_POLL_S = 2.0
_CLOSE_S = 0.2
_END_S = 1.0
_SWITCH_S = 0.0005


def serve_stdio(output: BinaryIO) -> int:
    """Serve on stdin and ``output`` until exit, end of input or the parent's end: the status."""
    return _serve(lambda size: os.read(0, min(size, 1 << 20)), output)


def serve_tcp(host: str, port: int) -> int:
    """Serve the first client that connects to ``host:port``; raises OSError if that is taken.

    The address is told on stderr, since port 0 takes any that is free.
    """
    with socket.create_server((host, port)) as listening:
        bound = listening.getsockname()
        sys.stderr.write(f"tabwright serves on {bound[0]}:{bound[1]}\n")
        sys.stderr.flush()
        connection, _ = listening.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    output = cast(BinaryIO, connection.makefile("wb", buffering=0))
    return _serve(lambda size: connection.recv(min(size, 1 << 20)), output)


def _serve(read: Source, output: BinaryIO) -> int:
    # Threads that compute must let the loop run after 0.5 ms, not after Python's usual 5.
    sys.setswitchinterval(_SWITCH_S)
    return asyncio.run(_run(Server(), read, output))


async def _run(server: Server, read: Source, output: BinaryIO) -> int:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def stop(status: int) -> None:
        if not ended.done():
            ended.set_result(status)

    def at_end() -> None:
        stop(0 if server.protocol.is_shut_down else 1)

    def handle(value: object) -> None:
        try:
            server.protocol.receive(value)
        finally:
            reader.done()

    writer = Writer(output, lambda: _call(loop, at_end))
    reader = Reader(
        read, lambda value: _call(loop, lambda: handle(value)), lambda: _call(loop, at_end)
    )
    server.protocol.set_writer(writer)
    server.protocol.stop = stop
    for name in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(name, stop, 0)
    reader.start()
    watching = asyncio.create_task(_watch_parent(server, at_end))
    status = await ended
    _end_in_any_case(status)
    watching.cancel()
    if server.has_host:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await server.host.aclose()
    writer.close()
    return status


def _end_in_any_case(status: int) -> None:
    """End the process after 1 s though something does not let itself be cancelled or closed."""
    timer = threading.Timer(_END_S, os._exit, (status,))
    timer.daemon = True
    timer.start()


def _call(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(what)


async def _watch_parent(server: Server, gone: Callable[[], None]) -> None:
    """End the server when the process that the client named in ``initialize`` is gone."""
    while not server.protocol.initialized:
        await asyncio.sleep(_PARENT_POLL_S)
    if server.process_id is None:
        return
    import psutil

    try:
        parent = psutil.Process(server.process_id)
    except psutil.Error as error:
        # Never seen: the client lives elsewhere, in a container or behind TCP.
        logger.info("the client's process cannot be watched: %s", error)
        return
    while _lives(parent):
        await asyncio.sleep(_PARENT_POLL_S)
    logger.warning("the client's process is gone")
    gone()


def _lives(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error as error:
        logger.info("the client's process cannot be looked at: %s", error)
        return True
