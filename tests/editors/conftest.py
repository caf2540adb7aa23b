from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.editor import Home

_END_S = 8.0


@pytest.fixture
def home() -> Iterator[Home]:
    # A Unix socket's path must be short, and pytest's own folders are deep.
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        yield Home(Path(folder))
        left = still_running(folder)
    assert not left, f"outlived its editor: {left}"


def still_running(folder: str) -> list[str]:
    """What still runs in a home some seconds after its editor has ended; it is killed."""
    until = time.monotonic() + _END_S
    while (found := _of(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    left = [" ".join(process.info["cmdline"] or [process.name()]) for process in found]
    for process in found:
        process.kill()
    psutil.wait_procs(found, timeout=2)
    return left


def _of(folder: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["environ", "cmdline", "status"])
        if (process.info["environ"] or {}).get("HOME") == folder
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]
