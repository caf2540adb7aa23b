"""What models write that is no good, and checks and engines that fail: told, and nothing lost."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from lsprotocol import types
from support.editor import URI, Editor, Home, editing, engine_for

CODE = "def add(a, b):\n    return a + c\n"
RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a + d\n"
LOST = types.Diagnostic(
    types.Range(types.Position(1, 15), types.Position(1, 16)),
    "undefined name `c`",
    source="Ruff",
    code="F821",
)
Rule = dict[str, Any]
ONCE: Rule = {"match": "undefined", "times": 1}
WARM: Rule = {"match": "def ", "not_match": "undefined", "text": ""}


async def resolved(editor: Editor, code: str = CODE) -> types.CodeAction:
    editor.open(code)
    (action,) = await editor.actions(LOST.range, LOST, only=["quickfix"])
    return await editor.resolve(action)


def asked(engine: Any) -> list[dict[str, Any]]:
    """The bodies of the questions that actions asked."""
    bodies = [each["body"] for each in engine.recorded]
    return [body for body in bodies if body["lane"] == "actions"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"text": ""}, "answered without code"),
        ({"text": "\n\n  \n```"}, "answered without code"),
        ({"text": "```"}, "answered without code"),
        ({"text": CODE + "```"}, "changed nothing"),
        ({"text": "return a\n" * 400}, "did not come to an end within"),
        ({"text": "x", "finish": "cancelled"}, "gave the question up"),
        ({"error": {"status": 500, "message": "out of memory"}}, "out of memory"),
        ({"text": RIGHT, "drop_after": 3}, "broke"),
        ({"raw": "<html>", "status": 502}, "HTTP 502"),
        ({"raw": "not json"}, "not JSON"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_no_answer_is_a_message(home: Home, rule: Any, reason: str) -> None:
    async with engine_for(home, WARM, rule), editing(home) as editor:
        action = await resolved(editor)
        assert action.edit is None
        assert len(editor.shown) == 1, editor.shown
        assert editor.shown[0].startswith("Tabwright: Fix: undefined name `c`: ")
        assert reason in editor.shown[0]
        why = await editor.command("why")
        assert reason in why["action"]["reason"] and why["action"]["kind"] == "fix"


async def test_a_wrong_first_answer_is_followed_by_others(home: Home) -> None:
    rules = [WARM, {**ONCE, "text": WRONG}, {**ONCE, "text": "oh )"}, {"text": RIGHT}]
    async with engine_for(home, *rules) as engine, editing(home) as editor:
        action = await resolved(editor)
        assert editor.edited(action.edit, {URI: CODE}) == {URI: RIGHT}
        assert action.title == "Fix: undefined name `c`" and editor.shown == []
        assert [body["temperature"] for body in asked(engine)] == [0, 0, 0.4]
        assert all(body["n"] == 1 for body in asked(engine) if "n" in body)


async def test_a_clean_first_answer_is_enough(home: Home) -> None:
    async with engine_for(home, WARM, {"text": RIGHT}) as engine, editing(home) as editor:
        await resolved(editor)
        assert len(asked(engine)) == 1


@pytest.mark.parametrize("candidates", [1, 3])
async def test_when_none_is_right_the_best_is_offered_with_its_faults(
    home: Home, candidates: int
) -> None:
    settings = {"actions": {"candidates": candidates}}
    rules = [WARM, {**ONCE, "text": WRONG}, {"text": "def add(:\n"}]
    async with engine_for(home, *rules) as engine, editing(home, settings=settings) as editor:
        action = await resolved(editor)
        assert editor.edited(action.edit, {URI: CODE}) == {URI: WRONG}
        assert action.title.startswith("Fix: undefined name `c` (may be wrong: ")
        (warning,) = editor.shown
        assert "look closely" in warning and "`d`" in warning
        assert len(asked(engine)) == candidates


async def test_the_same_answer_is_checked_once(home: Home) -> None:
    async with engine_for(home, WARM, {"text": WRONG}) as engine, editing(home) as editor:
        action = await resolved(editor)
        assert action.edit is not None and len(asked(engine)) == 6
        told = [bar.value.get("message", "") for bar in editor.bars]
        assert sum("checking" in text for text in told) == 1


async def test_an_engine_that_fails_later_costs_no_candidate(home: Home) -> None:
    rules = [WARM, {**ONCE, "text": WRONG}, {"error": {"status": 500}}]
    async with engine_for(home, *rules) as engine, editing(home) as editor:
        action = await resolved(editor)
        assert editor.edited(action.edit, {URI: CODE}) == {URI: WRONG}
        assert len(asked(engine)) == 2


async def test_the_time_limit_ends_the_search(home: Home) -> None:
    settings = {"actions": {"timeoutSeconds": 6}}
    rules = [WARM, {**ONCE, "text": WRONG}, {"text": RIGHT, "first_delay_ms": 60_000}]
    async with engine_for(home, *rules) as engine, editing(home, settings=settings) as editor:
        started = time.perf_counter()
        action = await resolved(editor)
        assert time.perf_counter() - started < 12
        assert editor.edited(action.edit, {URI: CODE}) == {URI: WRONG}
        await engine.wait_for(1, "disconnected", timeout=1)


async def test_an_engine_that_hangs_ends_with_a_message(home: Home) -> None:
    settings = {"actions": {"timeoutSeconds": 1}}
    rule = {"text": RIGHT, "hang_after": 2}
    async with engine_for(home, WARM, rule) as engine, editing(home, settings=settings) as editor:
        await editor.until_ready()
        assert (await resolved(editor)).edit is None
        assert "was not done within 1 s" in editor.shown[0]
        await engine.wait_for(1, "disconnected", timeout=1)


HANGING = """
import asyncio
import tabwright.checks.check as module
async def check(subject, options):
    await asyncio.sleep(3600)
module.check = check
"""
CRASHING = """
import tabwright.checks.check as module
import tabwright.checks.formatting.improve as improving
async def check(subject, options):
    raise ZeroDivisionError
module.check = improving.improve = check
"""


@pytest.mark.parametrize(
    ("script", "reason"),
    [(HANGING, "the checks were not done within 10.1 s"), (CRASHING, "the checks failed")],
    ids=["hangs", "crashes"],
)
async def test_a_broken_checker_is_named(home: Home, script: str, reason: str) -> None:
    folder = home.path / "broken"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(script)
    environment = {"PYTHONPATH": f"{folder}:{home.environment()['PYTHONPATH']}"}
    settings = {"checks": {"timeoutSeconds": 0.1}}
    async with (
        engine_for(home, WARM, {"text": RIGHT}),
        editing(home, settings=settings, environment=environment) as editor,
    ):
        action = await resolved(editor)
        assert editor.edited(action.edit, {URI: CODE}) == {URI: RIGHT}
        assert action.title.startswith(f"Fix: undefined name `c` (not checked: {reason}")
        assert len(editor.shown) == 1 and reason in editor.shown[0]
        # The title says it each time, the message once.
        action = await resolved(editor)
        assert reason in action.title and len(editor.shown) == 1


async def test_risky_code_is_marked_as_risky(home: Home) -> None:
    risky = "import subprocess\n\n\ndef add(a, b):\n    return subprocess.run(a, shell=True)\n"
    async with engine_for(home, WARM, {"text": risky}), editing(home) as editor:
        action = await resolved(editor, "import subprocess\n\n\n" + CODE)
        assert "risky" in action.title or "may be wrong" in action.title
        assert any("shell" in text for text in editor.shown)


async def test_a_missing_model_is_reported_and_offered(home: Home) -> None:
    async with (
        engine_for(home, models={"another-model": {}}),
        editing(home, chosen="Not now") as editor,
    ):
        assert (await resolved(editor)).edit is None
        assert "models pull" in editor.shown[-1]
        assert len(editor.asked) == 1 and "qwen2.5-coder-0.5b" in editor.asked[0]


async def test_the_actions_model_is_offered_once_and_can_be_declined(home: Home) -> None:
    async with (
        engine_for(home, WARM, {"text": RIGHT}) as engine,
        editing(home, chosen="Never ask") as editor,
    ):
        await resolved(editor)
        await editor.until(lambda: editor.asked)
        assert "qwen2.5-coder-1.5b" in editor.asked[0] and "1117 MB" in editor.asked[0]
        await resolved(editor)
        assert len(editor.asked) == 1
        assert {body["model"] for body in asked(engine)} == {"qwen2.5-coder-0.5b"}
    async with engine_for(home, WARM, {"text": RIGHT}), editing(home) as editor:
        await resolved(editor)
        await asyncio.sleep(0.1)
        assert editor.asked == []


async def test_the_settings_name_the_model(home: Home) -> None:
    settings = {"actions": {"model": "org/big"}}
    async with (
        engine_for(home, WARM, {"text": RIGHT}) as engine,
        editing(home, options=settings) as editor,
    ):
        await resolved(editor)
        assert [body["model"] for body in asked(engine)] == ["org/big"] and editor.asked == []
