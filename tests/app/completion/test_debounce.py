from __future__ import annotations

import pytest

from tabwright.app.completion.session import Debounce


def typed(*gaps: float, latencies: tuple[float, ...] = ()) -> tuple[Debounce, float]:
    """A debounce after keystrokes with these gaps between them, and the time of the last."""
    debounce, now = Debounce(), 100.0
    debounce.keystroke(now)
    for gap in gaps:
        now += gap
        debounce.keystroke(now)
    for latency in latencies:
        debounce.answered(latency)
    return debounce, now


@pytest.mark.parametrize(
    ("gaps", "latencies", "at_line_end", "expected"),
    [
        ((), (), False, 0.1),  # nothing known yet
        ((0.2, 0.2), (), False, 0.2),  # the mean of the gaps
        ((0.1, 0.3), (), False, 0.2),
        ((0.01, 0.01), (), False, 0.1),  # at least 100 ms
        ((0.9, 0.9), (), False, 0.4),  # at most 400 ms
        ((0.2, 60.0, 0.2), (), False, 0.2),  # a pause is no gap
        ((1.0,) * 20 + (0.2,) * 10, (), False, 0.2),  # only the last gaps count
        ((0.2, 0.2), (), True, 0.1),  # less at the end of a line
        ((0.2, 0.2), (0.1,), False, 0.025),  # a warm engine
        ((0.2, 0.2), (0.1,), True, 0.025),
        ((0.2, 0.2), (2.0,), False, 0.2),  # a slow one
        ((0.2, 0.2), (9.0, 0.1, 0.1), False, 0.025),  # the first answer was the load
        ((0.2, 0.2), (0.1,) * 9 + (2.0,) * 5, False, 0.2),  # it has become slow
    ],
)
def test_the_wait(
    gaps: tuple[float, ...], latencies: tuple[float, ...], at_line_end: bool, expected: float
) -> None:
    debounce, now = typed(*gaps, latencies=latencies)
    assert debounce.delay_s(now, at_line_end=at_line_end) == pytest.approx(expected)


def test_time_since_the_key_counts() -> None:
    debounce, now = typed(0.2, 0.2)
    assert debounce.delay_s(now + 0.15, at_line_end=False) == pytest.approx(0.05)
    assert debounce.delay_s(now + 9.0, at_line_end=False) == 0.0


def test_a_clock_that_goes_back_is_borne() -> None:
    debounce, now = typed(0.2)
    debounce.keystroke(now - 50)
    assert 0.0 <= debounce.delay_s(now - 50, at_line_end=False) <= 0.4
