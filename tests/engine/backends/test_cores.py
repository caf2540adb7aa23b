from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tabwright.engine.backends.cores import cores


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("250000 100000\n", 2),
        ("50000 100000\n", 1),
        ("1600000 100000\n", 8),
        ("0 0\n", 8),
        ("", 8),
        (None, 8),
    ],
)
def test_no_more_threads_than_a_container_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str | None, expected: int
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 16 if logical else 8)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(16)), raising=False)
    quota = tmp_path / "cpu.max"
    if written is not None:
        quota.write_text(written)
    assert cores(quota) == expected


def test_no_more_threads_than_cores_the_process_is_bound_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 16 if logical else 8)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {3, 5}, raising=False)
    assert cores(tmp_path / "none") == 2
