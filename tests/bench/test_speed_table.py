"""The rows of the speed table with the real server, a scripted engine and a made-up peer."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from bench.lib import lines, row_actions, row_growth, row_places, row_typing, speed, speed_table
from bench.lib.own_server import Workbench
from bench.lib.peer import Peer, running_peer
from bench.lib.stand import Sizes, Stand
from bench.lib.typing_replay import enter, type_here
from support import (
    checkout,  # noqa: F401
    fake_llama,
    scripted_engine,
)

from tabwright.lsp.language_client import LspClient

SIZES = Sizes(files=1, lines=2, keys=4, rounds=1)


TIMINGS = {"prompt_n": 70, "cache_n": 30, "predicted_n": 4, "predicted_ms": 200.0}


@pytest.fixture
def llama() -> Iterator[tuple[str, fake_llama.Asked]]:
    with fake_llama.serving(TIMINGS) as running:
        yield running


@contextlib.asynccontextmanager
async def stands(peer: Peer | None) -> AsyncIterator[Stand]:
    """Both servers on an engine that answers each line with the rest of it."""
    code = lines.source(lines.TYPED[0]).read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        runtime, workspace = Path(folder) / "run", Path(folder) / "work"
        runtime.mkdir(mode=0o700)
        workspace.mkdir()
        bench = Workbench(runtime, workspace, speed.BASE)
        rules = [{"match": "Add two numbers", "text": "a + b"}, {"document": code}]
        async with (
            scripted_engine.running({"rules": rules}, socket=runtime / "engine.sock"),
            speed_table.stand_of(bench, peer, SIZES) as stand,
        ):
            yield stand


async def sources(client: LspClient, stand: Stand) -> list[str]:
    line = lines.chosen(lines.TYPED[0], 1)[0]
    uri = stand.bench.uri("typed.py")
    await enter(client, uri, line)
    keys = await type_here(client, uri, line, 8)
    client.close(uri)
    return [key.source for key in keys]


async def test_only_the_asking_server_asks_at_every_key() -> None:
    async with stands(None) as stand:
        assert await sources(stand.plain, stand) == ["cache"] * 8
        assert await sources(stand.asking, stand) == ["model"] * 8


async def test_each_row_is_measured_on_both_sides(llama: tuple[str, fake_llama.Asked]) -> None:
    address, asked = llama
    async with running_peer(address, speed.MAX_TOKENS) as peer, stands(peer) as stand:
        typed = {row.name: row for row in await row_typing.typing(stand)}
        assert len(typed["typing_p50"].ours) == len(typed["typing_p50"].peer) == 8
        assert typed["typing_computed"].peer == (70,) * 8
        assert typed["typing_cpu"].ours and typed["typing_memory"].ours
        assert len(asked) == 2 * (1 + SIZES.keys)
        assert {body["n_predict"] for _, body in asked} == {speed.MAX_TOKENS}
        places = [*await row_places.cold(stand), *await row_places.jump(stand)]
        taken = await row_places.accept(stand)
        assert [len(row.ours) for row in (*places, *taken)] == [1, 5, 1, 1]
        assert all(len(row.ours) == len(row.peer) and row.ratio > 0 for row in (*places, *taken))
        asked.clear()
        actions = await row_actions.actions(stand)
        assert [row.name for row in actions] == ["generate", "fix"]
        assert all(row.peer == (20.0,) * row_actions.A_ROUND for row in actions)
        assert [path for path, _ in asked] == ["/completion"] * 2 * row_actions.A_ROUND
        assert all("<|im_start|>assistant" in body["prompt"] for _, body in asked)


async def test_what_grows_is_measured_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_growth, "LENGTHS", (100, 1_000))
    monkeypatch.setattr(row_growth, "CONTEXTS", ((100, 0), (400, 100)))
    monkeypatch.setattr(row_growth, "WINDOWS", (1, 2))
    monkeypatch.setattr(row_growth, "KEYS", 2)
    async with stands(None) as stand:
        rows = await row_growth.growth(stand)
    assert [row.name for row in rows] == ["growth_length", "growth_context", "growth_windows"]
    assert all(row.ours[0] > 0 for row in rows)
    assert "1,000 lines" in rows[0].note and "2 windows" in rows[2].note


def test_every_group_is_a_kind_of_its_own_and_can_be_picked() -> None:
    for name in speed_table.GROUPS:
        assert speed.parser().parse_args([name, "--no-peer"]).kind == name
    wanted = speed.wanted(
        speed.parser().parse_args(["all", "--only", "step", "--only", "cold", "--no-peer"]), {}
    )
    assert wanted.groups == ["cold", "step"]
    every = speed.wanted(speed.parser().parse_args(["all", "--no-peer", "--keys", "9"]), {})
    assert every.groups == list(speed_table.GROUPS)
    assert every.sizes == Sizes(5, 4, 9, 5)


async def test_the_peers_build_is_named(llama: tuple[str, fake_llama.Asked]) -> None:
    async with running_peer(llama[0], 8) as peer:
        told = await asyncio.wait_for(peer.build(), 5)
    assert told == "build b1-abc, 4 slots, 8192 tokens of context"
