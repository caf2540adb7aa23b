from __future__ import annotations

import sys
from pathlib import Path

import checkout  # noqa: F401
from bench.lib.lines import Line
from bench.lib.own_server import Workbench
from bench.lib.peer import Peer, PeerAnswer
from bench.lib.typing_replay import Key, Replay, together, type_at_peer, type_here

from tabwright.cli.lsp_client import LspClient

FAKE = Path(__file__).parents[1] / "fake_lsp.py"
KEYS = (
    Key(100.0, "model", 2, "abc", 900.0, 40),
    Key(2.0, "cache", 0, "bc", 800.0, 40),
    Key(200.0, "model", 4, "x", 1000.0, 40),
    Key(1.0, "none", 0, "", 700.0, 40),
)


def test_figures_are_over_the_keys_that_asked_the_model() -> None:
    assert Replay("a.py", KEYS, 60).row() == {
        "case": "a.py",
        "ours_p50_ms": 100.0,
        "ours_p95_ms": 200.0,
        "peer_p50_ms": 900.0,
        "peer_p95_ms": 1000.0,
        "no_model_share": 0.5,
        "tokens_per_key": 3,
    }


def test_what_is_not_known_of_a_cut_answer_is_left_out() -> None:
    keys = (*KEYS, Key(9.0, "model", None, "y", 500.0, 40))
    row = Replay("a.py", keys, 60).row()
    assert (row["no_model_share"], row["tokens_per_key"]) == (0.4, 3)


def test_all_keys_are_told_too() -> None:
    found = Replay("a.py", KEYS, 60).over_all()
    assert (found["keys"], found["shown"], found["engine tokens/key"]) == (4, 0.75, 15)
    assert found["ours p50"] == 2.0
    assert found["peer tokens/key"] == sum(key.peer_tokens for key in KEYS) / len(KEYS)


def test_without_a_peer_its_figures_are_empty() -> None:
    row = Replay("a.py", (Key(5.0, "model", 1, "a"),), 1).row()
    assert row["peer_p50_ms"] is None
    assert Replay("b.py", (), 0).row()["ours_p50_ms"] is None


def test_together_adds_up() -> None:
    total = together([Replay("a.py", KEYS, 60), Replay("b.py", KEYS[:1], 5)])
    assert (total.case, len(total.keys), total.engine_tokens) == ("total", 5, 65)


async def test_the_peer_is_asked_where_our_model_was() -> None:
    asked: list[tuple[str, int]] = []

    class Asked(Peer):
        async def complete(self, text: str, offset: int) -> PeerAnswer:
            asked.append((text[:offset], offset))
            return PeerAnswer("", 700.0, 50)

    line = Line("a.py", 1, "", "", "abc", "\nend\n")
    ours = [Key(90.0, "model", 2, "x"), Key(1.0, "cache", 0, "y"), Key(80.0, "model", 1, "z")]
    keys = await type_at_peer(Asked("", 1), line, ours)
    assert [text for text, _ in asked] == ["", "a", "abc"]
    assert [key.peer_tokens for key in keys] == [50, 0, 50]


async def test_each_character_is_a_change_and_a_request(tmp_path: Path) -> None:
    client = await LspClient.start(command=(sys.executable, str(FAKE)))
    line = Line("a.py", 2, '# answer: "tail"\n', "  ", "abc", "\nend\n")
    try:
        keys = await type_here(client, Workbench(tmp_path, tmp_path, {}).uri("a.py"), line)
        why = await client.execute("tabwright.why")
    finally:
        await client.stop()
    assert [key.shown for key in keys] == ["tail"] * 3
    assert why["position"] == {"line": 1, "character": 5}
