"""The counts of what became of suggestions: added up, told, deleted, and never in the way."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from tabwright.statistics import Event, Statistics, StatisticsError

DAY = date(2026, 11, 25)
EVENTS = (
    Event("shown", "python", ms=100),
    Event("shown", "python", ms=100),
    Event("shown", "python", ms=900),
    Event("shown", "go", ms=50),
    Event("accepted", "python", 30),
    Event("partly", "python", 5),
    Event("kept_30s", "python"),
    Event("lost_5min", "python"),
    Event("actions", "go"),
)


def report(statistics: Statistics, days: int = 7) -> dict[str, Any]:
    return cast(dict[str, Any], statistics.report(days, DAY))


def test_nothing_is_written_before_something_happens(tmp_path: Path) -> None:
    statistics = Statistics(tmp_path / "new" / "statistics.db")
    found = report(statistics)
    assert found["languages"] == {} and found["total"]["shown"] == 0
    assert found["total"]["accepted_share"] is None and found["total"]["p50_ms"] is None
    assert not statistics.file.exists()


def test_figures_by_language(tmp_path: Path) -> None:
    statistics = Statistics(tmp_path / "statistics.db")
    statistics.add(EVENTS, DAY)
    found = report(statistics)
    python = found["languages"]["python"]
    assert (python["shown"], python["accepted"], python["partly"]) == (3, 1, 1)
    assert python["characters"] == 35 and python["accepted_share"] == 0.667
    assert (python["kept_30s"], python["kept_5min"]) == (1.0, 0.0)
    assert python["p50_ms"] == pytest.approx(100, rel=0.05)
    assert python["p95_ms"] == pytest.approx(900, rel=0.05)
    assert found["languages"]["go"]["actions"] == 1
    assert found["total"]["shown"] == 4


def test_days_are_told_apart_and_old_ones_left_out(tmp_path: Path) -> None:
    statistics = Statistics(tmp_path / "statistics.db")
    for back in (0, 1, 7):
        statistics.add(EVENTS[:1], DAY - timedelta(days=back))
    found = report(statistics, 7)
    assert list(found["days"]) == ["2026-11-24", "2026-11-25"]
    assert found["total"]["shown"] == 2 and found["since"] == "2026-11-19"


def test_several_servers_write_at_once(tmp_path: Path) -> None:
    file = tmp_path / "statistics.db"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Statistics(file).add(EVENTS, DAY), range(40)))
    assert report(Statistics(file))["total"]["shown"] == 160


def test_deleting(tmp_path: Path) -> None:
    statistics = Statistics(tmp_path / "statistics.db")
    statistics.add(EVENTS, DAY)
    statistics.delete()
    statistics.delete()
    assert report(statistics)["total"]["shown"] == 0


def test_a_broken_file_is_set_aside(tmp_path: Path) -> None:
    statistics = Statistics(tmp_path / "statistics.db")
    statistics.file.write_bytes(b"no database" * 200)
    statistics.add(EVENTS, DAY)
    assert report(statistics)["total"]["shown"] == 4
    assert (tmp_path / "statistics.broken").exists()


def test_what_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StatisticsError, match="cannot be opened"):
        Statistics(tmp_path / "file" / "statistics.db").add(EVENTS, DAY)
    with pytest.raises(StatisticsError, match="cannot be deleted"):
        Statistics(tmp_path).delete()


def test_a_file_that_another_holds_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabwright.statistics._WAIT_S", 0.05)
    statistics = Statistics(tmp_path / "statistics.db")
    statistics.add(EVENTS, DAY)
    with sqlite3.connect(statistics.file) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StatisticsError, match="locked"):
            statistics.add(EVENTS, DAY)
    assert report(statistics)["total"]["shown"] == 4
