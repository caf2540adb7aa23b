"""Messages on a byte stream: framing that tolerates bad input, with threads to read and write."""

from __future__ import annotations

import json
import logging
import math
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

logger = logging.getLogger(__name__)

# Editors do not send files of this size (VS Code: up to 50 MB). While it is decoded, a message
# takes several times its size in memory.
MAX_BODY_BYTES = 64 << 20
MAX_DEPTH = 100  # of nested objects and lists; no message of the protocol comes near
_MAX_LINE_BYTES = 8192
_MAX_HEADERS = 8
_CHUNK_BYTES = 1 << 16
_MAX_WAITING = 4  # messages that may be queued for the event loop
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,12})[ \t]*\r?\n\Z", re.IGNORECASE)
_HEADER = re.compile(rb"content-length:[ \t]*\d{1,12}[ \t]*\r?\n", re.IGNORECASE)
_NAMES = (b"content-length:", b"content-type:", b"\r\n", b"\n")


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


# NaN and Infinity are not JSON and could not be sent back: they are read as null, which is refused
# where a number is expected.
_JSON = json.JSONDecoder(parse_float=_finite, parse_constant=lambda name: None)


@dataclass(frozen=True)
class Malformed:
    """A frame that cannot be used; ``reason`` quotes nothing of it.

    ``identity`` is the request's id, where it could be read; ``foreign`` says that the input is of
    another protocol.
    """

    reason: str
    identity: object = None
    foreign: bool = False


class ReadBytes(Protocol):
    """A function that reads some bytes of a stream; b"" at the end."""

    def __call__(self, size: int, /) -> bytes:
        """Read at most ``size`` bytes, waiting for the first."""
        ...


class Frames:
    """The JSON values in a stream of ``Content-Length`` frames.

    Lines that are not headers are skipped. After a wrong length, reading continues at the next
    header, so that one bad message loses no other. That is safe on a pipe from the editor: JSON
    strings contain no raw line break, so the text of a document cannot be taken for a header.

    A ``strict`` stream (TCP, where anybody may connect) ends at the first byte that belongs to no
    frame, and after a frame that cannot be used: nothing in it is ever read again.
    """

    def __init__(
        self, read: ReadBytes, *, strict: bool = False, most_bytes: int = MAX_BODY_BYTES
    ) -> None:
        """Read through ``read`` from now on; no body may be longer than ``most_bytes``."""
        self.most_bytes = most_bytes
        self._read = read
        self._strict = strict
        self._buffer = bytearray()

    def __iter__(self) -> Iterator[object]:
        """Yield JSON values, and Malformed for a frame without one, until the stream ends."""
        return self._read_strict() if self._strict else self._read_lenient()

    def _read_strict(self) -> Iterator[object]:
        while True:
            length: int | None = None
            for _ in range(_MAX_HEADERS):
                line = self._line()
                if line is None:
                    return
                if found := _LENGTH.fullmatch(line):
                    length = int(found.group(1))
                elif not line.strip():
                    break
                elif not line.lower().startswith(b"content-type:"):
                    length = None
                    break
            if length is None:
                why = "what came is no message of the language server protocol"
                yield Malformed(why, foreign=True)
                return
            if length > self.most_bytes:
                yield Malformed(f"a message of {length} bytes is too long")
                return
            body = self._body(length)
            if body is None:
                return
            value = self._value(body)
            yield value
            if isinstance(value, Malformed):
                return

    def _read_lenient(self) -> Iterator[object]:
        length: int | None = None
        while (line := self._line()) is not None:
            if found := _LENGTH.search(line):
                length = int(found.group(1))
                if length > self.most_bytes:
                    yield Malformed(f"a message of {length} bytes is too long")
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
        """The next line with its end; None at the end. A strict stream returns a line as soon as it
        cannot be a header any more."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            if self._strict and self._buffer and not _may_be_header(self._buffer):
                return bytes(self._buffer[:_MAX_LINE_BYTES])
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
        with memoryview(self._buffer) as view:
            body = bytes(view[:length])
        del self._buffer[:length]
        return body

    def _value(self, body: bytes) -> object:
        try:
            text = body.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            # One bad byte must not lose the whole change of a document.
            text = body.decode("utf-8", "replace")
        try:
            value = cast(object, _JSON.decode(text))
        except (ValueError, RecursionError) as error:
            next_header = None if self._strict else _HEADER.search(body)
            if next_header:
                # The length was too large, so this body contains the next message.
                self._buffer[:0] = body[next_header.start() :]
            kind = getattr(error, "msg", type(error).__name__)
            return Malformed(f"a message of {len(body)} bytes is not JSON: {kind}")
        if _is_deeper(value, MAX_DEPTH):
            identity = value.get("id") if isinstance(value, dict) else None
            return Malformed("a message is nested too deep", identity)
        return value


def _may_be_header(start: bytes | bytearray) -> bool:
    """Whether an incomplete line may become a header, or the empty line after the headers."""
    if len(start) > _MAX_LINE_BYTES:
        return False
    begun = bytes(start[:16]).lower()
    return any(name.startswith(begun) or begun.startswith(name) for name in _NAMES)


def _is_deeper(value: object, most: int) -> bool:
    """Whether objects and lists are nested more than ``most`` deep."""
    level = [value]
    for _ in range(most):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner += [child for child in each.values() if isinstance(child, dict | list)]
            elif isinstance(each, list):
                inner += [child for child in each if isinstance(child, dict | list)]
        if not inner:
            return False
        level = inner
    return True


class Reader:
    """Reads values on a daemon thread; calls ``deliver`` for each, and ``ended`` at the end."""

    def __init__(
        self,
        values: Iterable[object],
        deliver: Callable[[object], None],
        ended: Callable[[], None],
    ) -> None:
        """Prepare; nothing is read from ``values`` before ``start``."""
        self._values = values
        self._deliver = deliver
        self._ended = ended
        self._room = threading.Semaphore(_MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="tabwright-read", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def done(self) -> None:
        """Mark one value as handled, so that another may be queued."""
        self._room.release()

    def _run(self) -> None:
        try:
            for value in self._values:
                self._room.acquire()
                self._deliver(value)
        except (OSError, ValueError, RuntimeError) as error:
            # The stream or the event loop was closed, and both mean the end.
            logger.debug("reading ended: %s", error)
        finally:
            try:
                self._ended()
            except RuntimeError as error:
                logger.debug("the loop had ended before the stream: %s", error)


class Writer:
    """Writes on a daemon thread, so that a slow client never blocks the event loop."""

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
