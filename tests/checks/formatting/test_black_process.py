"""black's own process: it stays for the next text, and another one comes where it is lost."""

from __future__ import annotations

import asyncio
import time

import pytest

from tabwright.checks.formatting import black_process

LONG = "def add(a,b):\n    return a+b\n" + "".join(f"value_{n} = {n}\n" for n in range(100))


async def of_black() -> str:
    return await black_process.format_edit("", "", LONG, LONG + "\nlast   = 1\n")


def pid() -> int:
    process = black_process._process._child
    assert process is not None
    return process.pid


async def test_the_process_stays_for_the_next_text() -> None:
    assert await of_black() == LONG + "\nlast = 1\n"
    first = pid()
    texts = await asyncio.gather(*(of_black() for _ in range(3)))
    assert texts == [LONG + "\nlast = 1\n"] * 3
    assert pid() == first


async def test_a_process_that_was_killed_is_replaced() -> None:
    await of_black()
    first = pid()
    process = black_process._process._child
    assert process is not None
    process.kill()
    process.wait()
    assert await of_black() == LONG + "\nlast = 1\n"
    assert pid() != first


async def test_one_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    await of_black()
    first = pid()
    monkeypatch.setattr(black_process, "_TIMEOUT_S", 0.05)
    # Some thousand statements take black longer than that on any machine.
    large = "".join(f"value_{n}   = [{n},{n}]\n" for n in range(2500))
    started = time.monotonic()
    assert await black_process.format_edit("", "", large, large + "last   = 1\n") == large + (
        "last   = 1\n"
    )
    assert time.monotonic() - started < 5
    monkeypatch.undo()
    assert await of_black() == LONG + "\nlast = 1\n"
    assert pid() != first
