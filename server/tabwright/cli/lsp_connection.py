"""The connection of a small editor to one server process: JSON-RPC over stdio.

It speaks JSON-RPC by itself, on purpose: what it sees is what went over the wire, and its clock
runs from the write of a request to the read of the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tabwright.processes import Process

Json = dict[str, object]
Notify = Callable[[str, Json], None]

CANCELLED = -32800


class ResponseError(Exception):
    """The server answered a request with an error; ``code`` is JSON-RPC's."""

    def __init__(self, code: int, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(f"{message} ({code})")
        self.code = code


class ServerGone(Exception):
    """The server process ended; the message carries the end of what it wrote to stderr."""


@dataclass
class LspConnection:
    """One server process and the messages to and from it; end it with ``stop``."""

    process: Process
    encoding: str
    settings: Mapping[str, object]
    on_notify: Notify | None = None
    _next_id: int = 0
    _pending: dict[int, asyncio.Future[object]] = field(default_factory=dict)
    _stderr: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def read(self) -> None:
        """Begin to read what the server says."""
        self._tasks = [
            asyncio.create_task(self._read_messages()),
            asyncio.create_task(self._read_stderr()),
        ]

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    async def request(self, method: str, params: object) -> object:
        """Send a request and wait for its result.

        Cancelling the waiting task sends ``$/cancelRequest``. Raises ResponseError or ServerGone.
        """
        request_id, answer = self.begin(method, params)
        try:
            return await answer
        except asyncio.CancelledError:
            self.cancel(request_id)
            raise

    def begin(self, method: str, params: object) -> tuple[int, asyncio.Future[object]]:
        """Send a request and return its id and the future of its result, for those who cancel."""
        self._next_id += 1
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._pending[self._next_id] = answer
        message = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        if any(task.done() for task in self._tasks[:1]):
            self._fail_pending()
        else:
            self._send(message)
        return self._next_id, answer

    def cancel(self, request_id: int) -> None:
        """Ask the server to give a request up; its future then raises ResponseError."""
        self.notify("$/cancelRequest", {"id": request_id})

    def _send(self, message: object) -> None:
        body = json.dumps(message).encode()
        writer = self.process.stdin
        if writer is not None and not writer.is_closing():
            writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def _read_messages(self) -> None:
        reader = self.process.stdout
        if reader is None:
            raise RuntimeError("the server was started without a pipe")
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in header.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                self._handle(json.loads(await reader.readexactly(length)))
        await self.process.wait()
        self._fail_pending()

    def _fail_pending(self) -> None:
        tail = "\n".join(self._stderr)
        for answer in self._pending.values():
            if not answer.done():
                status = self.process.returncode
                answer.set_exception(ServerGone(f"the server ended with status {status}\n{tail}"))
        self._pending.clear()

    async def _read_stderr(self) -> None:
        while self.process.stderr and (line := await self.process.stderr.readline()):
            self._stderr.append(line.decode(errors="replace").rstrip())

    def _handle(self, message: Json) -> None:
        if "method" not in message:
            self._resolve(message)
            return
        params = message.get("params")
        if self.on_notify and isinstance(params, dict):
            self.on_notify(str(message["method"]), params)
        if "id" in message:
            result: object = None
            if message["method"] == "workspace/configuration" and isinstance(params, dict):
                result = [
                    dict(self.settings) if item.get("section") == "tabwright" else None
                    for item in params.get("items", ())
                ]
            self._send({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _resolve(self, message: Json) -> None:
        key = message.get("id")
        answer = self._pending.pop(key, None) if isinstance(key, int) else None
        if answer is None or answer.done():
            return
        error = message.get("error")
        if isinstance(error, dict):
            answer.set_exception(ResponseError(int(error["code"]), str(error["message"])))
        else:
            answer.set_result(message.get("result"))

    async def stop(self) -> None:
        """Shut the server down and wait for its end; kill it when it has not ended in 5 s."""
        if self.process.returncode is None:
            with contextlib.suppress(ResponseError, ServerGone, TimeoutError):
                await asyncio.wait_for(self.request("shutdown", None), 5)
            self.notify("exit", None)
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except TimeoutError:
                self.process.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
