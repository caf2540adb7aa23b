"""From a key press to ghost text on Neovim's screen, beside the server's own time for the same."""

from __future__ import annotations

import asyncio
import math
import sys
import time

import pytest
from editors.nvim import neovim
from support.editor import Home, engine_for

PRESSES = 50
MOST_ADDED_MS = 100.0  # at the median
NUMBERS = [f"{index:03}" for index in range(PRESSES)]
CODE = "".join(f"value_{number} = \n" for number in NUMBERS)
WHOLE = "".join(f"value_{number} = add(n{number})\n" for number in NUMBERS)


def percentiles(values: list[float]) -> tuple[float, float]:
    """p50 and p95."""
    found = sorted(values)
    return found[math.ceil(0.5 * len(found)) - 1], found[math.ceil(0.95 * len(found)) - 1]


@pytest.mark.timing
@pytest.mark.timeout(240)
async def test_neovim_adds_less_than_100_ms(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    rule = {"document": WHOLE, "first_delay_ms": 20}
    seen, server = [], []
    async with engine_for(home, rule), neovim(home, CODE) as nvim:
        await nvim.until_ready()
        await nvim.keys("ggA")
        await nvim.until_row(0, "value_000 = add(n000)")  # what beginning to insert gives
        await nvim.keys("<C-]>")
        await nvim.until_row(0, "value_000 =")
        for number in NUMBERS:
            # A person's pause between two lines; without one it would be taken for fast typing.
            await asyncio.sleep(0.25)
            text = f"value_{number} = add(n{number})"
            assert text not in nvim.screen.rows
            pressed = time.perf_counter()
            await nvim.keys("a")
            await nvim.until(lambda text=text: text in nvim.screen.rows, text)  # type: ignore[misc]
            seen.append((time.perf_counter() - pressed) * 1000)
            why = await nvim.command("why")
            assert why["reason"] == "shown" and why["position"]["line"] == int(number)
            server.append(float(why["ms"]))
            await nvim.keys("<C-]><Down><End>")
    screen, own = percentiles(seen), percentiles(server)
    with capsys.disabled():
        sys.stdout.write(
            f"\nNeovim, {len(seen)} key presses: on the screen p50 {screen[0]:.0f} ms,"
            f" p95 {screen[1]:.0f} ms; server p50 {own[0]:.0f} ms, p95 {own[1]:.0f} ms\n"
        )
    assert screen[0] - own[0] < MOST_ADDED_MS
