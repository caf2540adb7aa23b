from __future__ import annotations

from pathlib import Path

import pytest
from bench.lib.own_server import Workbench
from bench.lib.raw_answers import RawAnswer, ask, ask_all
from support import (
    checkout,  # noqa: F401
    scripted_engine,
)

MODEL = "qwen2.5-coder-0.5b"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("Here:\n```python\na = 1\n```\nand\n```python\nb = 2\n```", "a = 1"),
        ("```\na = 1", "a = 1"),
        ("a = 1\n", "a = 1"),
        ("1. So:\n   ```js\n   let a;\n   ```\n", "   let a;"),
        ("", ""),
    ],
)
def test_the_first_block_is_taken(reply: str, code: str) -> None:
    assert RawAnswer(reply, 0.0).code == code


async def test_a_plain_chat_greedy_and_cut_off_after_its_block(tmp_path: Path) -> None:
    text = "Sure:\n```python\na = 1\n```\nThis sets `a` to " + "one, " * 50
    rules = [{"match": "Set a", "text": text, "delay_ms": 2}]
    bench = Workbench(tmp_path, tmp_path, {})
    async with scripted_engine.running({"rules": rules}, socket=tmp_path / "engine.sock") as engine:
        (answer,) = await ask_all(bench, MODEL, ["Set a."])
        assert answer.code == "a = 1" and answer.seconds > 0 and answer.why == ""
        await engine.wait_for(1, "disconnected")
        body = engine.recorded[0]["body"]
    assert body["prompt"] == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\nSet a.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert (body["temperature"], body["max_tokens"], body["model"]) == (0.0, 1024, MODEL)
    assert body.get("n", 1) == 1 and "prediction" not in body


@pytest.mark.parametrize(
    "rule",
    [
        {"error": {"status": 404, "code": "model_missing", "message": "pull it"}},
        {"text": "a b", "error": {"message": "pull it"}, "error_after": 1},
    ],
)
async def test_what_went_wrong_is_said(tmp_path: Path, rule: dict[str, object]) -> None:
    bench = Workbench(tmp_path, tmp_path, {})
    script = {"rules": [rule]}
    async with scripted_engine.running(script, socket=tmp_path / "engine.sock"):
        assert "pull it" in (await ask(bench, MODEL, "x")).why


async def test_no_engine_is_no_answer(tmp_path: Path) -> None:
    found = await ask(Workbench(tmp_path, tmp_path, {}), MODEL, "x")
    assert found.reply == "" and found.why.startswith("no answer")
