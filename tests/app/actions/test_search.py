"""The search for a candidate, with an assist, checks and an engine that do as they are told.

An answer is the text itself; a fault is a word in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from support.cursor import QWEN
from support.no_threads import NoThreads

from tabwright.app.actions import search as search_module
from tabwright.app.actions.model_choice import NEVER, ActionsModel
from tabwright.app.actions.search import SearchSetup, search
from tabwright.app.runtime.client import Bar, NoBar
from tabwright.app.runtime.pulling import NO, YES, Puller
from tabwright.assists.registry import Assist
from tabwright.assists.request import ActionRequest
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault, FaultKind
from tabwright.client.engine import Answer, EngineError, OnText, Request, Usage
from tabwright.core.action import Action, Proposal
from tabwright.core.message import Message
from tabwright.core.prompting.prompt import Prompt
from tabwright.core.task import ModelInfo, Nothing
from tabwright.core.text import Snapshot, Span
from tabwright.models import manifest

TEXT = "one\ntwo\nthree\n"
TWO = Span(4, 8)
FAULTS: dict[str, FaultKind] = {
    "BAD": "syntax",
    "GONE": "diagnostic",
    "NAME": "name",
    "RISK": "risk",
    "UNSEEN": "checker",
}


@dataclass
class Engine:
    """Answers with each text in turn, the last one again and again; errors are raised."""

    answers: list[str | Exception]
    finish: str = "stop"
    tokens: int = 0
    requests: list[Request] = field(default_factory=list)

    async def generate(self, request: Request, on_text: OnText | None = None) -> Answer:
        self.requests.append(request)
        asked = sum(each.n for each in self.requests)
        places = range(asked - request.n, asked)
        texts = [self.answers[min(place, len(self.answers) - 1)] for place in places]
        self._fail(texts)
        if "HANG" in texts:
            await asyncio.sleep(60)
        written = tuple(map(str, texts))
        if "SLOW" in written[0]:
            await asyncio.sleep(0.5)
        if on_text is not None:
            on_text(0, written[0])
        usage = Usage(completion_tokens=self.tokens)
        return Answer(written, (self.finish,) * request.n, usage)

    @staticmethod
    def _fail(texts: Sequence[str | Exception]) -> None:
        for text in texts:
            if isinstance(text, Exception):
                raise text

    async def model_info(self, name: str) -> ModelInfo:
        return QWEN

    async def status(self) -> dict[str, object]:
        return {}

    async def aclose(self) -> None:
        return None


@dataclass
class FakeChecker:
    """Puts imports on top, and finds the faults of FAULTS."""

    checked: list[EditCandidate] = field(default_factory=list)
    mended: str = ""

    async def repair(self, candidate: EditCandidate, options: CheckOptions) -> str:
        if "HANG" in self.mended:
            await asyncio.sleep(60)
        if "CRASH" in self.mended:
            raise ZeroDivisionError
        return self.mended

    async def improve(self, candidate: EditCandidate, imports: Sequence[str]) -> str:
        if "HANG" in candidate.after:
            await asyncio.sleep(60)
        return "".join(f"{line}\n" for line in imports) + candidate.after.replace("ugly", "nice")

    async def check(self, candidate: EditCandidate, options: CheckOptions) -> tuple[Fault, ...]:
        self.checked.append(candidate)
        if "CRASH" in candidate.after:
            raise ZeroDivisionError
        return tuple(
            Fault(kind, Message(word)) for word, kind in FAULTS.items() if word in candidate.after
        )


def assist(
    *,
    prompts: Callable[[int], str] = lambda attempt: "p",
    new: str = "",
    kind: Literal["edit", "fix"] = "edit",
    draft: str = "two\n",
    most: int = 9,
) -> Assist:
    """Replaces the second line with the answer; imports are what follows ``use ``."""

    def prepare(request: ActionRequest) -> Action | Nothing:
        prompt = prompts(request.attempt)
        if not prompt:
            return Nothing(Message("nothing to ask"))
        return Action(
            kind,
            request.snapshot,
            TWO,
            "x",
            Prompt((prompt,)),
            ("END",),
            most,
            draft=draft,
            new_document=new,
        )

    def finish(action: Action, answer: str) -> Proposal | Nothing:
        if not answer:
            return Nothing(Message("empty"))
        lines = [line for line in answer.split("\n") if line]
        imports = tuple(line for line in lines if line.startswith("use "))
        kept = [line for line in lines if line not in imports]
        return Proposal("".join(f"{line}\n" for line in kept), imports)

    title = Message("Edit")
    return Assist(kind, title, "", lambda request: title, prepare, finish)


@dataclass
class Desk:
    engine: Engine
    checks: FakeChecker = field(default_factory=FakeChecker)
    told: list[str] = field(default_factory=list)

    async def run(
        self, asked: Assist | None = None, *, seconds: float = 5.0, candidates: int = 4
    ) -> EditCandidate | Nothing:
        setup = SearchSetup(
            self.engine,
            "m",
            NoThreads(),
            self.checks,
            CheckOptions(timeout_s=0),
            candidates,
            seconds,
        )
        request = ActionRequest(
            Snapshot("file:///a.x", "x", 1, TEXT), TWO, QWEN, path="/work/a.x", root="/work"
        )
        return await search(asked or assist(), request, setup, self.tell)

    def tell(self, message: str, percent: float | None) -> None:
        self.told.append(message)


def desk(*answers: str | Exception) -> Desk:
    return Desk(Engine(list(answers)))


@pytest.mark.parametrize(
    ("answers", "chosen", "asked"),
    [
        (["fine"], "fine", 1),
        (["RISK"], "RISK", 1),
        (["UNSEEN"], "UNSEEN", 1),
        (["BAD", "fine"], "fine", 2),
        (["NAME", "GONE", "BAD"], "NAME", 4),
        (["BAD", "NAME", "NAME too"], "NAME", 4),
        (["NAME RISK", "NAME"], "NAME", 4),
        (["", "fine"], "fine", 2),
        (["two", "fine"], "fine", 2),
        (["BAD", EngineError(Message("died"))], "BAD", 2),
        (["NAME", "HANG"], "NAME", 2),
    ],
    ids=str,
)
async def test_the_candidate_with_the_least_faults(
    answers: list[str | Exception], chosen: str, asked: int
) -> None:
    table = desk(*answers)
    found = await table.run(seconds=0.3 if "HANG" in answers else 5)
    assert isinstance(found, EditCandidate) and found.text == f"{chosen}\n"
    assert found.after == TEXT.replace("two", chosen)
    assert {fault.message for fault in found.faults} == set(chosen.split()) & set(FAULTS)
    assert len(table.engine.requests) == asked


@pytest.mark.parametrize(
    ("mended", "chosen", "asked"),
    [
        ("one\nfine\n", "one\nfine\n", 0),
        ("one\nRISK\n", "one\nRISK\n", 0),
        ("one\nBAD\n", "one\nmodel\nthree\n", 1),
        (TEXT, "one\nmodel\nthree\n", 1),
        ("", "one\nmodel\nthree\n", 1),
        ("HANG", "one\nmodel\nthree\n", 1),
        ("CRASH", "one\nmodel\nthree\n", 1),
    ],
)
async def test_a_fix_by_a_rule_needs_no_model(mended: str, chosen: str, asked: int) -> None:
    table = Desk(Engine(["model"]), FakeChecker(mended=mended))
    found = await table.run(assist(kind="fix"))
    assert isinstance(found, EditCandidate) and found.after == chosen
    assert len(table.engine.requests) == asked


async def test_a_faulty_repair_is_better_than_an_engine_that_fails() -> None:
    table = Desk(Engine([EngineError(Message("died"))]), FakeChecker(mended="one\nBAD\n"))
    found = await table.run(assist(kind="fix"))
    assert isinstance(found, EditCandidate) and found.faults


async def test_rules_mend_diagnostics_alone() -> None:
    table = Desk(Engine(["model"]), FakeChecker(mended="one\nfine\n"))
    found = await table.run()
    assert isinstance(found, EditCandidate) and "model" in found.after


@pytest.mark.parametrize(
    ("answers", "finish", "reason"),
    [
        ([""], "stop", "empty"),
        (["two"], "stop", "the model changed nothing"),
        (["fine"], "length", "the model did not come to an end within 9 tokens"),
        (["fine"], "cancelled", "the engine gave the question up"),
        (["HANG"], "stop", "the model was not done within 0.2 s"),
    ],
    ids=str,
)
async def test_no_candidate(answers: list[str | Exception], finish: str, reason: str) -> None:
    table = Desk(Engine(answers, finish))
    assert await table.run(seconds=0.2) == Nothing(Message(reason))


async def test_an_engine_that_fails_at_once() -> None:
    with pytest.raises(EngineError):
        await desk(EngineError(Message("no"))).run()
    assert await desk("fine").run(assist(prompts=lambda attempt: "")) == Nothing(
        Message("nothing to ask")
    )


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        (lambda attempt: "p", [0, 0.4, 0.7, 0.9, 0.9, 0.9]),
        # The first question in its words is answered greedily.
        (lambda attempt: f"p{attempt % 2}", [0, 0, 0.4, 0.7, 0.9, 0.9]),
        (lambda attempt: f"p{attempt}", [0, 0, 0, 0, 0, 0]),
        (lambda attempt: "p" if attempt < 2 else "", [0, 0.4]),
    ],
    ids=["same", "two", "all", "ends"],
)
async def test_temperatures(prompts: Callable[[int], str], expected: list[float]) -> None:
    table = desk("BAD 1", "BAD 2", "BAD 3", "BAD 4", "BAD 5", "BAD 6")
    await table.run(assist(prompts=prompts), candidates=6)
    requests = table.engine.requests
    assert [request.temperature for request in requests] == expected
    # Chance must not fall the same way twice.
    assert len({request.seed for request in requests}) == len(requests)
    for request in requests:
        assert (request.lane, request.max_tokens, request.stop) == ("actions", 9, ("END",))
        assert request.prediction == "two\n" and request.n == 1 and not request.avoid


async def test_without_drafts_candidates_are_generated_in_parallel() -> None:
    table = desk("BAD 1", "BAD 2", "", "BAD 3", "fine", "BAD 4")
    found = await table.run(assist(draft=""), candidates=6)
    assert isinstance(found, EditCandidate) and found.text == "fine\n"
    requests = [(one.n, one.temperature, one.seed) for one in table.engine.requests]
    assert requests == [(1, 0, 0), (5, 0.8, 1)]
    # What comes behind a good one is not checked any more.
    assert [candidate.after.split()[1:3] for candidate in table.checks.checked] == [
        ["BAD", "1"], ["BAD", "2"], ["BAD", "3"], ["fine", "three"],
    ]  # fmt: skip


async def test_no_more_candidates_are_requested_than_the_setting_allows() -> None:
    table = desk("BAD")
    await table.run(assist(draft=""), candidates=11)
    assert [one.n for one in table.engine.requests] == [1, 8, 2]
    table = desk("BAD")
    await table.run(candidates=25)
    assert len(table.engine.requests) == 6


async def test_another_question_begins_with_its_likeliest_answer() -> None:
    table = desk("BAD")
    await table.run(assist(draft="", prompts=lambda attempt: f"p{attempt % 2}"), candidates=18)
    asked = [(one.n, one.temperature) for one in table.engine.requests]
    assert asked == [(1, 0), (8, 0), (8, 0.8), (1, 0.8)]


async def test_late_no_further_question_is_put() -> None:
    table = desk("SLOW BAD", "BAD 2")
    found = await table.run(assist(draft=""), seconds=0.8)
    assert isinstance(found, EditCandidate) and len(table.engine.requests) == 1
    # Where there is none yet, all of the time is for the first.
    table = desk("SLOW", "fine")
    table.engine.finish = "length"
    await table.run(assist(draft=""), seconds=0.8)
    assert len(table.engine.requests) == 2


@pytest.mark.parametrize(("tokens", "limit"), [(0, 1000), (40, 230), (2000, 1000)])
async def test_an_endless_answer_holds_up_none_beside_it(tokens: int, limit: int) -> None:
    table = desk("BAD 1", "fine")
    table.engine.tokens = tokens
    await table.run(assist(draft="", most=1000), candidates=2)
    assert [request.max_tokens for request in table.engine.requests] == [1000, limit]


async def test_imports_are_no_part_of_the_changed_lines() -> None:
    table = desk("use a\nugly\nugly")
    found = await table.run()
    assert isinstance(found, EditCandidate)
    assert found.after == "use a\none\nnice\nnice\nthree\n" and found.text == "nice\nnice\n"
    (candidate,) = table.checks.checked
    assert (candidate.before, candidate.after) == (TEXT, found.after)
    assert (candidate.path, candidate.root, candidate.changed) == (
        "/work/a.x",
        "/work",
        found.changed,
    )


async def test_a_new_document_is_checked_by_itself() -> None:
    table = desk("use a\nfine")
    found = await table.run(assist(new="b.x"))
    assert isinstance(found, EditCandidate) and found.text == found.after == "use a\nfine\n"
    (candidate,) = table.checks.checked
    assert (candidate.path, candidate.before, candidate.after) == ("/work/b.x", "", found.after)


@pytest.mark.parametrize(
    ("answer", "message"),
    [("HANG it", "the checks were not done within 0.1 s"), ("CRASH", "ZeroDivisionError")],
)
async def test_checks_that_break_are_named(
    answer: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "_PATIENCE_S", 0.1)
    found = await desk(answer).run()
    assert isinstance(found, EditCandidate) and found.text == f"{answer}\n"
    assert [fault.kind for fault in found.faults] == ["checker"]
    assert message in found.faults[0].message


async def test_progress_messages_of_a_search() -> None:
    table = desk("BAD", "fine")
    await table.run()
    again = ["asking the model (try 2 of 4)", "checking (try 2 of 4)"]
    assert table.told == ["asking the model", "checking", *again]


# Which model ------------------------------------------------------------------------------------


class Asked:
    """A client that chooses, and notes what it was asked."""

    def __init__(self, chosen: str | None) -> None:
        self.chosen = chosen
        self.questions: list[str] = []

    def show(self, level: str, message: str) -> None:
        raise AssertionError(message)

    async def ask(self, level: str, message: str, actions: Sequence[str]) -> str | None:
        self.questions.append(message)
        assert tuple(actions) == (YES, NO, NEVER)
        return self.chosen

    async def bar(self, title: str, *, cancellable: bool) -> Bar:
        return NoBar()


class Chooser:
    """An ActionsModel whose pulls are only noted."""

    def __init__(self, chosen: str | None) -> None:
        self.client = Asked(chosen)
        self.pulled: list[str] = []
        puller = Puller(self.client, lambda name: None)
        self.running: list[Awaitable[None]] = []

        async def pull(name: str) -> None:
            self.pulled.append(name)

        puller.pull = pull  # type: ignore[method-assign, assignment]
        self.model = ActionsModel(self.client, puller, NoThreads(), self.running.append)

    async def choose(self, wanted: str = "", *, offer: bool = True) -> str:
        found = await self.model.choose(wanted, "small", offer=offer)
        for each in self.running:
            await each
        self.running.clear()
        return found


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TABWRIGHT_MODELS_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("chosen", "pulled"), [(YES, 1), (NO, 0), (NEVER, 0), (None, 0)])
async def test_the_offer(models: Path, chosen: str | None, pulled: int) -> None:
    chooser = Chooser(chosen)
    assert [await chooser.choose() for _ in range(3)] == ["small"] * 3
    assert len(chooser.client.questions) == 1 and len(chooser.pulled) == pulled
    assert "1117 MB" in chooser.client.questions[0]
    later = Chooser(None)
    await later.choose()
    assert len(later.client.questions) == (0 if chosen == NEVER else 1)


async def test_no_offer_where_it_makes_no_sense(models: Path) -> None:
    chooser = Chooser(YES)
    assert await chooser.choose("org/own") == "org/own"
    assert await chooser.choose(offer=False) == "small"
    assert chooser.client.questions == []


async def test_the_actions_model_is_used_when_it_is_installed(models: Path) -> None:
    folder = models / "qwen2.5-coder-1.5b"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text("{}")
    manifest.write(folder, name=folder.name, origin="test", licence="Apache-2.0")
    chooser = Chooser(YES)
    assert await chooser.choose() == "qwen2.5-coder-1.5b" and chooser.client.questions == []
    assert await chooser.choose("org/own") == "org/own"
