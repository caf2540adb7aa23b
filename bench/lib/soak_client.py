"""One server process of the soak test: frames, good and bad, and an account of every request."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.lib.soak_tally import Tally

Json = dict[str, Any]
Check = Callable[[Json], None]
"""Looks at the result of an answered request; raises ValueError for one that is out of range."""

# What a log says of hangs that are made here, of messages that are none, and of a tiny model's
# limits.
EXPECTED = (
    *("the engine did not answer", "the engine got no further", "no other engine could be started"),
    *("JsonRpcException", "Unable to deserialize message", "PromptTooLong"),
)
_LIMIT = 1 << 26
_WRITE_S = 30.0


@dataclass
class Pending:
    """A request that is not answered yet."""

    method: str
    since: float
    check: Check | None
    done: asyncio.Future[Json]
    what: str = ""


@dataclass
class SoakClient:
    """A process and the ids of its requests; ``answer`` answers what the server asks."""

    process: asyncio.subprocess.Process
    tally: Tally
    answer: Callable[[str, Json], object]
    notified: Callable[[str, Json], None]
    name: str
    pending: dict[str, Pending] = field(default_factory=dict)
    expected_end: bool = False
    _answered: set[str] = field(default_factory=set)
    _number: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def start(
        cls,
        name: str,
        tally: Tally,
        environment: Mapping[str, str],
        answer: Callable[[str, Json], object],
        notified: Callable[[str, Json], None],
        command: Sequence[str] = (sys.executable, "-m", "tabwright", "serve"),
    ) -> SoakClient:
        """Start a server on pipes."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            limit=_LIMIT,
        )
        client = cls(process, tally, answer, notified, name)
        client._tasks = [
            asyncio.create_task(client._read()),
            asyncio.create_task(client._read_errors()),
        ]
        return client

    # Sending ------------------------------------------------------------------------------------

    def request(self, method: str, params: object, check: Check | None = None) -> str:
        """Send a request; returns its id."""
        self._number += 1
        key = f"{self.name}-{self._number}"
        done: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        command = params.get("command", "") if isinstance(params, Mapping) else ""
        what = str(command) or method
        self.pending[key] = Pending(method, time.monotonic(), check, done, what)
        self.tally.requests += 1
        self.send({"jsonrpc": "2.0", "id": key, "method": method, "params": params})
        return key

    async def call(self, method: str, params: object, seconds: float) -> Json:
        """Send a request and wait for its answer, {} where none came in time."""
        key = self.request(method, params)
        done = self.pending[key].done
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(done), seconds)
        return {}

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def send(self, message: object) -> None:
        """Send anything as JSON."""
        self.raw(frame(json.dumps(message).encode()))

    def raw(self, data: bytes) -> None:
        """Send bytes, and count them as one message."""
        self.tally.messages += 1
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(data)

    async def drain(self) -> None:
        """Wait until the server has read most of what was sent."""
        if self.process.stdin is not None:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(self.process.stdin.drain(), _WRITE_S)

    # The end ------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Kill the process; what it was asked is excused."""
        self.expected_end = True
        self.tally.excused += len(self.pending)
        self.pending.clear()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def end(self) -> int | None:
        """Say shutdown and exit; returns the exit status, None when it did not end in time."""
        answered = await self.call("shutdown", None, 10)
        self.expected_end = True
        self.notify("exit", None)
        status: int | None = None
        with contextlib.suppress(TimeoutError):
            status = await asyncio.wait_for(self.process.wait(), 10)
        return status if answered else None

    async def close(self) -> None:
        """Reap the process, and count what it left unanswered."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        for task in self._tasks:
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(task, 5)
        for pending in self.pending.values():
            self._unanswered(pending)
        self.pending.clear()

    def overdue(self, seconds: Callable[[str], float]) -> None:
        """Count what has been waiting for longer than its method may."""
        now = time.monotonic()
        for key, pending in list(self.pending.items()):
            if now - pending.since > seconds(pending.method):
                del self.pending[key]
                self._answered.add(key)
                self._unanswered(pending)

    def _unanswered(self, pending: Pending) -> None:
        self.tally.unanswered += 1
        waited = time.monotonic() - pending.since
        self.tally.note(f"{self.name}: {pending.what} unanswered after {waited:.1f} s")

    # Reading ------------------------------------------------------------------------------------

    async def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        try:
            while True:
                length = 0
                while (line := (await stream.readuntil(b"\n")).strip()) != b"":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                self._take(json.loads(await stream.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            if not self.expected_end:
                self.tally.crashes += 1
                self.tally.note(f"{self.name}: the server ended by itself")
        except ValueError as error:
            self.tally.crashes += 1
            self.tally.note(f"{self.name}: the server wrote no protocol: {error}")

    async def _read_errors(self) -> None:
        stream = self.process.stderr
        assert stream is not None
        async for line in stream:
            text = line.decode("utf-8", "replace").rstrip()
            failed = any(word in text for word in ("ERROR", "CRITICAL", "Traceback"))
            if failed and not any(words in text for words in EXPECTED):
                self.tally.crashes += 1
                self.tally.note(f"{self.name}: {text[:240]}")

    def _take(self, message: Json) -> None:
        self.tally.received += 1
        key, method = message.get("id"), message.get("method")
        if method is not None:
            params = message.get("params") or {}
            if key is None:
                self.notified(str(method), params)
            else:
                answer = self.answer(str(method), params)
                self.send({"jsonrpc": "2.0", "id": key, "result": answer})
            return
        if key is None:
            return  # an error about a message that was none
        pending = self.pending.pop(str(key), None)
        if pending is None:
            if str(key) in self._answered:
                self.tally.twice += 1
                self.tally.note(f"{self.name}: {key} answered twice")
            return
        self._answered.add(str(key))
        self.tally.answered += 1
        waited = time.monotonic() - pending.since
        if waited > self.tally.longest_answer_s:
            self.tally.longest_answer_s = waited
            self.tally.longest_method = pending.what
        if not pending.done.done():
            pending.done.set_result(message)
        error = message.get("error")
        if isinstance(error, dict) and error.get("code") == -32603:
            self.tally.crashes += 1
            self.tally.note(f"{self.name}: internal error for {pending.method}: {error}"[:300])
        if pending.check is not None and error is None:
            try:
                pending.check(message)
            except ValueError as wrong:
                self.tally.out_of_range += 1
                self.tally.note(f"{self.name}: {pending.method}: {wrong}"[:300])


def frame(body: bytes, length: int | None = None) -> bytes:
    """A frame of the protocol; ``length`` is what its header claims."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body) if length is None else length, body)
