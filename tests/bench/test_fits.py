from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from bench.lib import fit_actions, fit_cases, fits
from bench.lib.fit_cases import FitCase
from bench.lib.own_server import Workbench

from tabwright.lsp.language_client import LspClient

FAKE = Path(__file__).parents[1] / "support" / "fake_lsp.py"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[LspClient]:
    started = await LspClient.start(command=(sys.executable, str(FAKE)))
    yield started
    await started.stop()


def case(answer: str, *settings: str) -> FitCase:
    header = " | ".join(("case", "python", *settings))
    text = f"# answer: {json.dumps(answer)}\ndef f(a):\n    return ║\n"
    (made,) = fit_cases.read(f"===== {header}\n{text}", "K")
    return made


async def test_answers_are_judged_and_counted(client: LspClient, tmp_path: Path) -> None:
    cases = [case("a + 1"), case("a +"), case("x()", "never x"), case("a", "file b.py")]
    results = await fits.ask_all(client, Workbench(tmp_path, tmp_path, {}), cases)
    assert [one.faults for one in results] == [(), ("parses",), ("language",), ()]
    row = fits.row(results)
    assert (row["asked"], row["answered"], row["judged"], row["broken"]) == (4, 4, 4, 1)
    assert (row["empty"], row["language"], row["fits"]) == (0, 1, 2)
    written = tmp_path / "details.jsonl"
    fits.write_details(written, results)
    assert [json.loads(line)["faults"] for line in written.read_text("utf-8").splitlines()] == [
        list(one.faults) for one in results
    ]
    assert "python" in fits.tables(results)
    assert (await client.execute("test.open"))["open"] == []


def test_a_case_for_unknown_words_takes_any_answer() -> None:
    (made,) = fit_cases.read("===== a | go\n║\n----- model\nb\n----- offer\nnone\n", "K")
    plain = fits.unscripted(made)
    assert plain.offers == () and plain.settings["empty"] == "ok"


def action(action: str, text: str, **request: object) -> FitCase:
    return FitCase("n", "actions", "javascript", "a.js", text, 0, {}, (), (), action, request)


def test_what_an_action_left_behind_is_seen() -> None:
    text = "const fs = require('fs');\nlet unused = 1;\n"
    where = {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 10}}
    fix = action("quickfix", text, diagnostics=[{"range": where, "tags": [1]}])
    assert fit_actions.judged(fix, "const fs = require('fs');\n") == []
    assert fit_actions.judged(fix, text) == ["left"]
    assert fit_actions.judged(fix, 'const fs = require("fs");\n') == ["quotes"]
    again = "const fs = require('fs');\nconst fs = require('fs');\n"
    assert fit_actions.judged(action("generate", text), again) == ["repeated"]
    assert fit_actions.judged(action("generate", text), text + "function f( {\n") == ["parses"]


def test_a_wrong_name_and_an_instruction_must_not_be_left() -> None:
    text = "let a = Math.hypto(1);\n"
    where = {"start": {"line": 0, "character": 13}, "end": {"line": 0, "character": 18}}
    wrong = {"range": where, "message": "'hypto' is undefined"}
    fix = action("quickfix", text, diagnostics=[wrong])
    assert fit_actions.judged(fix, text.replace("hypto", "hypot")) == []
    assert fit_actions.judged(fix, text) == ["left"]
    edit = action('tabwright.edit range 0:8-0:21 "use Math.max(1) here"', text)
    assert fit_actions.judged(edit, "let a = Math.max(1);\n") == []
    assert fit_actions.judged(edit, text) == ["ignored"]


def test_documenting_changes_no_code() -> None:
    text = "function f(a) {\n  return a;\n}\n"
    document = action("document", text)
    assert fit_actions.judged(document, f"/** Gives a. */\n{text}") == []
    assert fit_actions.judged(document, f"/** Gives a. */\n{text}f();\n") == ["code-changed"]
