"""What keeps tests that run at the same time apart."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy is no fault of the code: hypothesis must not watch the clock.
settings.register_profile("tabwright", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tabwright")


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are CPUs, since tests wait too; each collects all tests anew."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(1 + (len(affinity(0)) if affinity else os.cpu_count() or 1), 8)


@pytest.fixture(scope="session", autouse=True)
def _own_runtime_folder() -> Iterator[None]:
    """An engine's socket of this process's own: nothing meets in the user's engine."""
    with (
        # A Unix socket's path must be short, and pytest's own folders are deep.
        tempfile.TemporaryDirectory(prefix="tw-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TABWRIGHT_RUNTIME_DIR", folder)
        yield
