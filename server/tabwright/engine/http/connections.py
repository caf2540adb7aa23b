"""Limits on an engine's connections: their number, and how long each may take."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tabwright import private

log = logging.getLogger(__name__)
_ACCEPT_BATCH = 64  # connections accepted before data of the others is read
_QUEUE = 1024  # connections that the operating system queues until they are accepted


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits on connections and their times.

    ``most`` connections, ``most_requests`` of them with a running request. In seconds: ``header``
    until a request's header is complete, ``body`` until its body is, ``write`` until the client
    accepts a piece of an answer, ``idle`` between two requests.
    """

    most: int = 256
    most_requests: int = 192
    header: int = 10
    body: float = 10.0
    write: float = 30.0
    idle: int = 75

    @classmethod
    def of_this_process(cls) -> ConnectionLimits:
        """Return limits that use at most a quarter of this process's file descriptors."""
        try:
            import resource
        except ImportError:  # Windows has no such limit
            return cls()
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY:
            return cls()
        most = max(8, min(cls.most, soft // 4))
        return cls(most=most, most_requests=max(4, most * 3 // 4))


class Connection(web.RequestHandler):
    """One connection; it is counted and closed when it takes too long."""

    def __init__(self, connections: Connections, server: web.Server, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self.connections = connections
        self.requests = 0
        self.age = 0  # sweeps since its state last changed
        self.in_header = True
        self._foreign = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, unless the peer is another user."""
        end = transport.get_extra_info("socket")
        if end is not None and end.family == getattr(socket, "AF_UNIX", None):
            try:
                uid = private.foreign_peer(end)
            except OSError:  # the peer has already closed
                uid = -1
            if uid is not None:
                self._foreign = True
                log.warning("refused a connection of another user (number %d)", uid)
                assert isinstance(transport, asyncio.Transport)
                transport.abort()
                return
        super().connection_made(transport)
        self.connections.opened(self)

    def data_received(self, data: bytes) -> None:
        """Note that a request has begun."""
        if not self.requests and not self.in_header:
            self.in_header, self.age = True, 0
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Remove the connection from the count."""
        self.connections.closed(self)
        if not self._foreign:
            super().connection_lost(exc)

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Keep the connection open while one of its requests is handled."""
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1
            self.in_header, self.age = False, 0

    def abort(self) -> None:
        """Close at once; data not yet sent is lost."""
        transport = self.transport
        self.force_close()
        if isinstance(transport, asyncio.Transport):
            transport.abort()


class Connections:
    """The open connections of one engine, oldest first.

    When there are too many, the oldest one without a running request is closed. Time is counted in
    sweeps and not by the clock, so that a process that was suspended does not close all of them.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._open: dict[Connection, None] = {}
        self._sweeping = False

    def __len__(self) -> int:
        return len(self._open)

    def requests(self) -> int:
        """Return the number of connections with a running request."""
        return sum(1 for each in self._open if each.requests)

    def opened(self, connection: Connection) -> None:
        """Count a new connection, and close one if there are too many."""
        self._open[connection] = None
        if len(self._open) > self.limits.most:
            spare = next((each for each in self._open if not each.requests), connection)
            self.closed(spare)
            spare.abort()
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(1.0, self._sweep)

    def closed(self, connection: Connection) -> None:
        """Remove a connection from the count."""
        self._open.pop(connection, None)

    def _sweep(self) -> None:
        for each in list(self._open):
            if each.requests:
                each.age = 0
                continue
            each.age += 1
            if each.age >= (self.limits.header if each.in_header else self.limits.idle):
                self.closed(each)
                each.abort()
        self._sweeping = bool(self._open)
        if self._sweeping:
            asyncio.get_running_loop().call_later(1.0, self._sweep)


class Site(web.BaseSite):
    """Listens on a bound socket, Unix or TCP, with limits on its connections."""

    def __init__(
        self, runner: web.AppRunner, listening: socket.socket, connections: Connections
    ) -> None:
        super().__init__(runner, backlog=_ACCEPT_BATCH)
        self._listening = listening
        self._connections = connections

    @property
    def name(self) -> str:
        """Return the address, for messages."""
        return str(self._listening.getsockname())

    async def start(self) -> None:
        """Start listening."""
        await super().start()
        server = self._runner.server
        assert server is not None

        def made() -> Connection:
            # Compressed bodies are refused, so they must not be decompressed first.
            return Connection(
                self._connections,
                server,
                access_log=None,
                auto_decompress=False,
                lingering_time=2.0,
            )

        loop = asyncio.get_running_loop()
        if self._listening.family == getattr(socket, "AF_UNIX", None):
            self._server = await loop.create_unix_server(
                made, sock=self._listening, backlog=self._backlog
            )
        else:
            self._server = await loop.create_server(
                made, sock=self._listening, backlog=self._backlog
            )
        # asyncio accepts up to `backlog` connections in one go, so it gets a small number: in a
        # burst, connections would otherwise be closed before their requests were read.
        self._listening.listen(_QUEUE)
