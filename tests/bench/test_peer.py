from __future__ import annotations

import pytest
from bench.lib import peer
from support import (
    checkout,  # noqa: F401
    fake_llama,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a\nb = ║c\nd\n", ("a\n", "b = ", "c", "d\n")),
        ("║", ("", "", "", "")),
        ("a\n  ║", ("a\n", "  ", "", "")),
    ],
)
def test_the_cursor_cuts_the_text(text: str, parts: tuple[str, str, str, str]) -> None:
    assert peer.cut(text.replace("║", ""), text.index("║")) == parts


def test_the_window_is_llama_vims() -> None:
    text = "before\n" * 300 + "line" + "\nafter" * 100
    before, line, _, after = peer.cut(text, 300 * 7 + 2)
    assert (before.count("\n"), line, after.count("after")) == (256, "li", 64)


async def test_a_running_peer_is_asked_and_timed() -> None:
    with fake_llama.serving({"prompt_n": 7, "predicted_n": 3}) as (address, asked):
        async with peer.running_peer(address, 48) as running:
            answer = await running.complete("a\nb = \nc\n", 6)
    assert (answer.text, answer.computed_tokens) == ("x + 1", 10)
    assert answer.milliseconds > 0
    ((path, body),) = asked
    assert path == "/infill"
    assert body["input_prefix"] == "a\n" and body["prompt"] == "b = "
    assert body["input_suffix"] == "\nc\n" and body["n_predict"] == 48


async def test_a_peer_that_is_not_there_is_told() -> None:
    async with peer.running_peer("http://127.0.0.1:9", 8) as gone:
        with pytest.raises(peer.PeerError, match="did not answer"):
            await gone.complete("a", 1)
