"""Suggestions followed through a document, and what is counted of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from support.no_threads import NoThreads

from tabwright.app.completion.query import CompletionResult
from tabwright.app.statistics import acceptance_tracker as module
from tabwright.app.statistics.acceptance_tracker import AcceptanceStatistics
from tabwright.core.text import Edit, Snapshot, Span
from tabwright.statistics import Statistics

URI = "file:///work/a.py"
OTHER = "file:///work/%C3%A4.py"


class Desk:
    """A user who types; ``counts`` are those that were written."""

    def __init__(self, folder: Path) -> None:
        self.texts: dict[str, Snapshot] = {}
        self.on = True
        self.tasks: list[asyncio.Task[None]] = []
        self.statistics = Statistics(folder / "statistics.db")
        self.usage = AcceptanceStatistics(
            self.statistics,
            lambda uri: self.texts.get(unquote(uri)),
            NoThreads(),
            self._spawn,
            lambda: self.on,
        )

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    def type(self, text: str, uri: str = URI) -> None:
        self.texts[unquote(uri)] = Snapshot(uri, "python", 1, text)
        self.usage.changed(uri)

    def show(self, suggestion: str, uri: str = URI) -> None:
        snapshot = self.texts[unquote(uri)]
        at = len(snapshot.text)
        edits = (Edit(Span(at, at), suggestion),) if suggestion else ()
        self.usage.shown(snapshot, CompletionResult(edits, ms=120.0))

    async def counts(self) -> dict[str, Any]:
        found: Any = await self.usage.report()
        return {key: value for key, value in found["total"].items() if value}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LATER", ((0.01, "kept_30s", "lost_30s"),))


async def test_a_suggestion_shown_while_typing_counts_once(desk: Desk) -> None:
    desk.type("x = ")
    desk.show("f(1)")
    desk.type("x = f")
    desk.show("(1)")
    desk.show("")
    counts = await desk.counts()
    assert counts["shown"] == 1 and "accepted" not in counts
    assert counts["p50_ms"] == pytest.approx(120, rel=0.05)


async def test_accepted_by_words_and_whole(desk: Desk) -> None:
    desk.type("x = ")
    desk.show("call(one, two)")
    desk.type("x = call(")
    desk.type("x = call(one, two)")
    counts = await desk.counts()
    assert (counts["shown"], counts["partly"], counts["accepted"]) == (1, 1, 1)
    assert counts["characters"] == len("call(one, two)")


async def test_a_suggestion_taken_in_several_parts_is_one_of_those_accepted(desk: Desk) -> None:
    for begun in ("x = ", "y = "):
        desk.type(begun)
        desk.show("one + two + three")
    for more in ("one ", "one + ", "one + two ", "one + two + three"):
        desk.type(f"y = {more}")
    counts = await desk.counts()
    assert (counts["shown"], counts["accepted_share"]) == (2, 0.5)
    assert counts["characters"] == len("one + two + three")


async def test_typed_by_hand_or_otherwise_it_was_not_accepted(desk: Desk) -> None:
    desk.type("x = ")
    desk.show("ab")
    desk.type("x = a")
    desk.type("x = ab")
    desk.show("cd")
    desk.type("x = ab + ")
    desk.type("x = ab + cd")
    assert await desk.counts() == {"shown": 2, "p50_ms": 119, "p95_ms": 119}


@pytest.mark.parametrize(
    ("later", "kind"), [("x = f(1)\ny = 2", "kept_30s"), ("x = 5", "lost_30s")]
)
@pytest.mark.parametrize("closed", [False, True])
async def test_looked_for_again_later(
    desk: Desk, quick: None, later: str, kind: str, closed: bool
) -> None:
    desk.type("x = ", OTHER)
    desk.show("f(1)", OTHER)
    desk.type("x = f(1)", OTHER)
    desk.type(later, OTHER)
    if closed:
        del desk.texts[unquote(OTHER)]
        desk.usage.closed(OTHER)
    else:
        await asyncio.sleep(0.1)
    found: Any = await desk.usage.report()
    assert found["total"]["kept_30s"] == float(kind == "kept_30s")


async def test_pending_counts_are_written_when_the_server_ends(desk: Desk) -> None:
    desk.type("x = ")
    desk.show("f(1)")
    desk.type("x = f(1)")
    desk.usage.close()
    total: Any = desk.statistics.report(1, date.today())["total"]
    assert (total["accepted"], total["kept_30s"], total["kept_5min"]) == (1, 1.0, 1.0)


async def test_counts_are_written_by_themselves(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WRITE_S", 0.01)
    desk.usage.acted("python")
    desk.usage.acted("python")
    await asyncio.gather(*desk.tasks)
    total: Any = desk.statistics.report(1, date.today())["total"]
    assert total["actions"] == 2 and len(desk.tasks) == 1


async def test_switched_off_nothing_is_counted(desk: Desk) -> None:
    desk.type("x = ")
    desk.show("f(1)")
    desk.on = False
    desk.usage.configured()
    desk.show("f(2)")
    desk.usage.acted("python")
    desk.type("x = f(1)")
    desk.usage.close()
    assert not desk.statistics.file.exists()


async def test_deleting(desk: Desk) -> None:
    desk.type("x = ")
    desk.show("f(1)")
    assert (await desk.counts())["shown"] == 1
    assert (await desk.usage.delete())["ok"]
    assert await desk.counts() == {}


async def test_an_unusable_statistics_file_is_reported(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.statistics.file.mkdir()
    desk.usage.acted("python")
    found = await desk.usage.report()
    assert "cannot be opened" in str(found["problem"])
    assert "1 counts are lost" in caplog.text
    assert not (await desk.usage.delete())["ok"]


async def test_a_huge_document_is_not_followed(desk: Desk) -> None:
    desk.type("x" * 1_000_001)
    desk.show("f(1)")
    assert await desk.counts() == {}
