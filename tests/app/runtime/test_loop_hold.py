"""The longest hold of the event loop, told apart from what other processes cost."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from tabwright.app.runtime.loop_hold import LoopHold

pytestmark = pytest.mark.timing


def _compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def test_a_task_that_computes_is_seen() -> None:
    hold = LoopHold()
    hold.message()
    await asyncio.sleep(0.1)
    _compute(0.2)
    await asyncio.sleep(0.1)
    hold.close()
    assert 0.15 < hold.longest_s < 1


async def test_a_thread_that_keeps_the_interpreters_lock_is_seen() -> None:
    number = 7**1_000_000
    began = time.thread_time()
    number.__mul__(number)
    took = time.thread_time() - began
    hold = LoopHold()
    hold.message()
    await asyncio.sleep(0.1)
    thread = threading.Thread(target=number.__mul__, args=(number,))
    thread.start()
    await asyncio.sleep(0.1)
    thread.join()
    await asyncio.sleep(0.1)
    hold.close()
    assert hold.longest_s > took / 3 > 0.01


async def test_waiting_is_no_hold() -> None:
    hold = LoopHold()
    hold.message()
    await asyncio.sleep(0.1)
    time.sleep(0.3)
    await asyncio.sleep(0.1)
    hold.close()
    assert hold.longest_s < 0.1


async def test_it_beats_only_while_messages_come() -> None:
    hold = LoopHold()
    hold.message()
    assert hold._beating
    hold.close()
    await asyncio.sleep(0.1)
    assert not hold._beating
