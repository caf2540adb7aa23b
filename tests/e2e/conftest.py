from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.editor import Home


@pytest.fixture
def home() -> Iterator[Home]:
    # A Unix socket's path must be short, and pytest's own folders are deep.
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        yield Home(Path(folder))
