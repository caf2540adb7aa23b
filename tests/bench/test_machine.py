from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest
from bench.lib import machine
from support import checkout  # noqa: F401


def test_the_bandwidth_is_that_of_some_memory() -> None:
    assert 1e8 < machine.bandwidth(threads=2, size=1 << 24) < 1e13


def test_cpu_time_is_added_up() -> None:
    before = machine.cpu_seconds(os.getpid())
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert machine.cpu_seconds(os.getpid()) - before >= 0.03
    assert machine.cpu_seconds() == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells it there")
def test_the_peak_is_no_less_than_what_is_used() -> None:
    now = psutil.Process().memory_info().rss / machine.MEBIBYTE
    assert machine.peak_mib(os.getpid()) >= now * 0.9
    assert machine.peak_mib(os.getpid(), 2**22 + 1) == machine.peak_mib(os.getpid())


def test_energy_is_that_of_the_packages(tmp_path: Path) -> None:
    assert machine.joules(tmp_path) is None
    for name, counted in (("intel-rapl:0", 2_000_000), ("intel-rapl:1", 1), ("intel-rapl:0:0", 9)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{counted}\n")
    assert machine.joules(tmp_path) == 2.000001
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("?")
    assert machine.joules(tmp_path) is None


def test_only_this_machines_listeners_are_looked_for() -> None:
    assert machine.listener("http://192.0.2.1:80") is None
    assert machine.listener("http://127.0.0.1:1") is None
