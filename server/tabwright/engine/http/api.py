"""The engine's HTTP endpoints; a client cancels a request by closing the connection."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from tabwright import __version__
from tabwright.engine.decoding.decode import GenerationRequest
from tabwright.engine.decoding.sequence import Delta
from tabwright.engine.http import bodies
from tabwright.engine.http.access import Access, ModelNames, refusal
from tabwright.engine.http.connections import Connection, ConnectionLimits
from tabwright.engine.registry import ModelEntry, Registry
from tabwright.engine.worker import Job, Worker

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class _JobEnd:
    failure: BaseException | None


class ClientTooSlow(Exception):
    """A client did not send its body, or did not take the answer, in time."""


class Api:
    """HTTP routes of the engine, over one worker, under the rules of `access`."""

    def __init__(
        self,
        registry: Registry,
        worker: Worker,
        *,
        default_model: str,
        access: Access,
        limits: ConnectionLimits,
        idle_exit_s: float = 0.0,
        shut_down: Callable[[], None] = lambda: None,
    ) -> None:
        self._registry = registry
        self._worker = worker
        self._default_model = default_model
        self._access = access
        self._names = ModelNames(access, default_model)
        self._limits = limits
        self._idle_exit_s = idle_exit_s
        self._shut_down = shut_down
        self._started = time.monotonic()
        self._open = 0

    def app(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[self._guard])
        app.router.add_post("/v1/completions", self._completions)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/tabwright/model", self._model)
        app.router.add_get("/tabwright/status", self._status)
        if self._access.trusted:
            app.router.add_post("/tabwright/shutdown", self._shutdown)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = request.protocol
        if not isinstance(connection, Connection):
            return await self._answer(request, handler)
        with connection.busy():
            if connection.connections.requests() > self._limits.most_requests:
                why = "too many requests are under way; ask again later"
                return bodies.error_response(503, "busy", why)
            return await self._answer(request, handler)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = refusal(self._access, request)
        if refused is not None:
            return refused
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            why = f"the body is longer than {_MAX_BODY_BYTES} bytes"
            return bodies.error_response(413, "too_large", why)
        except ClientTooSlow as failure:
            return bodies.error_response(408, "timeout", str(failure))
        except (web.HTTPException, asyncio.CancelledError, ConnectionError):
            raise
        except Exception as failure:
            status, problem = bodies.error(failure, self._names.hide_paths)
            if status == 500:
                log.exception("a request failed")
            return web.json_response(problem, status=status)

    async def _body(self, request: web.Request) -> object:
        if (request.content_length or 0) > _MAX_BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(_MAX_BODY_BYTES)
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise bodies.BadRequest("the body must not be compressed")
        try:
            async with asyncio.timeout(self._limits.body):
                return bodies.load(await request.read())
        except TimeoutError as failure:
            limit = self._limits.body
            raise ClientTooSlow(f"the body was not sent within {limit:g} s") from failure

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        self._open += 1
        try:
            return await self._complete(request)
        finally:
            self._open -= 1

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = bodies.parse(await self._body(request), "")
        body = replace(body, model=self._names.resolve(body.model))
        # Reading a tokenizer takes up to a second and must not block other requests.
        entry = await asyncio.to_thread(self._registry.describe, body.model)
        body.check_size(entry.context_length)
        generation = body.to_generation(entry.vocabulary.split_special)
        events: asyncio.Queue[Delta | _JobEnd] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def post_event(event: Delta | _JobEnd) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(events.put_nowait, event)

        job = Job(
            body.model,
            generation,
            on_delta=post_event,
            on_end=lambda failure: post_event(_JobEnd(failure)),
            lane=body.lane,
            session=body.session,
        )
        self._worker.submit(job)
        identity = f"cmpl-{uuid.uuid4().hex[:16]}"
        try:
            if body.stream:
                return await self._stream(request, identity, job, events)
            return await self._whole(identity, job, generation, events)
        finally:
            job.cancelled.set()  # reached also when the client has disconnected

    async def _whole(
        self,
        identity: str,
        job: Job,
        generation: GenerationRequest,
        events: asyncio.Queue[Delta | _JobEnd],
    ) -> web.Response:
        texts = [""] * generation.n
        last = {index: Delta(index, "") for index in range(generation.n)}
        while not isinstance(event := await events.get(), _JobEnd):
            texts[event.index] += event.text
            last[event.index] = event
        if event.failure is not None:
            raise event.failure
        whole = [
            Delta(index, texts[index], last[index].finish_reason, last[index].stop_reason)
            for index in range(generation.n)
        ]
        name = self._names.public_name(job.model)
        return web.json_response(bodies.chunk(identity, name, whole, job.usage))

    async def _stream(
        self, request: web.Request, identity: str, job: Job, events: asyncio.Queue[Delta | _JobEnd]
    ) -> web.StreamResponse:
        first = await events.get()
        if isinstance(first, _JobEnd) and first.failure is not None:
            raise first.failure
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        name = self._names.public_name(job.model)
        try:
            async with self._in_time(request):
                await response.prepare(request)
            event = first
            while not isinstance(event, _JobEnd):
                async with self._in_time(request):
                    await _send(response, bodies.chunk(identity, name, [event], None))
                event = await events.get()
            last = bodies.chunk(identity, name, [], job.usage)
            if event.failure is not None:
                last = bodies.error(event.failure, self._names.hide_paths)[1]
            async with self._in_time(request):
                await _send(response, last)
                await response.write(b"data: [DONE]\n\n")
                await response.write_eof()
        except ConnectionError as failure:  # seen before the handler was cancelled
            log.debug("the client disconnected: %s", failure)
        return response

    @asynccontextmanager
    async def _in_time(self, request: web.Request) -> AsyncIterator[None]:
        """Limit the time of a write; close the connection to a client that does not read."""
        try:
            async with asyncio.timeout(self._limits.write):
                yield
        except TimeoutError as failure:
            log.warning("cut a connection: the client took nothing for %g s", self._limits.write)
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the client does not read its answer") from failure

    async def _models(self, request: web.Request) -> web.Response:
        known = {entry.name for entry in self._registry.entries()} | {self._default_model}
        names = sorted({self._names.public_name(name) for name in known})
        data = [{"id": name, "object": "model", "owned_by": "tabwright"} for name in names]
        return web.json_response({"object": "list", "data": data})

    async def _model(self, request: web.Request) -> web.Response:
        name = self._names.resolve(request.query.get("name", ""))
        entry = await asyncio.to_thread(self._registry.describe, name)
        return web.json_response(
            self._about(entry)
            | {
                "id": self._names.public_name(name),
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
                "models": [self._about(entry) for entry in self._registry.entries()],
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

    def _about(self, entry: ModelEntry) -> dict[str, Any]:
        backend = entry.backend
        return {
            "id": self._names.public_name(entry.name),
            "state": entry.state,
            "failure": self._names.hide_paths(entry.failure),
            "backend": backend.name if backend else None,
            "precision": backend.precision if backend else None,
            "device": backend.device if backend else None,
            "memory_bytes": backend.memory_bytes if backend else 0,
            "cached_tokens": entry.cache.tokens() if entry.cache else 0,
            "load_s": round(entry.load_s, 2),
        }


async def _send(response: web.StreamResponse, body: dict[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(body).encode() + b"\n\n")
