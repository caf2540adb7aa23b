"""A client of the real server that writes bytes, for messages that no proper client sends."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from support.editor import Home, engine_for


class Raw:
    """A client that writes bytes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        assert process.stdin and process.stdout
        self.stdin, self.stdout = process.stdin, process.stdout

    def write(self, data: bytes) -> None:
        self.stdin.write(data)

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def body(self, body: bytes) -> None:
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            header = await self.stdout.readuntil(b"\r\n\r\n")
            length = int(header.split(b"Content-Length:")[1].split(b"\r\n")[0])
            found = json.loads(await self.stdout.readexactly(length))
        assert isinstance(found, dict)
        return found

    async def answer(self, msg_id: object) -> dict[str, Any]:
        """The next answer, which must be the one to ``msg_id``; notifications are passed over."""
        while "method" in (found := await self.read()):
            if "id" in found:
                self.send(id=found["id"], result=None)
        assert found["id"] == msg_id, found
        return found

    async def lives(self) -> None:
        self.send(
            id="alive", method="workspace/executeCommand", params={"command": "tabwright.why"}
        )
        assert "reason" in (await self.answer("alive"))["result"]


async def serving(home: Home) -> AsyncIterator[Raw]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tabwright", "serve",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=home.environment(),
        limit=1 << 26,
    )  # fmt: skip
    client = Raw(process)
    async with engine_for(home, {"text": "a + b"}):
        client.send(id=0, method="initialize", params={"capabilities": {}, "processId": None})
        assert "capabilities" in (await client.answer(0))["result"]
        client.send(method="initialized", params={})
        await client.lives()
        yield client
        client.send(id=99, method="shutdown")
        await client.answer(99)
        client.send(method="exit")
        assert await asyncio.wait_for(process.wait(), 2) == 0
