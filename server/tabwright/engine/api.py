"""The engine's HTTP face: the completions API, streamed and cancelled by hanging up."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tabwright import __version__
from tabwright.engine import wire
from tabwright.engine.decode import Ask
from tabwright.engine.registry import Entry, Registry
from tabwright.engine.worker import Job, Worker
from tabwright.engine.writing import Delta

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class _End:
    failure: BaseException | None


class Api:
    """Routes of the engine over one worker; `token` is asked for when it is not empty."""

    def __init__(
        self,
        registry: Registry,
        worker: Worker,
        *,
        default_model: str,
        token: str = "",
        idle_exit_s: float = 0.0,
        shut_down: Callable[[], None] = lambda: None,
    ) -> None:
        self._registry = registry
        self._worker = worker
        self._default_model = default_model
        self._token = token
        self._idle_exit_s = idle_exit_s
        self._shut_down = shut_down
        self._started = time.monotonic()
        self._open = 0

    def app(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(client_max_size=_MOST_BYTES, middlewares=[self._guard])
        app.router.add_post("/v1/completions", self._completions)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/tabwright/model", self._model)
        app.router.add_get("/tabwright/status", self._status)
        app.router.add_post("/tabwright/shutdown", self._shutdown)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._token and not hmac.compare_digest(given.encode(), self._token.encode()):
            body = {"message": "wrong or missing token", "type": "Unauthorized"}
            return web.json_response({"error": body | {"code": "unauthorized"}}, status=401)
        try:
            return await handler(request)
        except (web.HTTPException, asyncio.CancelledError, ConnectionError):
            raise
        except Exception as failure:
            status, problem = wire.error(failure)
            if status == 500:
                log.exception("a request failed")
            return web.json_response(problem, status=status)

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        self._open += 1
        try:
            return await self._complete(request)
        finally:
            self._open -= 1

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError as failure:
            raise wire.BadRequest(f"the body is not JSON: {failure}") from failure
        wanted = wire.parse(body, self._default_model)
        # Reading a tokenizer takes a moment, so it must not hold up the other requests.
        entry = await asyncio.to_thread(self._registry.describe, wanted.model)
        ask = wanted.ask(entry.vocabulary.split_special)
        events: asyncio.Queue[Delta | _End] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def hand_on(event: Delta | _End) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(events.put_nowait, event)

        job = Job(
            wanted.model,
            ask,
            on_delta=hand_on,
            on_end=lambda failure: hand_on(_End(failure)),
            lane=wanted.lane,
            session=wanted.session,
        )
        self._worker.submit(job)
        identity = f"cmpl-{uuid.uuid4().hex[:16]}"
        try:
            if wanted.stream:
                return await self._stream(request, identity, job, events)
            return await self._whole(identity, job, ask, events)
        finally:
            job.cancelled.set()  # a client that hung up lands here too

    async def _whole(
        self, identity: str, job: Job, ask: Ask, events: asyncio.Queue[Delta | _End]
    ) -> web.Response:
        texts = [""] * ask.n
        last = {index: Delta(index, "") for index in range(ask.n)}
        while not isinstance(event := await events.get(), _End):
            texts[event.index] += event.text
            last[event.index] = event
        if event.failure is not None:
            raise event.failure
        whole = [
            Delta(index, texts[index], last[index].finish_reason, last[index].stop_reason)
            for index in range(ask.n)
        ]
        return web.json_response(wire.chunk(identity, job.model, whole, job.usage))

    async def _stream(
        self, request: web.Request, identity: str, job: Job, events: asyncio.Queue[Delta | _End]
    ) -> web.StreamResponse:
        first = await events.get()
        if isinstance(first, _End) and first.failure is not None:
            raise first.failure
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        try:
            await response.prepare(request)
            event = first
            while not isinstance(event, _End):
                await _send(response, wire.chunk(identity, job.model, [event], None))
                event = await events.get()
            if event.failure is not None:
                await _send(response, wire.error(event.failure)[1])
            else:
                await _send(response, wire.chunk(identity, job.model, [], job.usage))
            await response.write(b"data: [DONE]\n\n")
            await response.write_eof()
        except ConnectionError as failure:  # heard of before the request was cancelled
            log.debug("the client hung up: %s", failure)
        return response

    async def _models(self, request: web.Request) -> web.Response:
        names = {entry.name for entry in self._registry.entries()} | {self._default_model}
        data = [{"id": name, "object": "model", "owned_by": "tabwright"} for name in sorted(names)]
        return web.json_response({"object": "list", "data": data})

    async def _model(self, request: web.Request) -> web.Response:
        name = request.query.get("name") or self._default_model
        entry = await asyncio.to_thread(self._registry.describe, name)
        return web.json_response(
            _about(entry)
            | {
                "context_length": entry.context_length,
                "special_tokens": sorted(entry.vocabulary.special),
            }
        )

    async def _status(self, request: web.Request) -> web.Response:
        worker = self._worker
        return web.json_response(
            {
                "version": __version__,
                "pid": os.getpid(),
                "uptime_s": round(time.monotonic() - self._started, 1),
                "models": [_about(entry) for entry in self._registry.entries()],
                "active": int(worker.active is not None),
                "queued": worker.queued(),
                "open": self._open,
                "progress": worker.progress(),
                "requests_served": worker.served,
                "tokens_computed": worker.tokens_computed,
                "idle_exit_s": self._idle_exit_s,
            }
        )

    async def _shutdown(self, request: web.Request) -> web.Response:
        self._shut_down()
        return web.json_response({"stopping": True})


async def _send(response: web.StreamResponse, body: dict[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(body).encode() + b"\n\n")


def _about(entry: Entry) -> dict[str, Any]:
    backend = entry.backend
    return {
        "id": entry.name,
        "state": entry.state,
        "failure": entry.failure,
        "backend": backend.name if backend else None,
        "precision": backend.precision if backend else None,
        "device": backend.device if backend else None,
        "memory_bytes": backend.memory_bytes if backend else 0,
        "cached_tokens": entry.cache.tokens() if entry.cache else 0,
        "load_s": round(entry.load_s, 2),
    }
