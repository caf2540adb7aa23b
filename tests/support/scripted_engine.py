"""An engine that answers by a script, speaking our wire API: for tests without a model.

As a process::

    python tests/support/scripted_engine.py --socket PATH --script FILE.json

In a test::

    async with scripted_engine.running({"rules": [{"match": "add", "text": "a + b"}]}) as engine:
        ...  # engine.socket, engine.recorded, engine.script = Script.parse({...})

A script holds ``rules`` (the first whose ``match`` occurs in the prompt answers; see Rule),
``models`` (id -> fields of GET /tabwright/model) and ``status`` (fields added to the status).
Control: GET /recorded, POST /script (replaces the script), POST /die.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Send = Callable[[object], Awaitable[None]]
QWEN_TOKENS = (
    "<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
    "<|repo_name|>", "<|file_sep|>", "<|im_start|>", "<|im_end|>",
)  # fmt: skip


@dataclass
class Rule:
    """One scripted answer; times in ms, ``*_after`` counted in tokens already sent."""

    match: str = ""  # substring of the flat prompt; "" matches all
    not_match: str = ""  # and this one must be absent
    lane: str = ""  # and the request must be in this lane; "" is any
    text: str | list[str] = ""  # a list gives one text per candidate (the last one repeats)
    document: str = ""  # instead of text: what follows the prompt's end in this whole text
    verbatim: bool = False  # send all of it, whatever stop, suffix_stop and max_tokens say
    first_delay_ms: float = 0.0
    delay_ms: float = 0.0  # before every further token
    times: int = -1  # how often the rule serves before it is passed over; -1 for ever
    error: dict[str, Any] = field(default_factory=dict)  # status, code, message
    error_after: int = -1  # in the stream, after so many tokens; -1: as an HTTP status
    hang_after: int = -1  # then nothing more comes
    drop_after: int = -1  # then the connection is cut
    die_after: int = -1  # then the whole engine dies
    raw: str | None = None  # this body instead of any JSON or event stream
    status: int = 200  # with raw
    finish: str = ""  # overrides finish_reason
    usage: dict[str, Any] = field(default_factory=dict)

    @property
    def trips(self) -> set[int]:
        return {self.error_after, self.hang_after, self.drop_after, self.die_after} - {-1}


@dataclass
class Script:
    rules: list[Rule]
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Script:
        known = {"rules": [Rule(**rule) for rule in data.get("rules", [])]}
        return cls(**{**data, **known})

    def rule_for(self, prompt: str, lane: str = "") -> Rule:
        for rule in self.rules:
            absent = not rule.not_match or rule.not_match not in prompt
            fits = rule.match in prompt and absent and rule.lane in ("", lane)
            if rule.times and fits:
                rule.times -= 1 if rule.times > 0 else 0
                return rule
        return Rule()


def tokens(text: str) -> list[str]:
    """Cut a text into word-like pieces whose sum is the text."""
    return re.findall(r"\s*\w+|\s*[^\w\s]|\s+", text)


def follow(document: str, prompt: str) -> str:
    """What comes after the prompt's last characters in the document; "" when they are not in it."""
    for size in range(min(len(prompt), 200), 0, -1):
        at = document.find(prompt[-size:])
        if at >= 0:
            return document[at + size :]
    return ""


def planned(rule: Rule, body: Mapping[str, Any], prompt: str, index: int) -> tuple[str, str, str]:
    """The text of candidate ``index`` with its finish_reason and stop_reason."""
    texts = [rule.text] if isinstance(rule.text, str) else rule.text or [""]
    text = texts[min(index, len(texts) - 1)]
    if rule.document:
        text = follow(rule.document, prompt)
    finish, reason = "stop", "eos"
    if not rule.verbatim:
        stops = [(stop, "text") for stop in body.get("stop") or []]
        stops.append((body.get("suffix_stop", "").strip(), "suffix"))
        for stop, why in stops:
            if stop and stop in text:
                text, reason = text[: text.index(stop)], why
        limit = body.get("max_tokens", 16)
        if len(tokens(text)) > limit or limit == 0:
            text, finish, reason = "".join(tokens(text)[:limit]), "length", "length"
    return text, rule.finish or finish, reason


class ScriptedEngine:
    """The app, its script and the requests it got."""

    def __init__(self, script: Mapping[str, Any], *, token: str = "") -> None:
        self.script = Script.parse(script)
        self.token = token
        self.recorded: list[dict[str, Any]] = []
        self.socket = Path()
        self.port = 0
        self.on_die: Callable[[], None] = lambda: None
        self.changed = asyncio.Condition()
        self._newest: dict[str, asyncio.Event] = {}
        self._started = time.monotonic()

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What somebody waits for: without the warm-up and what is computed ahead."""
        return [each for each in self.recorded if each["body"].get("lane") != "background"]

    def app(self) -> web.Application:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
                return failure(401, "unauthorized", "the token is missing or wrong")
            return await handler(request)

        app = web.Application(middlewares=[guard], client_max_size=64 << 20)
        app.router.add_post("/v1/completions", self._completions)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/tabwright/model", self._model)
        app.router.add_get("/tabwright/status", self._status)
        app.router.add_post("/tabwright/shutdown", self._die)
        app.router.add_get("/recorded", self._recorded)
        app.router.add_post("/script", self._script)
        app.router.add_post("/die", self._die)
        return app

    async def wait_for(
        self, count: int, outcome: str = "", timeout: float = 5.0, lane: str = "", prompt: str = ""
    ) -> None:
        """Wait until so many requests were recorded, or so many have ended with ``outcome``.

        Only those of a lane, where one is named, and with a text in their prompt.
        """

        def counts(record: dict[str, Any]) -> bool:
            body = record["body"]
            ours = lane in ("", body.get("lane")) and prompt in str(body.get("prompt", ""))
            return ours and outcome in ("", record["outcome"])

        def reached() -> bool:
            return sum(1 for record in self.recorded if counts(record)) >= count

        async with asyncio.timeout(timeout), self.changed:
            await self.changed.wait_for(reached)

    async def _mark(self, record: dict[str, Any], outcome: str) -> None:
        record["outcome"] = outcome
        record["ended"] = time.monotonic()
        async with self.changed:
            self.changed.notify_all()

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        record: dict[str, Any] = {
            "path": request.path, "body": body, "outcome": "running", "sent": 0,
            "headers": dict(request.headers), "started": time.monotonic(), "ended": None,
            "connection": id(request.transport),
        }  # fmt: skip
        self.recorded.append(record)
        await self._mark(record, "running")
        prompt = str(body.get("prompt", ""))
        rule = self.script.rule_for(prompt, str(body.get("lane", "")))
        superseded = asyncio.Event()
        if body.get("lane") == "newest" and body.get("session"):
            self._newest.get(body["session"], asyncio.Event()).set()
            self._newest[body["session"]] = superseded
        try:
            response = await self._answer(request, body, rule, record, superseded)
        except (asyncio.CancelledError, ConnectionResetError):
            if record["outcome"] == "running":
                await self._mark(record, "disconnected")
            raise
        if record["outcome"] == "running":
            await self._mark(record, "superseded" if superseded.is_set() else "done")
        return response

    async def _answer(
        self, request: web.Request, body: Mapping[str, Any], rule: Rule,
        record: dict[str, Any], superseded: asyncio.Event,
    ) -> web.StreamResponse:  # fmt: skip
        async def pause(ms: float) -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(superseded.wait(), ms / 1000)

        if rule.first_delay_ms:
            await pause(rule.first_delay_ms)
        if rule.raw is not None:
            return web.Response(status=rule.status, text=rule.raw)
        if rule.error and rule.error_after < 0:
            return failure(**rule.error)
        stream = bool(body.get("stream"))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        if stream:
            await response.prepare(request)
        model = str(body.get("model", ""))

        async def send(data: object) -> None:
            if stream:
                text = data if isinstance(data, str) else json.dumps(data)
                await response.write(f"data: {text}\n\n".encode())

        choices = []
        for index in range(int(body.get("n") or 1)):
            text, finish, reason = planned(rule, body, str(body.get("prompt", "")), index)
            sent = ""
            for token in [*tokens(text), ""]:
                if record["sent"] in rule.trips and await self._trip(request, rule, record, send):
                    return response
                if rule.delay_ms and token:
                    await pause(rule.delay_ms)
                if superseded.is_set():
                    finish, reason = "cancelled", "superseded"
                    break
                sent += token
                if token:
                    choice = {"index": index, "text": token, "finish_reason": None}
                    await send(chunk(model, [choice]))
                    record["sent"] += 1
            last = {"index": index, "text": "", "finish_reason": finish, "stop_reason": reason}
            await send(chunk(model, [last]))
            choices.append({**last, "text": sent})
        usage = {
            "prompt_tokens": len(tokens(str(body.get("prompt", "")))),
            "completion_tokens": record["sent"], "reused_tokens": 0, "computed_tokens": 0,
            "queue_ms": 0.0, "prefill_ms": 0.0, "decode_ms": 0.0, **rule.usage,
        }  # fmt: skip
        if not stream:
            return web.json_response({**chunk(model, choices), "usage": usage})
        await send({**chunk(model, []), "usage": usage})
        await send("[DONE]")
        await response.write_eof()
        return response

    async def _trip(
        self, request: web.Request, rule: Rule, record: dict[str, Any], send: Send
    ) -> bool:
        if record["sent"] == rule.hang_after:
            record["hangs"] = True
            await asyncio.sleep(3600)
        if record["sent"] == rule.error_after:
            await send({"error": {"type": "tabwright", "code": "internal", **rule.error}})
            await self._mark(record, "error")
            return True
        if record["sent"] == rule.die_after:
            self.on_die()
        await self._mark(record, "dropped")
        if request.transport is not None:
            request.transport.abort()
        return True

    async def _models(self, request: web.Request) -> web.Response:
        names = list(self.script.models) or ["scripted"]
        data = [{"id": name, "object": "model"} for name in names]
        return web.json_response({"object": "list", "data": data})

    async def _model(self, request: web.Request) -> web.Response:
        name = request.query.get("name", "")
        if self.script.models and name not in self.script.models:
            message = f"model {name} is not here; run: tabwright models pull {name}"
            return failure(404, "model_missing", message)
        found = {
            "id": name, "context_length": 32768, "special_tokens": list(QWEN_TOKENS),
            "state": "ready", "precision": "float32", "device": "cpu",
            **self.script.models.get(name, {}),
        }  # fmt: skip
        return web.json_response(found)

    async def _status(self, request: web.Request) -> web.Response:
        served = sum(1 for record in self.recorded if record["outcome"] == "done")
        running = [each for each in self.recorded if each["outcome"] == "running"]
        queued = sum(1 for record in running if not record.get("hangs"))
        found = {
            "version": "scripted", "pid": os.getpid(), "models": [], "active": 0, "queued": queued,
            "uptime_s": time.monotonic() - self._started, "requests_served": served,
            "tokens_computed": 0, "idle_exit_s": 0, **self.script.status,
        }  # fmt: skip
        return web.json_response(found)

    async def _recorded(self, request: web.Request) -> web.Response:
        return web.json_response({"requests": self.recorded})

    async def _script(self, request: web.Request) -> web.Response:
        self.script = Script.parse(await request.json())
        return web.json_response({})

    async def _die(self, request: web.Request) -> web.Response:
        asyncio.get_running_loop().call_later(0.01, self.on_die)
        return web.json_response({})


def chunk(model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "cmpl-1", "object": "text_completion", "model": model, "choices": choices}


def failure(status: int = 500, code: str = "internal", message: str = "scripted") -> web.Response:
    body = {"error": {"message": message, "type": "tabwright", "code": code}}
    return web.json_response(body, status=status)


@contextlib.asynccontextmanager
async def running(
    script: Mapping[str, Any], *, socket: Path | None = None, tcp: bool = False, token: str = ""
) -> AsyncIterator[ScriptedEngine]:
    """Serve a script inside the test, on a Unix socket or (``tcp``) on a free loopback port."""
    engine = ScriptedEngine(script, token=token)
    runner = web.AppRunner(engine.app(), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    with tempfile.TemporaryDirectory(prefix="se-") as folder:
        engine.socket = socket or Path(folder) / "e.sock"
        site: web.BaseSite = web.UnixSite(runner, str(engine.socket))
        if tcp:
            site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        engine.port = runner.addresses[0][1] if tcp else 0
        stopping: list[asyncio.Task[None]] = []
        engine.on_die = lambda: stopping.append(asyncio.ensure_future(site.stop()))
        try:
            yield engine
        finally:
            await asyncio.gather(*stopping)
            await runner.cleanup()


def main() -> int:
    """Serve until killed; a second one on the same socket exits 0, as the real engine does."""
    from filelock import FileLock, Timeout

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=Path, help="default: where the server looks for it")
    parser.add_argument("--script", type=Path)
    parser.add_argument("--tcp", metavar="HOST:PORT")
    parser.add_argument("--token", default="")
    for ignored in ("--idle-exit", "--threads", "--precision", "--device"):
        parser.add_argument(ignored)
    args = parser.parse_args()
    script = json.loads(args.script.read_text("utf-8")) if args.script else {}
    if args.socket is None and not args.tcp:
        from tabwright import paths

        args.socket = paths.engine_socket()
    with contextlib.ExitStack() as held:
        if args.socket:
            try:
                held.enter_context(FileLock(f"{args.socket}.lock").acquire(timeout=0))
            except Timeout:
                sys.stderr.write("another scripted engine serves this socket\n")
                return 0
            args.socket.unlink(missing_ok=True)
            from tabwright import engine_pid

            engine_pid.write()
        asyncio.run(_serve(ScriptedEngine(script, token=args.token), args.socket, args.tcp))
    return 0


async def _serve(engine: ScriptedEngine, socket: Path | None, tcp: str | None) -> None:
    engine.on_die = lambda: os._exit(9)
    runner = web.AppRunner(engine.app(), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    if socket:
        await web.UnixSite(runner, str(socket)).start()
    if tcp:
        host, _, port = tcp.rpartition(":")
        await web.TCPSite(runner, host, int(port)).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
