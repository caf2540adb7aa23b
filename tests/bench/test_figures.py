from __future__ import annotations

import math

import pytest
from bench.lib import figures
from support import checkout  # noqa: F401


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([3.0, 1.0, 2.0], 0.5, 2.0), ([1.0, 2.0], 0.5, 1.0), ([*map(float, range(1, 101))], 0.95, 95)],
)
def test_percentile(values: list[float], share: float, found: float) -> None:
    assert figures.percentile(values, share) == found


def test_nothing_has_no_percentile() -> None:
    assert math.isnan(figures.p50([]))
    assert figures.number(figures.p50([])) is None


def test_a_table_is_aligned() -> None:
    assert figures.table([["a", 1.23456], ["long", 1234.5]], header=["", "ms"]) == (
        "        ms\n----  ----\na     1.23\nlong  1234"
    )
