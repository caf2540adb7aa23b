"""lsp-mode in a real Emacs: completion, actions and commands of an add-on server."""

from __future__ import annotations

import pytest
from editors.emacs import of, run
from editors.test_emacs_eglot import ANSWER, CODE, COMPLETIONS, EDIT, FIXED, TURNED
from support.editor import Home, engine_for


@pytest.mark.parametrize("kind", COMPLETIONS)
async def test_completion_at_point_takes_the_suggestion(home: Home, kind: str) -> None:
    begun, answer, rest = COMPLETIONS[kind]
    async with engine_for(home, {"text": "", "times": 1}, {"text": answer}):
        facts = await run(home, "driver-lsp-completion", f"{begun}\n", 2)
    assert of(facts, "text") == [begun + rest, f"{begun}\n"]


async def test_lsp_modes_own_actions_mend_what_a_server_reports(home: Home) -> None:
    broken = CODE.replace("(a, b):", "(a, b)").replace("a + c", "a + b")
    async with engine_for(home, {"match": "expected", "text": ANSWER}):
        facts = await run(home, "driver-lsp-actions", broken)
    assert any(title.startswith("Fix: expected") for title in of(facts, "offered")[0])
    assert of(facts, "text") == [FIXED, broken]


async def test_commands(home: Home) -> None:
    async with engine_for(home, EDIT):
        facts = await run(home, "driver-lsp-commands", CODE)
    assert of(facts, "text") == [TURNED, CODE]
    assert "ready, model qwen2.5-coder-0.5b" in of(facts, "told")[0]
