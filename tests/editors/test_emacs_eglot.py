"""eglot in a real Emacs: completion, actions, commands, and a server that dies."""

from __future__ import annotations

import pytest
from editors.emacs import of, run
from editors.required import CLIENTS
from support.editor import Home, engine_for

CODE = "def add(a, b):\n    return a + c\n\n\ndef twice(x):\n    return x * 2\n"
FIXED = CODE.replace("a + c", "a + b")
ANSWER = f"{FIXED}```\n"
TURNED = CODE.replace("x * 2", "2 * x")
EDIT = {"match": "factor first", "text": "def twice(x):\n    return 2 * x\n```\n"}

# What stands there, what the model says, and the file once it is taken.
COMPLETIONS = {
    "behind a space": ("def add(a, b):\n    return ", "a + b", "a + b\n"),
    "in a word": ("def add(a, b):\n    retu", "rn a + b", "rn a + b\n"),
    "behind an emoji": ('def add(a, b):\n    return "😀é漢", ', "a + b", "a + b\n"),
    "two lines": ("def add(a, b):\n    ", "c = a\n    return c", "c = a\n    return c\n"),
}


@pytest.mark.parametrize("kind", COMPLETIONS)
async def test_completion_at_point_takes_the_suggestion(home: Home, kind: str) -> None:
    begun, answer, rest = COMPLETIONS[kind]
    async with engine_for(home, {"text": "", "times": 1}, {"text": answer}):
        facts = await run(home, "driver-completion", f"{begun}\n", 2)
    assert of(facts, "text") == [begun + rest, f"{begun}\n"]


async def test_what_another_tool_reports_is_mended_and_undone_in_one_step(home: Home) -> None:
    async with engine_for(home, {"match": "undefined", "text": ANSWER}):
        facts = await run(home, "driver-fix", CODE)
    assert "Fix: undefined name `c`" in of(facts, "offered")[0]
    assert of(facts, "text") == [FIXED, CODE]


async def test_eglots_own_actions_mend_what_the_server_reports(home: Home) -> None:
    broken = CODE.replace("(a, b):", "(a, b)").replace("a + c", "a + b")
    async with engine_for(home, {"match": "expected", "text": ANSWER}):
        facts = await run(home, "driver-eglot-actions", broken)
    assert any(title.startswith("Fix: expected") for title in of(facts, "offered")[0])
    assert of(facts, "text") == [FIXED, broken]


async def test_commands(home: Home) -> None:
    about = {"match": "Explain", "text": "It adds two numbers."}
    async with engine_for(home, EDIT, about):
        facts = await run(home, "driver-commands", CODE)
    assert of(facts, "text") == [TURNED, CODE]
    assert "It adds two numbers." in of(facts, "explained")[0]
    assert "ready, model qwen2.5-coder-0.5b" in of(facts, "told")[0]


async def test_an_edit_that_comes_too_late_is_refused(home: Home) -> None:
    async with engine_for(home, {**EDIT, "first_delay_ms": 1500}):
        facts = await run(home, "driver-stale", CODE)
    assert of(facts, "text") == [f"import os\n{CODE}"]


async def test_a_server_killed_in_mid_request_comes_back(home: Home) -> None:
    swapped = CODE.replace("a + c", "c + a")
    quick = {"match": "b first", "text": "def add(a, b):\n    return c + a\n```\n"}
    async with engine_for(home, {**EDIT, "first_delay_ms": 9000}, quick):
        facts = await run(home, "driver-killed", CODE)
    assert of(facts, "another") == [True]
    assert of(facts, "text") == [CODE, swapped]


async def test_the_files_compile_without_a_warning(home: Home) -> None:
    facts = await run(home, "driver-compile", "", str(CLIENTS / "emacs"))
    assert of(facts, "compiled") == [
        "tabwright-eglot.el",
        "tabwright-ghost.el",
        "tabwright-lsp.el",
        "tabwright.el",
    ]
