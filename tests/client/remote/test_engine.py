from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from support import scripted_engine
from support.scripted_engine import ScriptedEngine

from tabwright.client.engine import EngineError, EngineUnavailable, ModelNotFound, Request
from tabwright.client.remote.engine import RemoteEngine, RemoteOptions

Ask = Callable[..., Request]


def allowed() -> None:
    """Allow every address."""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def remote(
    *rules: dict[str, Any],
    models: tuple[str, ...] = ("qwen2.5-coder-0.5b",),
    token: str = "",
    clock: Callable[[], float] = time.monotonic,
    **options: Any,
) -> AsyncIterator[tuple[RemoteEngine, ScriptedEngine]]:
    script = {"rules": list(rules), "models": {name: {} for name in models}}
    async with scripted_engine.running(script, tcp=True, token=token) as served:
        chosen = RemoteOptions(f"http://127.0.0.1:{served.port}/v1/", **options)
        engine = RemoteEngine(chosen, refusal=allowed, clock=clock)
        try:
            yield engine, served
        finally:
            await engine.aclose()


async def test_standard_fields_alone(ask: Ask) -> None:
    request = ask(stop=("a", "b", "c", "d", "e"), session="s", suffix_stop="x")
    async with remote({"text": " 1"}) as (engine, served):
        answer = await engine.generate(request)
    assert answer.texts == ("1",)
    body = served.recorded[0]["body"]
    assert set(body) == {
        *("model", "prompt", "max_tokens", "temperature", "stream", "stop", "stream_options"),
    }
    assert body["stop"] == ["a", "b", "c", "d"], "no more than OpenAI's API takes"
    assert body["model"] == "qwen2.5-coder-0.5b"


@pytest.mark.parametrize(
    ("options", "models", "name", "family"),
    [
        ({}, ("qwen2.5-coder-0.5b", "x"), "qwen2.5-coder-0.5b", "qwen2.5-coder"),
        ({"model": "starcoder2-3b"}, ("a", "starcoder2-3b"), "starcoder2-3b", "starcoder2"),
        ({"model": "mine", "template": "qwen2.5-coder"}, ("mine",), "mine", "qwen2.5-coder"),
    ],
)
async def test_model_and_family(
    options: dict[str, Any], models: tuple[str, ...], name: str, family: str
) -> None:
    async with remote(models=models, **options) as (engine, _):
        info = await engine.model_info("whatever")
    assert (info.name, info.family.name) == (name, family)


async def test_an_unknown_model_gets_the_prefix_alone() -> None:
    async with remote(models=("who-knows",)) as (engine, _):
        assert not (await engine.model_info("")).family.infills


async def test_the_key_comes_from_the_environment(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("MY_KEY", "sk-very-secret\n")
    options: dict[str, Any] = {"token": "sk-very-secret", "key_environment": "MY_KEY"}
    async with remote({"text": " 1"}, **options) as (engine, _):
        assert (await engine.generate(ask())).texts == ("1",)
        assert "sk-very-secret" not in repr(engine._options)
    rule = {"error": {"status": 401, "code": "x", "message": "wrong key: sk-very-secret"}}
    async with remote(rule, **options) as (engine, _):
        with pytest.raises(EngineError, match="wrong key: …"):
            await engine.generate(ask())
    monkeypatch.delenv("MY_KEY")
    async with remote(**options) as (engine, _):
        with pytest.raises(EngineError, match=r"MY_KEY, which tabwright\.remote\.keyEnvironment"):
            await engine.generate(ask())
    monkeypatch.setenv("MY_KEY", "a\r\nX-Evil: 1")
    async with remote(**options) as (engine, _):
        with pytest.raises(EngineError, match="MY_KEY is not plain ASCII"):
            await engine.generate(ask())
    assert "sk-very-secret" not in caplog.text


@pytest.mark.parametrize(
    "url", ["", "localhost:8080", "ftp://x", "file:///etc/passwd", "http://", "http://x:99999999"]
)
async def test_bad_addresses(url: str, ask: Ask) -> None:
    engine = RemoteEngine(RemoteOptions(url), refusal=allowed)
    for asked in (engine.generate(ask()), engine.model_info("m"), engine.status()):
        with pytest.raises(EngineError, match="must be an http or https address"):
            await asked


async def test_a_password_in_the_address_is_refused_and_not_shown(ask: Ask) -> None:
    engine = RemoteEngine(RemoteOptions("http://me:hunter2@localhost:1"), refusal=allowed)
    with pytest.raises(EngineError, match="holds a password") as caught:
        await engine.generate(ask())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "answered", "expected"),
    [
        ("x = val", " value + 1", "ue + 1"),
        ("x = val", " other", ""),
        ("return ", " x", "x"),
        ("return ", "x", ""),
        ("f(", "x)", "x)"),
    ],
)
async def test_healing(ask: Ask, text: str, answered: str, expected: str) -> None:
    seen: list[str] = []
    async with remote({"text": answered, "verbatim": True}) as (engine, served):
        answer = await engine.generate(ask(text), lambda _, piece: seen.append(piece))
        assert answer.texts == ("".join(seen),) == (expected,)
        unhealed = await engine.generate(ask(text, heal=False))
        assert unhealed.texts == (answered,)
    assert text.startswith(served.recorded[0]["body"]["prompt"].rpartition("|>")[2])
    assert served.recorded[1]["body"]["prompt"].endswith(text)


async def test_an_answer_ends_where_it_repeats_the_suffix(ask: Ask) -> None:
    rule = {"text": "total += x\n    return total\n\ndef next():", "hang_after": 9}
    request = ask("for x in y:\n", suffix_stop="    return total\n")
    async with remote({**rule, "verbatim": True}) as (engine, served):
        answer = await asyncio.wait_for(engine.generate(request), 5)
        assert answer.texts == ("total += x\n",) and answer.finish == ("stop",)
        await served.wait_for(1, "disconnected")


async def test_stops_are_looked_for_here_too(ask: Ask) -> None:
    async with remote({"text": "a b\nc", "verbatim": True}) as (engine, _):
        answer = await engine.generate(ask("x(", stop=("p", "q", "r", "s", "\n")))
    assert answer.texts == ("a b",)


async def test_several_candidates(ask: Ask) -> None:
    rule = {"text": [" value", " other", " val"], "verbatim": True}
    async with remote(rule) as (engine, served):
        answer = await engine.generate(ask("x = val", n=3, temperature=0.5))
    assert answer.texts == ("ue", "", "") and len(answer.finish) == 3
    assert served.recorded[0]["body"]["n"] == 3


async def test_greedy_candidates_would_all_be_the_same(ask: Ask) -> None:
    async with remote({"text": "a"}) as (engine, served):
        assert (await engine.generate(ask("f(", n=3))).texts == ("a",)
    assert "n" not in served.recorded[0]["body"]


async def test_several_candidates_from_an_engine_that_gives_one_at_a_time(ask: Ask) -> None:
    refuse = {"error": {"status": 400, "code": 400, "message": "n must be 1"}, "times": 1}
    rules: list[dict[str, Any]] = [
        refuse,
        {"text": "a", "times": 1},
        {"text": "b", "times": 1},
        {"text": "c"},
    ]
    seen: list[tuple[int, str]] = []
    async with remote(*rules) as (engine, served):
        request = ask("f(", n=2, temperature=0.5)
        answer = await engine.generate(request, lambda *piece: seen.append(piece))
        assert answer.texts == ("a", "b") and seen == [(0, "a"), (1, "b")]
        assert answer.usage.completion_tokens == 2
        assert (await engine.generate(ask("f(", n=2))).texts == ("c",)
    bodies = [record["body"] for record in served.recorded]
    assert [body.get("n") for body in bodies] == [2, None, None, None]
    assert [body.get("seed") for body in bodies] == [0, 0, 1, None]


async def test_an_error_of_its_own_is_not_taken_for_a_refusal_of_candidates(ask: Ask) -> None:
    bad = {"error": {"status": 400, "code": "x", "message": "too long"}}
    async with remote(bad) as (engine, served):
        for _ in range(2):
            with pytest.raises(EngineError, match="too long"):
                await engine.generate(ask("f(", n=2, temperature=0.5))
    assert [record["body"].get("n") for record in served.recorded] == [2, None, 2, None]


async def test_warming_up_asks_for_one_token_and_gives_none(ask: Ask) -> None:
    async with remote({"text": "a b"}) as (engine, served):
        assert (await engine.generate(ask(max_tokens=0))).texts == ("",)
    assert served.recorded[0]["body"]["max_tokens"] == 1


async def test_the_newest_request_of_a_lane_ends_the_older(ask: Ask) -> None:
    async with remote({"match": "slow", "hang_after": 0}, {"text": "x"}) as (engine, served):
        older = asyncio.create_task(engine.generate(ask("slow(")))
        await served.wait_for(1)
        newer = await engine.generate(ask("f("))
        assert newer.texts == ("x",)
        assert (await older).finish == ("cancelled",)
        await served.wait_for(1, "disconnected")


async def test_lanes_do_not_end_each_other_and_actions_take_turns(ask: Ask) -> None:
    rule = {"text": "x", "first_delay_ms": 100}
    async with remote(rule) as (engine, served):
        asked = [engine.generate(ask("f(", lane=lane)) for lane in ("newest", "actions", "actions")]
        answers = await asyncio.gather(*asked)
    assert [answer.texts for answer in answers] == [("x",)] * 3
    first, second = served.recorded[-2:]
    starts = sorted(record["started"] for record in served.recorded)
    assert first["ended"] <= second["started"] == starts[-1]


@pytest.mark.timing
async def test_cancelling_closes_the_connection_at_once(ask: Ask) -> None:
    async with remote({"text": "a", "hang_after": 0}) as (engine, served):
        task = asyncio.create_task(engine.generate(ask()))
        await served.wait_for(1)
        at = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await served.wait_for(1, "disconnected")
        assert served.recorded[0]["ended"] - at < 0.05


async def test_a_listener_that_has_enough(ask: Ask) -> None:
    class AllEnded(Exception):
        pass

    def stop(index: int, text: str) -> None:
        raise AllEnded

    async with remote({"text": "a b", "hang_after": 1}) as (engine, served):
        with pytest.raises(AllEnded):
            await engine.generate(ask("f("), stop)
        await served.wait_for(1, "disconnected")


async def test_one_retry_before_anything_came(ask: Ask) -> None:
    async with remote({"drop_after": 0, "times": 1}, {"text": "x"}) as (engine, served):
        assert (await engine.generate(ask("f("))).texts == ("x",)
        assert len(served.recorded) == 2
    async with remote({"drop_after": 0}) as (engine, served):
        with pytest.raises(EngineUnavailable):
            await engine.generate(ask())
        assert len(served.recorded) == 2, "one retry, not more"
    async with remote({"text": "a b c", "drop_after": 1}) as (engine, served):
        with pytest.raises(EngineUnavailable):
            await engine.generate(ask("f("))
        assert len(served.recorded) == 1, "none once text has come"


async def test_failures_do_not_pile_up(ask: Ask) -> None:
    clock = Clock()
    busy = {"error": {"status": 503, "code": "x", "message": "Loading model"}, "times": 4}
    async with remote(busy, {"text": "x"}, clock=clock) as (engine, served):
        for _ in range(3):
            with pytest.raises(EngineUnavailable, match="Loading model"):
                await engine.generate(ask("f("))
        for _ in range(20):
            with pytest.raises(EngineUnavailable, match="asked again in 5 s"):
                await engine.generate(ask("f("))
        assert len(served.recorded) == 3
        clock.now += 5
        with pytest.raises(EngineUnavailable, match="Loading model"):
            await engine.generate(ask("f("))
        with pytest.raises(EngineUnavailable, match="asked again in 10 s"):
            await engine.generate(ask("f("))
        clock.now += 10
        assert (await engine.generate(ask("f("))).texts == ("x",)
        assert (await engine.generate(ask("f("))).texts == ("x",)


@pytest.mark.timing
async def test_an_engine_that_does_not_listen(ask: Ask) -> None:
    engine = RemoteEngine(RemoteOptions("http://127.0.0.1:9"), refusal=allowed)
    for _ in range(3):
        with pytest.raises(EngineUnavailable, match=r"http://127\.0\.0\.1:9 cannot be reached"):
            await engine.generate(ask())
    started = time.monotonic()
    with pytest.raises(EngineUnavailable, match="asked again"):
        await engine.status()
    assert time.monotonic() - started < 0.1
    await engine.aclose()


async def test_time_limit(ask: Ask) -> None:
    async with remote({"hang_after": 0}, timeout_s=0.2) as (engine, _):
        with pytest.raises(EngineUnavailable, match=r"within 0\.2 s"):
            await engine.generate(ask())


async def test_a_wrong_answer_is_no_outage(ask: Ask) -> None:
    bad = {"error": {"status": 400, "code": "x", "message": "too long"}}
    async with remote(bad) as (engine, served):
        for _ in range(5):
            with pytest.raises(EngineError, match="too long"):
                await engine.generate(ask())
        assert len(served.recorded) == 5


async def test_a_missing_model_is_looked_up_again(ask: Ask) -> None:
    gone = {"error": {"status": 404, "code": "x", "message": "model not found"}, "times": 1}
    async with remote(gone, {"text": "x"}) as (engine, served):
        with pytest.raises(ModelNotFound):
            await engine.generate(ask("f("))
        served.script = replace(served.script, models={"codestral": {}})
        await engine.generate(ask("f("))
    assert served.recorded[-1]["body"]["model"] == "codestral"


async def test_status() -> None:
    async with remote() as (engine, served):
        status = await engine.status()
    assert status["url"] == f"http://127.0.0.1:{served.port}"
    assert status["model"] == "qwen2.5-coder-0.5b"
