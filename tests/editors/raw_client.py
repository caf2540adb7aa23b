"""A client that sends exactly what it is given: for what other editors say, word by word."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

from editors.required import SERVER
from support.editor import Home

Json = dict[str, Any]
UNITS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
SIZE = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


class RawClient:
    """Requests with answers, and what the server asked meanwhile."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.asked: list[Json] = []
        self.told: list[Json] = []
        self.answers: dict[str, Callable[[Json], Any]] = {}
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                header = await stdout.readuntil(b"\r\n\r\n")
                length = int(header.lower().split(b"content-length:")[1].split()[0])
                self._receive(json.loads(await stdout.readexactly(length)))

    def _receive(self, message: Json) -> None:
        if "method" not in message:
            self._waiting.pop(message["id"]).set_result(message)
        elif "id" not in message:
            self.told.append(message)
        else:
            self.asked.append(message)
            answer = self.answers.get(message["method"])
            reply: Json = {"id": message["id"]}
            if answer is None:
                reply["error"] = {"code": -32601, "message": "no such method"}
            else:
                reply["result"] = answer(message["params"])
            self._send(reply)

    def _send(self, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def request(self, method: str, params: Any) -> Any:
        """The result of a request; an error fails."""
        number = len(self._waiting) + 1000 + len(self.asked) + len(self.told)
        while number in self._waiting:
            number += 1
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._send({"id": number, "method": method, "params": params})
        answer = await asyncio.wait_for(future, 30)
        assert "error" not in answer, answer
        return answer["result"]

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    async def until_ready(self) -> None:
        async with asyncio.timeout(30):
            command = {"command": "tabwright.status", "arguments": []}
            while (await self.request("workspace/executeCommand", command))["state"] != "ready":
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def raw_client(home: Home) -> AsyncIterator[RawClient]:
    process = await asyncio.create_subprocess_exec(
        *SERVER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **home.environment()},
    )
    client = RawClient(process)
    try:
        yield client
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await asyncio.gather(client._reading, return_exceptions=True)


def column(line: str, offset: int, encoding: str) -> int:
    """A column of a line as an encoding of positions counts it."""
    return len(line[:offset].encode(UNITS[encoding])) // SIZE[encoding]


def edited(text: str, edits: list[Json], encoding: str) -> str:
    """A text after edits, by positions of one encoding."""
    lines = text.split("\n")

    def offset(position: Json) -> int:
        if position["line"] >= len(lines):
            return len(text)
        line = lines[position["line"]].encode(UNITS[encoding])
        before = line[: position["character"] * SIZE[encoding]].decode(UNITS[encoding])
        return sum(len(each) + 1 for each in lines[: position["line"]]) + len(before)

    placed = [
        (offset(edit["range"]["start"]), offset(edit["range"]["end"]), edit["newText"])
        for edit in edits
    ]
    for start, end, new in sorted(placed, reverse=True):
        text = text[:start] + new + text[end:]
    return text
