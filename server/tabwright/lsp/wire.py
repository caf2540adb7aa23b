"""Messages on a byte stream: framing that survives garbage, read and written on own threads."""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1 << 30
_MAX_LINE_BYTES = 8192
_CHUNK_BYTES = 1 << 16
_MAX_WAITING = 64
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,12})[ \t]*\r?\n\Z", re.IGNORECASE)
_HEADER = re.compile(rb"content-length:[ \t]*\d{1,12}[ \t]*\r?\n", re.IGNORECASE)


@dataclass(frozen=True)
class Malformed:
    """A frame whose body is not JSON; ``reason`` quotes none of it."""

    reason: str


class Source(Protocol):
    """What frames are read from: some bytes at a time, b"" at the end."""

    def __call__(self, size: int, /) -> bytes:
        """Read at most ``size`` bytes, waiting for the first."""
        ...


class Frames:
    """The JSON values in a stream of ``Content-Length`` frames.

    What is no header is skipped. After a wrong length the next header found begins anew, so one
    bad message costs itself alone.
    """

    def __init__(self, read: Source) -> None:
        """Read through ``read`` from now on."""
        self._read = read
        self._buffer = bytearray()

    def __iter__(self) -> Iterator[object]:
        """Yield values, and Malformed for bodies that are not JSON, until the stream ends."""
        length: int | None = None
        while (line := self._line()) is not None:
            if found := _LENGTH.search(line):
                length = int(found.group(1))
                if length > MAX_BODY_BYTES:
                    logger.error("skipped a message that claims %d bytes", length)
                    length = None
            elif length is not None and not line.strip():
                body = self._body(length)
                length = None
                if body is None:
                    return
                if body:
                    yield self._value(body)
            elif b":" not in line and line.strip():
                length = None

    def _line(self) -> bytes | None:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            if len(self._buffer) > _MAX_LINE_BYTES:
                del self._buffer[: len(self._buffer) // 2]
            searched = len(self._buffer)
            piece = self._read(_CHUNK_BYTES)
            if not piece:
                return None
            self._buffer += piece
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    def _body(self, length: int) -> bytes | None:
        while len(self._buffer) < length:
            piece = self._read(max(_CHUNK_BYTES, length - len(self._buffer)))
            if not piece:
                return None
            self._buffer += piece
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _value(self, body: bytes) -> object:
        try:
            text = body.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            # One bad byte in a buffer must not lose the change: the rest of the text is right.
            text = body.decode("utf-8", "replace")
        try:
            return cast(object, json.loads(text))
        except (ValueError, RecursionError) as error:
            swallowed = _HEADER.search(body)
            if swallowed:
                # The length was too large, so the next message lies within this one.
                self._buffer[:0] = body[swallowed.start() :]
            kind = getattr(error, "msg", type(error).__name__)
            return Malformed(f"a message of {len(body)} bytes is not JSON: {kind}")


class Reader:
    """Reads frames on a daemon thread; each value goes to ``deliver``, the end to ``ended``."""

    def __init__(
        self, read: Source, deliver: Callable[[object], None], ended: Callable[[], None]
    ) -> None:
        """Prepare; nothing is read before ``start``."""
        self._frames = Frames(read)
        self._deliver = deliver
        self._ended = ended
        self._room = threading.Semaphore(_MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="tabwright-read", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def done(self) -> None:
        """Tell that one value was handled, which makes room for another."""
        self._room.release()

    def _run(self) -> None:
        try:
            for value in self._frames:
                self._room.acquire()
                self._deliver(value)
        except (OSError, ValueError, RuntimeError) as error:
            # The stream was closed under us, or the loop has gone: both mean the end.
            logger.debug("reading ended: %s", error)
        finally:
            try:
                self._ended()
            except RuntimeError as error:
                logger.debug("the loop had ended before the stream: %s", error)


class Writer:
    """Writes on a daemon thread, so that a client that reads slowly never holds the loop up."""

    def __init__(self, stream: BinaryIO, broken: Callable[[], None]) -> None:
        """Write to ``stream``; ``broken`` is called once when that fails."""
        self._stream = stream
        self._broken = broken
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="tabwright-write", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Queue bytes; never blocks."""
        self._queue.put(data)

    def close(self) -> None:
        """Write what is queued, for at most 0.3 s."""
        self._queue.put(None)
        self._thread.join(0.3)

    def _run(self) -> None:
        try:
            while (data := self._queue.get()) is not None:
                view = memoryview(data)
                while view:
                    view = view[self._stream.write(view) :]
                self._stream.flush()
        except (OSError, ValueError) as error:
            logger.debug("writing ended: %s", error)
            self._broken()
