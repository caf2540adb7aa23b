"""``serve --tcp``: accept connections, and serve the first client that sends the token."""

from __future__ import annotations

import collections
import hmac
import itertools
import json
import logging
import queue
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from tabwright.lsp.transport.framing import MAX_BODY_BYTES, Frames, Malformed

logger = logging.getLogger(__name__)

FIRST_MESSAGE_S = 30.0
# An editor's capabilities and settings take about 100 kB at most; the limit leaves room for more,
# and bounds the memory of all waiting connections.
MAX_FIRST_BYTES = 8 << 20
MAX_WAITING = 16
_INVALID_REQUEST = -32600
_LINGER_S = 0.5
_POLL_S = 0.5


@dataclass(frozen=True)
class AuthenticatedClient:
    """The client that sent the token: its messages from ``initialize`` on, and its stream."""

    values: Iterator[object]
    output: BinaryIO


class Refused(Exception):
    """A connection was refused; the message is sent back, with the id of its request."""

    def __init__(self, why: str, identity: object = None, *, answered: bool = True) -> None:
        super().__init__(why)
        self.identity = identity if isinstance(identity, int | str) else None
        self.answered = answered


def wait_for_client(
    listening: socket.socket, token: str, first_message_s: float = FIRST_MESSAGE_S
) -> AuthenticatedClient:
    """Return the first client whose ``initialize`` has the token; close all other connections.

    ``first_message_s`` is the time a client has for that. Web pages and scanners that connect
    earlier do not delay it. Raises OSError when the address cannot be listened on any more.
    """
    return _PendingConnections(listening, token, first_message_s).client()


class _PendingConnections:
    """Connections that have not sent the token yet, each on a thread of its own."""

    def __init__(self, listening: socket.socket, token: str, first_message_s: float) -> None:
        self._listening = listening
        self._token = token
        self._first_message_s = first_message_s
        self._open: collections.deque[socket.socket] = collections.deque()
        self._lock = threading.Lock()
        self._found: queue.SimpleQueue[AuthenticatedClient | OSError] = queue.SimpleQueue()
        self._chosen: socket.socket | None = None

    def client(self) -> AuthenticatedClient:
        threading.Thread(target=self._accept, name="tabwright-accept", daemon=True).start()
        while True:
            try:
                # A wait without a timeout cannot be interrupted on Windows.
                found = self._found.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if isinstance(found, OSError):
                raise found
            _shut(self._listening)  # closing it would not wake the thread that accepts
            return found

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError as error:
                self._found.put(error)
                return
            with self._lock:
                if self._chosen is not None:
                    connection.close()
                    return
                self._open.append(connection)
                oldest = self._open.popleft() if len(self._open) > MAX_WAITING else None
            if oldest is not None:
                _shut(oldest)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            client = _authenticated(connection, self._token, self._first_message_s)
        except Refused as refused:
            logger.warning("a connection was refused: %s", refused)
            _end(connection, refused)
        except OSError as error:
            logger.warning("a connection ended before its first message: %s", error)
            connection.close()
        else:
            if self._choose(connection):
                self._found.put(client)
                return
            connection.close()
        with self._lock:
            if connection in self._open:
                self._open.remove(connection)

    def _choose(self, connection: socket.socket) -> bool:
        """Choose this one and close all others; False when that came too late."""
        with self._lock:
            if self._chosen is not None or connection not in self._open:
                return False
            self._chosen = connection
            others = [each for each in self._open if each is not connection]
        for each in others:
            _shut(each)
        return True


def _authenticated(connection: socket.socket, token: str, seconds: float) -> AuthenticatedClient:
    """Read the first message and check it; raises Refused, or OSError for a broken connection."""
    until: float | None = time.monotonic() + seconds

    def read(size: int) -> bytes:
        if until is not None:
            connection.settimeout(max(until - time.monotonic(), 0.001))
        return connection.recv(min(size, 1 << 20))

    frames = Frames(read, strict=True, most_bytes=MAX_FIRST_BYTES)
    values = iter(frames)
    try:
        first = next(values, None)
    except TimeoutError as error:
        raise Refused(f"no first message came within {seconds:g} s") from error
    if first is None:
        raise Refused("it was closed again", answered=False)
    _check(first, token)
    until = None
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    frames.most_bytes = MAX_BODY_BYTES
    output = cast(BinaryIO, connection.makefile("wb", buffering=0))
    return AuthenticatedClient(itertools.chain([first], values), output)


def _check(first: object, token: str) -> None:
    """Remove the token from an ``initialize`` that has the right one; raises Refused."""
    if isinstance(first, Malformed):
        # Another protocol, such as HTTP of a web page, gets no answer.
        raise Refused(first.reason, first.identity, answered=not first.foreign)
    message: dict[str, Any] = first if isinstance(first, dict) else {}
    identity = message.get("id")
    if message.get("method") != "initialize" or "id" not in message:
        raise Refused("the first message must be the request initialize", identity)
    params = message.get("params")
    options = params.get("initializationOptions") if isinstance(params, dict) else None
    given = options.pop("token", None) if isinstance(options, dict) else None
    found = given.encode("utf-8", "surrogatepass") if isinstance(given, str) else b""
    if not hmac.compare_digest(found, token.encode("utf-8", "surrogatepass")):
        raise Refused(
            "initializationOptions.token is missing or wrong: it is what 'tabwright serve --tcp' "
            "printed as it started",
            identity,
        )


def _end(connection: socket.socket, refused: Refused) -> None:
    """Send the reason to a client of this protocol, and close the connection."""
    try:
        if refused.answered:
            error = {"code": _INVALID_REQUEST, "message": str(refused)}
            body = json.dumps({"jsonrpc": "2.0", "id": refused.identity, "error": error}).encode()
            connection.settimeout(_LINGER_S)
            connection.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            connection.shutdown(socket.SHUT_WR)
            # With unread input the system would discard the answer.
            until = time.monotonic() + _LINGER_S
            while time.monotonic() < until and connection.recv(1 << 16):
                pass
    except OSError as error:
        logger.debug("the refusal could not be sent: %s", error)
    finally:
        connection.close()


def _shut(connection: socket.socket) -> None:
    """End a connection that another thread reads from."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        logger.debug("a connection had ended already: %s", error)
