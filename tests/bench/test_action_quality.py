from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from bench.lib import action_quality, quality
from bench.lib.action_asks import Reply
from bench.lib.action_report import by_group, counts, summary, tables, write_details
from bench.lib.action_sets import ActionTask
from bench.lib.own_server import Workbench
from bench.lib.raw_answers import RawAnswer
from support import checkout  # noqa: F401

from tabwright.lsp.language_client import LspClient

FAKE = Path(__file__).parents[1] / "support" / "fake_actions.py"
GOOD = "def f(a):\n    return a + 1\n"


def task(kind: str, **script: Any) -> ActionTask:
    text = f"# answer: {json.dumps(script)}\ndef f(a):\n    pass\n"
    start = text.index("\ndef f") + 1
    check = "console.assert(f(1) === 2)" if kind == "translate-js" else "assert f(1) == 2"
    return ActionTask(
        task_id="T/0",
        kind=kind,
        text=text,
        start=start,
        end=len(text),
        at=len(text) - 1,
        question="what?",
        check=check,
        reference="",
        names=("f",),
        declaration="def f(a):\n",
    )


@pytest_asyncio.fixture
async def client() -> AsyncIterator[LspClient]:
    started = await LspClient.start(command=(sys.executable, str(FAKE)))
    yield started
    await started.stop()


async def replies(client: LspClient, folder: Path, *tasks: ActionTask) -> list[Reply]:
    return await action_quality.ask_replies(client, Workbench(folder, folder, {}), tasks)


@pytest.mark.parametrize("kind", ["generate", "fix"])
async def test_edits_are_put_in_and_run(client: LspClient, tmp_path: Path, kind: str) -> None:
    good, wrong, none, warned, stale = tasks = [
        task(kind, new=GOOD),
        task(kind, new="def f(a):\n    return a\n"),
        task(kind),
        task(kind, new="def f(:\n", warn="line 2: invalid syntax"),
        task(kind, new=GOOD, stale=True),
    ]
    found = await replies(client, tmp_path, *tasks)
    assert found[0].document == good.text[: good.start] + GOOD
    assert found[1].warnings == () and found[3].warnings == ("line 2: invalid syntax",)
    assert found[2].document is None and found[2].why
    assert found[4].document is None and "version 2" in found[4].why
    results = action_quality.check([good, wrong, none, warned, stale], found, None)
    assert [result.verdict.passed for result in results] == [True, False, False, False, False]
    # What was offered with a warning may be broken; only the user's trust is counted.
    assert not any(result.broken.named() for result in results)
    assert counts(results)["without: right"] == "1/2"
    sent = (await client.execute("test.listed"))["listed"]
    assert isinstance(sent, list) and len(sent) == 5
    if kind == "generate":
        assert sent[0]["context"]["only"] == ["refactor.rewrite.tabwright.generate"]
        assert sent[0]["range"]["start"] == {"line": 2, "character": 8}
    else:
        argument = sent[0]["arguments"][0]
        assert argument["instruction"] == "Fix the bug" and argument["apply"] is False
        assert argument["range"]["start"] == {"line": 1, "character": 0}
    assert (await client.execute("test.listed"))["open"] == []


async def test_what_is_broken_without_a_warning_is_counted(
    client: LspClient, tmp_path: Path
) -> None:
    tasks = [
        task("fix", new="def f(:\n"),
        task("fix", new="def f( a ):\n    return a+1\n"),
        task("fix", new=GOOD),
        task("generate", unlisted=True),
    ]
    found = await replies(client, tmp_path, *tasks)
    results = action_quality.check(tasks, found, None)
    assert [result.broken.named() for result in results] == [
        ("does not parse",),
        ("black changes it",),
        (),
        (),
    ]
    assert found[3].why == "no such action is listed"
    assert counts(results)["unparsed"] == 1


async def test_a_changed_title_is_a_warning(client: LspClient, tmp_path: Path) -> None:
    tasks = [task("generate", new=GOOD, title="Do it (may be wrong: no)")]
    (found,) = await replies(client, tmp_path, *tasks)
    assert found.warnings == ("Do it (may be wrong: no)",)


async def test_translations_are_run_in_their_language(client: LspClient, tmp_path: Path) -> None:
    tasks = [
        task("translate-js", new="const F = (a) => a + 1\n", faults=["risky"]),
        task("translate-js", new="const f = (a) => a\n"),
    ]
    found = await replies(client, tmp_path, *tasks)
    assert found[0].document == "const F = (a) => a + 1\n" and found[0].warnings == ("risky",)
    results = action_quality.check(tasks, found, None)
    assert [result.verdict.passed for result in results] == [True, False]


def test_the_plain_answers_stand_beside() -> None:
    one = task("fix", new=GOOD)
    raw = [
        RawAnswer(f"Sure:\n```python\n{GOOD}```\n", 2.0),
        RawAnswer("", 0.1, "no answer"),
        RawAnswer("```python\n    return a + 1\n```", 2.0),
    ]
    given = [Reply(GOOD, 1.0), Reply(None, 3.0, (), "why"), Reply(GOOD, 2.0)]
    results = action_quality.check([one, one, one], given, raw)
    assert [result.raw_verdict and result.raw_verdict.passed for result in results] == [
        True,
        False,
        True,
    ]
    assert summary("fix", "m", results) == {
        "set": "fix",
        "model": "m",
        "n": 3,
        "pass_at_1": 0.6667,
        "raw_pass_at_1": 0.6667,
        "p50_s": 2.0,
    }
    assert action_quality.figures_of("m", results) == summary("fix", "m", results)


def test_examples_that_were_run_are_a_set_of_their_own(tmp_path: Path) -> None:
    one = task("fix", new=GOOD)
    results = action_quality.check([one], [Reply(GOOD, 1.0)], None, examples=True)
    assert list(by_group(results)) == ["fix, examples run"]
    assert "fix, examples run" in tables("m", results)
    write_details(tmp_path / "d", results)
    row = json.loads((tmp_path / "d").read_text())
    assert (row["task_id"], row["verdict"], row["answer"]) == ("T/0", True, GOOD)


def test_one_model_for_both_roles() -> None:
    options = quality.parser().parse_args(["fix", "--model", "m", "--run-examples"])
    found = action_quality.settings_of(options)
    assert found["model"] == "m"
    assert found["actions"] == {"model": "m", "timeoutSeconds": 120}
    assert found["checks"] == {"runExamples": True}
