"""The completions API over a real loopback connection and a tiny model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientConnectionResetError, ClientSession, web

from tabwright.engine.backends import Backend, BackendOptions
from tabwright.engine.backends.torch.model import TorchModel
from tabwright.engine.http import api, bodies
from tabwright.engine.http.access import Access
from tabwright.engine.http.api import Api
from tabwright.engine.http.connections import ConnectionLimits
from tabwright.engine.registry import Registry
from tabwright.engine.worker import Worker


@pytest_asyncio.fixture
async def address(tiny_qwen2: Path, qwen2: TorchModel) -> AsyncIterator[str]:
    def loader(folder: Path, options: BackendOptions) -> Backend:
        return qwen2

    registry = Registry(BackendOptions(), loader)
    worker = Worker(registry)
    worker.start()
    served = Api(
        registry,
        worker,
        default_model=str(tiny_qwen2),
        access=Access("secret"),
        limits=ConnectionLimits(),
    )
    runner = web.AppRunner(served.app(), handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()
    await asyncio.to_thread(worker.stop)


@pytest_asyncio.fixture
async def client(address: str) -> AsyncIterator[ClientSession]:
    headers = {"Authorization": "Bearer secret"}
    async with ClientSession(address, headers=headers) as session:
        yield session


async def ask(client: ClientSession, body: object) -> tuple[int, Any]:
    async with client.post("/v1/completions", json=body) as response:
        return response.status, await response.json()


async def test_an_answer_with_its_usage(client: ClientSession) -> None:
    status, body = await ask(client, {"prompt": "x = 1\n", "max_tokens": 4})
    assert status == 200
    assert body["object"] == "text_completion"
    assert body["choices"][0]["finish_reason"] in ("stop", "length")
    assert body["usage"]["computed_tokens"] == body["usage"]["prompt_tokens"] > 0


async def test_streamed_pieces_make_the_whole_answer(client: ClientSession) -> None:
    question = {"prompt": "x = 1\n", "max_tokens": 8, "n": 2}
    _, whole = await ask(client, question)
    texts = ["", ""]
    usage = None
    async with client.post("/v1/completions", json=question | {"stream": True}) as response:
        assert response.content_type == "text/event-stream"
        async for line in response.content:
            data = line.decode().removeprefix("data: ").strip()
            if not data or data == "[DONE]":
                continue
            chunk = json.loads(data)
            for choice in chunk["choices"]:
                texts[choice["index"]] += choice["text"]
            usage = chunk.get("usage", usage)
    assert texts == [choice["text"] for choice in whole["choices"]]
    assert usage is not None and usage["completion_tokens"] > 0


BAD_BODIES = [
    ("not an object", [1], "bad_request", 400),
    ("wrong type", {"prompt": 5}, "bad_request", 400),
    ("too many", {"prompt": "x", "max_tokens": 10**9}, "bad_request", 400),
    ("a boolean number", {"prompt": "x", "max_tokens": True}, "bad_request", 400),
    ("wrong lane", {"prompt": "x", "lane": "fast"}, "bad_request", 400),
    ("wrong parts", {"parts": [{"text": 1}]}, "bad_request", 400),
    ("unknown token", {"parts": [{"token": "<|nonsense|>"}]}, "bad_request", 400),
    ("wrong prediction", {"prompt": "x", "prediction": "text"}, "bad_request", 400),
    ("wrong content", {"prompt": "x", "prediction": {"content": [1]}}, "bad_request", 400),
    ("wrong lookup", {"prompt": "x", "lookup": 1}, "bad_request", 400),
    ("unknown model", {"prompt": "x", "model": "no/where"}, "model_missing", 404),
    ("endless prompt", {"prompt": "x " * 9000}, "prompt_too_long", 400),
]


@pytest.mark.parametrize(("name", "body", "code", "status"), BAD_BODIES)
async def test_bad_requests_say_why(
    client: ClientSession, name: str, body: object, code: str, status: int
) -> None:
    found, answer = await ask(client, body)
    assert (found, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"]
    assert (await ask(client, {"prompt": "x", "max_tokens": 1}))[0] == 200


async def test_broken_json_is_a_bad_request(client: ClientSession) -> None:
    async with client.post("/v1/completions", data=b"{") as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "bad_request"


async def test_a_wrong_token_is_refused(address: str) -> None:
    async with ClientSession(address) as session, session.get("/tabwright/status") as response:
        assert response.status == 401


async def test_disconnecting_cancels_the_request(client: ClientSession) -> None:
    question = {"prompt": "x = 1\n", "max_tokens": 480, "stream": True}
    async with client.post("/v1/completions", json=question) as response:
        await response.content.readline()
        response.close()
    for _ in range(100):
        async with client.get("/tabwright/status") as status:
            if not (await status.json())["queued"]:
                return
        await asyncio.sleep(0.01)
    pytest.fail("the engine still computes for a client that hung up")


async def test_a_disconnected_client_is_no_error(
    client: ClientSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be heard of by the next piece, before the request is cancelled."""
    really = api._send
    sent = 0

    async def until_the_second(response: web.StreamResponse, body: dict[str, Any]) -> None:
        nonlocal sent
        sent += 1
        if sent == 2:
            raise ClientConnectionResetError("Cannot write to closing transport")
        await really(response, body)

    monkeypatch.setattr(api, "_send", until_the_second)
    question = {"prompt": "x = 1\n", "max_tokens": 480, "stream": True}
    async with client.post("/v1/completions", json=question) as response:
        await response.content.readline()
        async with asyncio.timeout(10):
            while sent < 2 or (await _status(client))["queued"]:
                await asyncio.sleep(0.01)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_prediction_changes_only_the_usage(client: ClientSession) -> None:
    question = {"prompt": "x = 1\n", "max_tokens": 40, "lookup": False}
    _, plain = await ask(client, question)
    text = plain["choices"][0]["text"]
    halves = [{"type": "text", "text": text[:9]}, {"type": "text", "text": text[9:]}]
    for content in (text, halves):
        prediction = {"type": "content", "content": content}
        _, drafted = await ask(client, question | {"prediction": prediction})
        assert drafted["choices"] == plain["choices"]
        assert drafted["usage"]["drafted_tokens"] > plain["usage"]["drafted_tokens"] == 0
        assert drafted["usage"]["accepted_tokens"] <= drafted["usage"]["drafted_tokens"]


async def test_disconnecting_after_the_first_answer_skips_the_others(
    client: ClientSession,
) -> None:
    question = {"prompt": "x = 1\n", "max_tokens": 60, "n": 16, "temperature": 1.0}
    _, whole = await ask(client, question)
    before = (await _status(client))["tokens_computed"]
    async with client.post("/v1/completions", json=question | {"stream": True}) as response:
        async for line in response.content:
            data = line.decode().removeprefix("data: ").strip()
            if data and json.loads(data)["choices"][0]["finish_reason"]:
                break
        response.close()
    async with asyncio.timeout(10):
        while (status := await _status(client))["queued"]:
            await asyncio.sleep(0.01)
    assert status["tokens_computed"] - before < whole["usage"]["completion_tokens"] / 2
    assert (await ask(client, {"prompt": "x = 1\n", "max_tokens": 4}))[0] == 200


async def _status(client: ClientSession) -> dict[str, Any]:
    async with client.get("/tabwright/status") as response:
        found: dict[str, Any] = await response.json()
    return found


LOOKUPS: list[tuple[dict[str, object], bool]] = [
    ({}, False),
    ({"max_tokens": 64}, False),
    ({"max_tokens": 65}, True),
    ({"max_tokens": 65, "lane": "newest"}, False),
    ({"prediction": {"type": "content", "content": "x"}, "lane": "newest"}, True),
    ({"prediction": {"type": "content", "content": ""}}, False),
    ({"max_tokens": 65, "lookup": False}, False),
    ({"lookup": True, "lane": "newest"}, True),
]


@pytest.mark.parametrize(("body", "lookup"), LOOKUPS)
def test_when_the_prompt_gives_drafts(body: dict[str, object], lookup: bool) -> None:
    assert (
        bodies.parse({"prompt": "x", **body}, "m").to_generation(lambda text: ()).lookup == lookup
    )


async def test_a_model_is_described_without_loading_it(client: ClientSession) -> None:
    async with client.get("/tabwright/model") as response:
        body = await response.json()
    assert "<|fim_middle|>" in body["special_tokens"]
    assert body["context_length"] > 0
    assert body["state"] == "unloaded"
