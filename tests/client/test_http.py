from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

import pytest
from support import scripted_engine

from tabwright.client.engine import EngineError, EngineUnavailable, ModelNotFound, Request
from tabwright.client.http import Disconnected, Link, NotConnected, Target, own_body, standard_body
from tabwright.client.stream import StreamedAnswer, events, parse_object

Ask = Callable[..., Request]
Linked = Callable[..., AbstractAsyncContextManager[tuple[Link, scripted_engine.ScriptedEngine]]]


def test_importing_the_client_leaves_aiohttp_alone() -> None:
    code = (
        "import sys, tabwright.client.local.engine, tabwright.client.remote.engine;"
        "import tabwright.app.completion.answer_cache;"
        "assert 'aiohttp' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_streams_text_as_it_comes(linked: Linked, ask: Ask) -> None:
    seen: list[tuple[int, str]] = []
    usage = {"prompt_tokens": 7, "reused_tokens": 5, "computed_tokens": 2, "decode_ms": 1.5}
    async with linked({"match": "add", "text": "a + b", "usage": usage}) as (link, _):
        answer = await link.complete(own_body(ask()), lambda *piece: seen.append(piece))
    assert seen == [(0, "a"), (0, " +"), (0, " b")]
    assert (answer.texts, answer.finish) == (("a + b",), ("stop",))
    assert (answer.usage.prompt_tokens, answer.usage.reused_tokens) == (7, 5)
    assert (answer.usage.computed_tokens, answer.usage.completion_tokens) == (2, 3)
    assert answer.usage.decode_ms == 1.5


async def test_candidates_keep_their_order(linked: Linked, ask: Ask) -> None:
    async with linked({"text": ["one", "two two", "three"]}) as (link, _):
        answer = await link.complete(own_body(ask(n=3)))
    assert answer.texts == ("one", "two two", "three")
    assert answer.finish == ("stop", "stop", "stop")


async def test_our_engine_gets_exact_parts(linked: Linked, ask: Ask) -> None:
    request = ask("x = ", stop=("\n",), suffix_stop="y", session="s", lane="actions", heal=False)
    async with linked({"text": "1"}) as (link, engine):
        await link.complete(own_body(request))
    body = engine.recorded[0]["body"]
    assert body["parts"] == [
        {"token": "<|fim_suffix|>"},
        {"text": "\n"},
        {"token": "<|fim_middle|>"},
        {"text": "x = "},
    ]
    assert (body["heal"], body["suffix_stop"], body["lane"]) == (False, "y", "actions")
    assert (body["stop"], body["session"], body["stream"]) == (["\n"], "s", True)


async def test_our_engine_gets_the_prediction_as_openai_spells_it(linked: Linked, ask: Ask) -> None:
    usage = {"drafted_tokens": 16, "accepted_tokens": 9}
    async with linked({"text": "1", "usage": usage}) as (link, engine):
        answer = await link.complete(own_body(ask(prediction="x = 2\n")))
        await link.complete(own_body(ask()))
    bodies = [record["body"] for record in engine.recorded]
    assert bodies[0]["prediction"] == {"type": "content", "content": "x = 2\n"}
    assert "prediction" not in bodies[1]
    assert (answer.usage.drafted_tokens, answer.usage.accepted_tokens) == (16, 9)
    assert "prediction" not in standard_body(ask(prediction="x = 2\n"))


async def test_a_listener_may_leave_after_the_first_candidate(linked: Linked, ask: Ask) -> None:
    seen: list[str] = []

    class AllEnded(Exception):
        pass

    def stop(index: int, text: str) -> None:
        if index:
            raise AllEnded
        seen.append(text)

    async with linked({"text": ["one two", "three four five"], "delay_ms": 5}) as (link, engine):
        with pytest.raises(AllEnded):
            await link.complete(own_body(ask(n=2)), stop)
        await engine.wait_for(1, "disconnected")
    assert "".join(seen) == "one two"


def test_standard_body_has_standard_fields_alone(ask: Ask) -> None:
    body = standard_body(ask("x = ", stop=("\n",), n=2))
    assert set(body) == {"model", "prompt", "max_tokens", "temperature", "stream", "stop", "n"}
    assert body["prompt"] == "<|fim_suffix|>\n<|fim_middle|>x = "


def test_a_seed_is_sent_where_chance_comes_in(ask: Ask) -> None:
    assert standard_body(ask(temperature=0.5, seed=3))["seed"] == 3
    assert "seed" not in standard_body(ask(seed=3))


@pytest.mark.timing
async def test_cancelling_closes_the_connection_at_once(linked: Linked, ask: Ask) -> None:
    begun = asyncio.Event()
    async with linked({"text": "a b c d", "hang_after": 2}) as (link, engine):
        task = asyncio.create_task(link.complete(own_body(ask()), lambda *_: begun.set()))
        await begun.wait()
        at = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await engine.wait_for(1, "disconnected")
        assert engine.recorded[0]["ended"] - at < 0.05


@pytest.mark.timing
async def test_cancelling_before_the_first_byte_closes_it_too(linked: Linked, ask: Ask) -> None:
    async with linked({"first_delay_ms": 30_000}) as (link, engine):
        task = asyncio.create_task(link.complete(own_body(ask())))
        await engine.wait_for(1)
        at = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await engine.wait_for(1, "disconnected")
        assert engine.recorded[0]["ended"] - at < 0.05


async def test_a_listener_that_has_enough_closes_the_connection(linked: Linked, ask: Ask) -> None:
    class AllEnded(Exception):
        pass

    def stop(index: int, text: str) -> None:
        raise AllEnded

    async with linked({"text": "a b", "hang_after": 1}) as (link, engine):
        with pytest.raises(AllEnded):
            await link.complete(own_body(ask()), stop)
        await engine.wait_for(1, "disconnected")


@pytest.mark.parametrize(
    ("rule", "kind", "says"),
    [
        (
            {"error": {"status": 404, "code": "model_missing", "message": "run: pull m"}},
            ModelNotFound,
            "run: pull m",
        ),
        (
            {"error": {"status": 404, "code": "x", "message": "The model `m` does not exist."}},
            ModelNotFound,
            "does not exist",
        ),
        ({"raw": "404 page not found", "status": 404}, EngineError, "no completions there"),
        (
            {"error": {"status": 400, "code": "prompt_too_long", "message": "too long"}},
            EngineError,
            "too long",
        ),
        ({"error": {"status": 401, "code": "unauthorized", "message": "no"}}, EngineError, "key"),
        (
            {"error": {"status": 503, "code": "x", "message": "Loading model"}},
            EngineUnavailable,
            "not ready",
        ),
        ({"raw": "<html>oh", "status": 500}, EngineError, "<html>oh"),
        ({"raw": '{"error": "model m not found"}', "status": 404}, ModelNotFound, "m not found"),
        ({"raw": "not json"}, EngineError, "not JSON"),
        ({"raw": "[1]"}, EngineError, "not an object"),
        ({"raw": "{}"}, Disconnected, "before the answer was whole"),
        ({"raw": "", "status": 307}, EngineError, "points elsewhere"),
        (
            {"text": "a b", "error": {"message": "broke"}, "error_after": 1},
            EngineError,
            "broke",
        ),
        (
            {
                "text": "a b",
                "error": {"message": "gone", "code": "model_missing"},
                "error_after": 1,
            },
            ModelNotFound,
            "gone",
        ),
        ({"text": "a b", "drop_after": 1}, Disconnected, "the engine"),
        ({"text": "a b", "drop_after": 0}, Disconnected, "the engine"),
    ],
)
async def test_each_failure_has_its_exception(
    linked: Linked, ask: Ask, rule: dict[str, object], kind: type[EngineError], says: str
) -> None:
    async with linked(rule) as (link, _):
        with pytest.raises(kind, match=says) as caught:
            await link.complete(own_body(ask()))
        assert type(caught.value) is kind
        # And the link goes on to serve.
        assert (await link.get("/tabwright/status"))["version"] == "scripted"


async def test_an_engine_that_does_not_listen(ask: Ask) -> None:
    link = Link(Target("the engine", socket="/nonexistent/e.sock"))
    with pytest.raises(NotConnected, match="cannot be reached"):
        await link.complete(own_body(ask()))
    await link.aclose()


async def test_the_total_limit(linked: Linked, ask: Ask) -> None:
    async with linked({"hang_after": 0}, total_s=0.1) as (link, engine):
        with pytest.raises(EngineUnavailable, match=r"within 0\.1 s"):
            await link.complete(own_body(ask()))
        await engine.wait_for(1, "disconnected")


async def test_one_connection_serves_many_requests(linked: Linked, ask: Ask) -> None:
    async with linked({"text": "a"}) as (link, engine):
        for _ in range(3):
            await link.complete(own_body(ask()))
    assert len({record["connection"] for record in engine.recorded}) == 1


async def test_secrets_are_taken_out_of_messages(ask: Ask, linked: Linked) -> None:
    rule = {"error": {"status": 401, "code": "x", "message": "bad key sk-123"}}
    async with linked(rule) as (link, _):
        link._scrub = lambda text: text.replace("sk-123", "…")
        with pytest.raises(EngineError, match="bad key …"):
            await link.complete(own_body(ask()))


async def _bytes(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((b"data: a\n\nda", b"ta: b\n", b"\n"), ["a", "b"]),
        ((b"data:a\r\n\r\n: a comment\r\nevent: x\r\ndata: b\r\n\r\n",), ["a", "b"]),
        ((b"data: a\ndata: b\n\n",), ["a\nb"]),
        ((b"data: no end",), []),
        ((b"data: no blank line\n",), ["no blank line"]),
        ((b"\n\n\n",), []),
        (("data: é\n\n".encode()[:7], "data: é\n\n".encode()[7:]), ["é"]),
        ((b"data: \xff\n\n",), ["�"]),
    ],
)
async def test_events(pieces: tuple[bytes, ...], expected: list[str]) -> None:
    assert [event async for event in events(_bytes(*pieces))] == expected


def test_cost_as_llama_server_and_vllm_tell_it() -> None:
    gathered = StreamedAnswer()
    choice = {"index": 0, "text": "x", "finish_reason": "length"}
    timings = {"cache_n": 10, "prompt_n": 2, "prompt_ms": 3.5, "predicted_ms": 4.5}
    gathered.add({"choices": [choice], "timings": timings}, _no_error)
    usage = gathered.answer().usage
    assert (usage.reused_tokens, usage.computed_tokens) == (10, 2)
    assert (usage.prefill_ms, usage.decode_ms) == (3.5, 4.5)
    vllm = {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": None}
    gathered.add({"choices": [], "usage": vllm}, _no_error)
    vllm["prompt_tokens_details"] = {"cached_tokens": 4}  # type: ignore[assignment]
    gathered.add({"choices": [], "usage": vllm}, _no_error)
    usage = gathered.answer().usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.reused_tokens) == (5, 1, 4)


@pytest.mark.parametrize("chunk", [{"choices": None}, {"choices": [{}]}, {}, {"usage": "x"}])
def test_odd_chunks_do_no_harm(chunk: dict[str, object]) -> None:
    gathered = StreamedAnswer()
    gathered.add(chunk, _no_error)
    assert not gathered.whole


def test_parse_object_wants_an_object() -> None:
    assert parse_object(json.dumps({"a": 1})) == {"a": 1}
    with pytest.raises(EngineError):
        parse_object("1")


def _no_error(error: object) -> NoReturn:
    pytest.fail(f"an error: {error}")
