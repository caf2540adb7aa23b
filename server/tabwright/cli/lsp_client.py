"""A small editor's side of the protocol over stdio, for the demo, ``complete`` and the benchmarks.

It speaks JSON-RPC by itself, on purpose: what it sees is what went over the wire, and its clock
runs from the write of a request to the read of the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tabwright.cli.lsp_positions import offset_at, position_at

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


@dataclass(frozen=True)
class Item:
    """One suggestion: the text that replaces ``text[start:end]`` of the buffer it was asked for."""

    start: int
    end: int
    new_text: str

    def apply(self, text: str) -> str:
        """Return the buffer as it is after this suggestion was accepted."""
        return text[: self.start] + self.new_text + text[self.end :]


@dataclass
class LspClient:
    """One server process and the connection to it; make it with ``start``, end it with ``stop``."""

    process: asyncio.subprocess.Process
    encoding: str
    settings: Mapping[str, object]
    on_notify: Notify | None = None
    initialize_ms: float = 0.0
    server_info: Json = field(default_factory=dict)
    _next_id: int = 0
    _pending: dict[int, asyncio.Future[object]] = field(default_factory=dict)
    _versions: dict[str, int] = field(default_factory=dict)
    _stderr: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def start(
        cls,
        *,
        settings: Mapping[str, object] | None = None,
        root: Path | None = None,
        encoding: str = "utf-16",
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        on_notify: Notify | None = None,
    ) -> LspClient:
        """Start ``tabwright serve`` and initialize it; ``settings`` is the ``tabwright`` section.

        ``initialize_ms`` is then the time from the start of the process to its answer. Raises
        ServerGone when the process ends instead of answering.
        """
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *(command or (sys.executable, "-m", "tabwright", "serve")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            limit=1 << 26,
        )
        client = cls(process, encoding, settings or {}, on_notify)
        client._tasks = [
            asyncio.create_task(client._read_messages()),
            asyncio.create_task(client._read_stderr()),
        ]
        answer = await client.request("initialize", client._initialize_params(root))
        client.initialize_ms = (time.perf_counter() - started) * 1000
        if isinstance(answer, dict):
            client.server_info = answer
            capabilities = answer.get("capabilities", {})
            client.encoding = capabilities.get("positionEncoding") or "utf-16"
        client.notify("initialized", {})
        return client

    def _initialize_params(self, root: Path | None) -> Json:
        folders = [{"uri": root.as_uri(), "name": root.name}] if root else None
        return {
            "processId": os.getpid(),
            "clientInfo": {"name": "tabwright-client"},
            "rootUri": root.as_uri() if root else None,
            "workspaceFolders": folders,
            "initializationOptions": dict(self.settings),
            "capabilities": {
                "general": {"positionEncodings": [self.encoding]},
                "window": {"workDoneProgress": True},
                "workspace": {"configuration": True, "workspaceFolders": True},
                "textDocument": {
                    "inlineCompletion": {},
                    "synchronization": {"dynamicRegistration": False},
                    "codeAction": {
                        "codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}},
                        "resolveSupport": {"properties": ["edit"]},
                        "dataSupport": True,
                    },
                },
                "notebookDocument": {"synchronization": {"executionSummarySupport": False}},
            },
        }

    # Messages -----------------------------------------------------------------------------------

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

    # What an editor does ------------------------------------------------------------------------

    def open(self, uri: str, language_id: str, text: str) -> None:
        """Open a document."""
        self._versions[uri] = 1
        document = {"uri": uri, "languageId": language_id, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, uri: str, text: str) -> None:
        """Replace the whole text of an open document."""
        self._versions[uri] += 1
        document = {"uri": uri, "version": self._versions[uri]}
        changes = [{"text": text}]
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    def close(self, uri: str) -> None:
        """Close a document."""
        self._versions.pop(uri, None)
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def completion_params(self, uri: str, text: str, offset: int, *, invoked: bool) -> Json:
        """Parameters of an inline completion at ``offset`` of the buffer ``text``."""
        return {
            "textDocument": {"uri": uri},
            "position": position_at(text, offset, self.encoding),
            "context": {"triggerKind": 1 if invoked else 2},
        }

    async def complete(
        self, uri: str, text: str, offset: int, *, invoked: bool = False
    ) -> tuple[Item, ...]:
        """Ask for inline completions at ``offset`` of the open buffer, whose text is ``text``."""
        params = self.completion_params(uri, text, offset, invoked=invoked)
        return self.items(await self.request("textDocument/inlineCompletion", params), text, offset)

    def items(self, answer: object, text: str, offset: int) -> tuple[Item, ...]:
        """Read the answer of an inline completion that was asked at ``offset`` of ``text``."""
        listed = answer.get("items", []) if isinstance(answer, dict) else answer or []
        found: list[Item] = []
        for entry in listed if isinstance(listed, list) else []:
            span, new = entry.get("range"), entry["insertText"]
            start = offset_at(text, span["start"], self.encoding) if span else offset
            end = offset_at(text, span["end"], self.encoding) if span else offset
            found.append(Item(start, end, new["value"] if isinstance(new, dict) else new))
        return tuple(found)

    async def execute(self, command: str, *arguments: object) -> Json:
        """Run one of the server's commands; an empty result when its answer is no object."""
        answer = await self.request(
            "workspace/executeCommand", {"command": command, "arguments": list(arguments)}
        )
        return answer if isinstance(answer, dict) else {}

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
