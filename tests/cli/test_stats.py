"""``tabwright stats``."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from tabwright import paths
from tabwright.__main__ import main
from tabwright.statistics import Event, Statistics


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "statistics_file", lambda: tmp_path / "statistics.db")
    return tmp_path / "statistics.db"


def test_a_table(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats"]) == 0
    assert "Nothing was counted" in capsys.readouterr().out
    events = [
        Event("shown", "python", ms=100),
        Event("shown", "python"),
        Event("accepted", "python", 9),
    ]
    Statistics(file).add(events, date.today())
    assert main(["stats", "--days", "1"]) == 0
    printed = capsys.readouterr().out
    python = next(line for line in printed.splitlines() if line.startswith("python"))
    assert python.split()[:7] == ["python", "2", "1", "0", "50%", "-", "-"]
    assert main(["stats", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["characters"] == 9


def test_deleting(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Statistics(file).add([Event("shown", "python")], date.today())
    assert main(["stats", "--delete"]) == 0
    assert not file.exists() and "deleted" in capsys.readouterr().out


def test_a_file_that_cannot_be_used(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.mkdir()
    assert main(["stats"]) == 1
    assert "cannot be opened" in capsys.readouterr().err
