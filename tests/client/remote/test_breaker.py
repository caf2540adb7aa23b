from __future__ import annotations

from tabwright.client.remote.breaker import Breaker
from tabwright.core.message import Message


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_three_failures_open_it_and_rests_grow() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(2):
        breaker.failed(Message("no route"))
        assert breaker.refusal() is None
    rests = []
    for _ in range(6):
        breaker.failed(Message("no route"))
        refusal = breaker.refusal()
        assert refusal is not None and refusal.startswith("no route (asked again in ")
        start = clock.now
        while breaker.refusal() is not None:
            clock.now += 1
        rests.append(clock.now - start)
        breaker.trying()
        assert breaker.refusal() is not None, "one at a time tries after a rest"
    assert rests == [5, 10, 20, 40, 60, 60]


def test_success_ends_it() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(3):
        breaker.failed(Message("x"))
    clock.now = 5
    breaker.trying()
    breaker.succeeded()
    assert breaker.refusal() is None
    breaker.failed(Message("x"))
    assert breaker.refusal() is None


def test_a_cancelled_try_lets_the_next_one_try() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(3):
        breaker.failed(Message("x"))
    clock.now = 5
    breaker.trying()
    breaker.abandoned()
    assert breaker.refusal() is None
