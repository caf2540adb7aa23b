from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from bench.lib import quality
from bench.lib.generate import generate
from bench.lib.own_server import Workbench, with_options
from bench.lib.sets import Task
from support import checkout  # noqa: F401

from tabwright.lsp.language_client import LspClient

FAKE = Path(__file__).parents[1] / "support" / "fake_lsp.py"
CHECK = "assert f(1) == 2"


def task(answer: str, *, invoked: bool = False) -> Task:
    head = f'# answer: "{answer}"\ndef f(a):\n    return '
    return Task("T/0", head, "\n", "a + 1", CHECK, invoked)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[LspClient]:
    started = await LspClient.start(command=(sys.executable, str(FAKE)))
    yield started
    await started.stop()


async def test_answers_are_run_and_compared(client: LspClient, tmp_path: Path) -> None:
    bench = Workbench(tmp_path, tmp_path, {})
    tasks = [
        task("a + 1"),
        task("1 + a"),
        task("a"),
        Task("T/1", "def f(a):\n    return ", "\n", "a + 1", CHECK, False),
    ]
    answers = await generate(client, bench, tasks, explain=True)
    verdicts = quality.check(answers)
    assert [verdict.passed for verdict in verdicts] == [True, True, False, False]
    assert answers[3].buffer is None and verdicts[3].detail == "no suggestion"
    found = quality.summary(answers, verdicts)
    assert (found["n"], found["pass_at_1"], found["exact_match"]) == (4, 0.5, 0.25)
    assert list(found) == ["n", "pass_at_1", "exact_match", "p50_ms", "p95_ms"]
    assert (await client.execute("test.open"))["open"] == []


async def test_spans_are_asked_for_by_hand(client: LspClient, tmp_path: Path) -> None:
    bench = Workbench(tmp_path, tmp_path, {})
    answers = await generate(client, bench, [task("a + 1", invoked=True)], explain=True)
    assert answers[0].why["trigger"] == 1


def test_settings_are_put_in_by_name() -> None:
    given = ["engine.precision=bfloat16", "completion.debounceMs=7", "enabled=true"]
    found = with_options({"completion": {"debounceMs": 0}}, model="m", assignments=given)
    assert found == {
        "completion": {"debounceMs": 7},
        "model": "m",
        "engine": {"precision": "bfloat16"},
        "enabled": True,
    }


def test_what_answered_is_named() -> None:
    engine = {"models": [{"id": "m", "precision": "int8", "device": "cpu", "state": "ready"}]}
    assert quality.describe_model({}, engine) == "m int8 cpu"
    assert quality.describe_model({"model": "n"}, {}) == "n"
