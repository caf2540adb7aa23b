"""First run without a model: the offer, the pull with its progress, and completion afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lsprotocol import types
from support.editor import Home, as_dict, editing, engine_for, with_puller
from support.scripted_engine import Script

CODE = "def add(a, b):\n    return \n"
ELSEWHERE: dict[str, dict[str, Any]] = {"another-model": {}}
PULLER = '''
"""Stands in for `tabwright models pull NAME --progress json`."""
import json, sys, time
name = sys.argv[sys.argv.index("pull") + 1]
for done in range(0, 101, 20):
    report = {"stage": "download", "done": done * 10**6, "total": 10**8, "speed": 2e7,
              "eta_s": 1.5, "message": ""}
    print(json.dumps(report), flush=True)
    time.sleep(0.05)
print("not json", flush=True)
print(json.dumps({"stage": "convert", "done": 0, "total": 0, "message": "layer 3"}), flush=True)
if FAIL:
    print("a warning", file=sys.stderr, flush=True)
    time.sleep(0.1)
    print(json.dumps({"stage": "error", "message": "no space left on the disk"}), flush=True)
    import os; os._exit(1)
if HANG:
    time.sleep(60)
'''


def stand_in(home: Home, *, fail: bool = False, hang: bool = False) -> dict[str, str]:
    """An environment in which ``models pull`` is the stand-in above."""
    return with_puller(home, PULLER.replace("FAIL", str(fail)).replace("HANG", str(hang)))


async def test_the_offer_the_pull_and_the_first_completion(home: Home) -> None:
    environment = stand_in(home)
    async with (
        engine_for(home, {"text": "a + b"}, models=ELSEWHERE) as engine,
        editing(home, chosen="Pull it", environment=environment) as editor,
    ):
        engine_ready = Script.parse({"rules": [{"text": "a + b"}]})
        editor.open(CODE)
        await editor.until(lambda: editor.asked)
        assert "491 MB" in editor.asked[0] and "Apache-2.0" in editor.asked[0]
        # Requests are answered meanwhile.
        assert await editor.texts(1, 11) == []
        assert "models pull" in (await editor.command("why"))["reason"]
        await editor.until(lambda: (texts := words(editor)) and any("MB/s" in t for t in texts))
        assert (await editor.command("status"))["pulling"] == ["qwen2.5-coder-0.5b"]
        engine.script = engine_ready
        await editor.until(lambda: any("is ready" in text for text in editor.shown))
        assert any("converting, layer 3" in text for text in words(editor))
        await editor.until_ready()
        assert await editor.texts(1, 11) == ["a + b"]
        assert len(editor.asked) == 1


def words(editor: Any) -> list[str]:
    found = [bar.value for bar in editor.bars]
    return [value.get("message") or "" for value in found if value.get("kind") == "report"]


@pytest.mark.parametrize("chosen", ["Not now", None])
async def test_the_offer_comes_once_a_session(home: Home, chosen: str | None) -> None:
    async with engine_for(home, models=ELSEWHERE), editing(home, chosen=chosen) as editor:
        editor.open(CODE)
        for _ in range(5):
            assert await editor.texts(1, 11, invoked=True) == []
        assert len(editor.asked) == 1 and editor.shown == []
        assert (await editor.command("status"))["state"] == "no model"


async def test_a_failed_pull_says_why(home: Home) -> None:
    environment = stand_in(home, fail=True)
    async with (
        engine_for(home, models=ELSEWHERE),
        editing(home, environment=environment) as editor,
    ):
        found = await editor.command("pull", {"model": "org/model"})
        assert found == {"ok": False, "message": "no space left on the disk"}
        assert any("no space left" in text for text in editor.shown)


async def test_a_pull_can_be_cancelled(home: Home) -> None:
    environment = stand_in(home, hang=True)
    async with (
        engine_for(home, models=ELSEWHERE),
        editing(home, environment=environment) as editor,
    ):
        command = types.ExecuteCommandParams("tabwright.pull", [])
        asked = editor.client.workspace_execute_command_async(command)
        pulling = asyncio.ensure_future(asked)
        await editor.until(lambda: any("converting" in text for text in words(editor)))
        tokens = {bar.token for bar in editor.bars if "pulling" in bar.value.get("title", "")}
        (token,) = tokens
        editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
        found = as_dict(await pulling)
        assert found["ok"] is False and "cancelled" in found["message"]
        assert not any("was not pulled" in text for text in editor.shown)
