"""``tabwright complete`` as a process, with a scripted engine."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.editor import Home, engine_for

CODE = "def add(a, b):\r\n    return \r\n"


@pytest.fixture
def home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        (Path(folder) / "code.py").write_text(CODE, newline="")
        (Path(folder) / ".env").write_text("KEY=1\n")
        yield Home(Path(folder))


async def run(home: Home, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tabwright", "complete", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=home.environment(), cwd=home.path,
    )  # fmt: skip
    output, errors = await asyncio.wait_for(process.communicate(), 30)
    assert b"Traceback" not in errors
    return process.returncode or 0, output.decode(), errors.decode()


USAGE = {"reused_tokens": 30, "computed_tokens": 4}


async def test_the_completion_goes_to_stdout_and_its_cost_to_stderr(home: Home) -> None:
    async with engine_for(home, {"text": "a + b", "usage": USAGE}):
        status, output, errors = await run(home, "code.py:2:12")
    assert (status, output) == (0, "a + b\n")
    assert "30 tokens reused, 4 computed" in errors and " ms" in errors


async def test_json_holds_all_candidates_and_figures(home: Home) -> None:
    texts = ["", "a + b", "b + a", "a + b"]  # the first is the warm-up's
    rules = [{"text": text, "times": 1, "usage": USAGE} for text in texts]
    async with engine_for(home, *rules) as engine:
        arguments = ("code.py:2:12", "--json", "--invoked", "--model", "other")
        status, output, _ = await run(home, *arguments)
        assert engine.recorded[-1]["body"]["model"] == "other"
    found = json.loads(output)
    assert status == 0
    assert [each["text"] for each in found["completions"]] == ["a + b", "b + a"]
    assert (found["completions"][0]["start"], found["source"]) == (27, "model")
    assert found["reused_tokens"] == 30 and found["ms"] > 0


@pytest.mark.parametrize(
    ("place", "expected", "status"),
    [
        ("code.py", "expected FILE:LINE:COL", 2),
        ("code.py:0:1", "there is no line 0", 2),
        ("code.py:9:1", "there is no line 9: the file has 3", 2),
        ("code.py:2:99", "line 2 has no column 99: its columns are 1 to 12", 2),
        ("missing.py:1:1", "missing.py", 2),
        (".env:1:5", "this file is kept from the model (.env may hold secrets", 1),
        ("code.py:1:5", "code after the cursor", 1),
    ],
)
async def test_what_cannot_be_completed_says_why(
    home: Home, place: str, expected: str, status: int
) -> None:
    async with engine_for(home, {"text": "a + b"}):
        found, output, errors = await run(home, place)
    assert (found, output) == (status, "") and expected in errors


async def test_a_missing_model_says_what_to_run(home: Home) -> None:
    async with engine_for(home, models={"another": {}}):
        status, output, errors = await run(home, "code.py:2:12")
    assert (status, output) == (1, "") and "tabwright models pull" in errors
