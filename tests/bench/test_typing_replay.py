from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bench.lib.lines import Line
from bench.lib.own_server import Workbench
from bench.lib.peer import Peer, PeerAnswer
from bench.lib.row_typing import Side, following_rows, typing_rows
from bench.lib.typing_replay import Key, enter, follow, free_share, type_at_peer, type_here
from support import checkout  # noqa: F401

from tabwright.lsp.language_client import LspClient

FAKE = Path(__file__).parents[1] / "support" / "fake_lsp.py"
KEYS = [
    Key(100.0, "model", 2, 40, "abc"),
    Key(2.0, "cache", 0, 42, "bc"),
    Key(200.0, "model", None, None, "x"),
    Key(1.0, "none", 0, 0),
]
PEER = [Key(float(ms), "model", 70, 10) for ms in (900, 800, 1000, 700)]
LINE = Line("a.py", 2, '# answer: "tail"\n', "  ", "abc", "\nend\n")


def test_times_and_tokens_are_over_the_keys_that_asked_the_model() -> None:
    ours = Side(KEYS, cpu_s=0.2, joules=None, peak_mib=900.0)
    rows = {row.name: row for row in typing_rows(ours, Side(PEER, cpu_s=8.0, joules=None))}
    assert (rows["typing_p50"].ours, rows["typing_p50"].peer) == ((100, 200), (900, 1000))
    assert rows["typing_p50"].ratio == 9
    assert rows["typing_p95"].ratio == 5
    assert rows["typing_computed"].ours == (2,) and rows["typing_reused"].peer == (10, 10)
    assert rows["typing_cpu"].ours == (5,) and rows["typing_cpu"].peer == (200,)
    assert rows["typing_energy"].ours == () and rows["typing_energy"].note
    assert rows["typing_memory"].ours == (900,) and rows["typing_memory"].peer == ()
    assert rows["typing_p50"].note == "2 of 4 keys asked the model"


def test_without_a_peer_its_figures_are_empty() -> None:
    rows = typing_rows(Side(KEYS), Side())
    assert all(row.json()["peer_p50"] is None for row in rows)


def test_the_share_is_that_of_the_keys_that_did_not_ask() -> None:
    assert free_share(KEYS) == 0.5
    share, computed, _ = following_rows({"own": KEYS[:2], "along": KEYS[2:], "tab": []})
    assert (share.ours, share.met, computed.ours) == ((0.5,), True, (2,))
    assert "by way: own 0.50, along 0.50; from: model 2, cache 1, none 1" in share.note


@pytest.mark.parametrize(("most", "sent"), [(0, ["a", "ab", "abc"]), (2, ["a", "ab"])])
async def test_the_peer_is_asked_at_every_key(most: int, sent: list[str]) -> None:
    asked: list[str] = []

    class Asked(Peer):
        async def complete(self, text: str, offset: int) -> PeerAnswer:
            asked.append(text[:offset])
            return PeerAnswer("", 700.0, 50, 45, 12)

    line = Line("a.py", 1, "", "", "abc", "\nend\n")
    keys = await type_at_peer(Asked("", 1), line, most)
    assert asked == sent
    assert keys[0] == Key(700.0, "model", 45, 12)


async def test_each_character_is_a_change_and_a_request(tmp_path: Path) -> None:
    client = await LspClient.start(command=(sys.executable, str(FAKE)))
    uri = Workbench(tmp_path, tmp_path, {}).uri("a.py")
    try:
        await enter(client, uri, LINE)
        keys = await type_here(client, uri, LINE)
        why = await client.execute("tabwright.why")
    finally:
        await client.stop()
    assert [key.shown for key in keys] == ["tail"] * 3
    assert why["position"] == {"line": 1, "character": 5}


async def test_a_typist_presses_a_key_for_every_step(tmp_path: Path) -> None:
    client = await LspClient.start(command=(sys.executable, str(FAKE)))
    uri = Workbench(tmp_path, tmp_path, {}).uri("a.py")
    try:
        counts = [len(await follow(client, uri, LINE, way)) for way in ("own", "along", "tab")]
    finally:
        await client.stop()
    assert counts == [3, 3 + len("tail"), 4]
