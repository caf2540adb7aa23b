"""The process that runs black is reused, and replaced when it ends."""

from __future__ import annotations

import asyncio
import time

import pytest

from tabwright.checks.formatting import black_process

LONG = "def add(a,b):\n    return a+b\n" + "".join(f"value_{n} = {n}\n" for n in range(100))


async def format_long() -> str:
    return await black_process.format_edit("", "", LONG, LONG + "\nlast   = 1\n")


def pid() -> int:
    process = black_process._process._child
    assert process is not None
    return process.pid


async def test_the_process_is_reused() -> None:
    assert await format_long() == LONG + "\nlast = 1\n"
    first = pid()
    texts = await asyncio.gather(*(format_long() for _ in range(3)))
    assert texts == [LONG + "\nlast = 1\n"] * 3
    assert pid() == first


async def test_a_process_that_was_killed_is_replaced() -> None:
    await format_long()
    first = pid()
    process = black_process._process._child
    assert process is not None
    process.kill()
    process.wait()
    assert await format_long() == LONG + "\nlast = 1\n"
    assert pid() != first


async def test_a_process_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    await format_long()
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
    assert await format_long() == LONG + "\nlast = 1\n"
    assert pid() != first
