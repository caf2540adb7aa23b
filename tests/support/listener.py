"""A remote engine that an attack would reach: it counts connections and keeps what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MODEL = "remote-model"


@dataclass
class Listener:
    """What came to one loopback port."""

    port: int = 0
    requests: list[tuple[str, str]] = field(default_factory=list)  # the path and the key
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((request.path, request.headers.get("Authorization", "")))
        if request.path == "/v1/models":
            return web.json_response({"object": "list", "data": [{"id": MODEL}]})
        choice: dict[str, Any] = {"index": 0, "text": " b + a", "finish_reason": "stop"}
        return web.json_response({"choices": [choice]})


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """Serve on a free loopback port until the test ends."""
    found = Listener()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    make = runner.server
    assert make is not None

    def counted(*arguments: Any, **named: Any) -> Any:
        found.connections += 1
        return make(*arguments, **named)

    server = await asyncio.get_running_loop().create_server(counted, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await runner.cleanup()
