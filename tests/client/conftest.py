"""What the tests of the client share: a request, and a scripted engine on a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support import scripted_engine

from tabwright.client.engine import Request
from tabwright.client.http import Link, Target
from tabwright.core.prompting.prompt import Prompt, Token

Linked = Callable[..., AbstractAsyncContextManager[tuple[Link, scripted_engine.ScriptedEngine]]]


@pytest.fixture
def ask() -> Callable[..., Request]:
    """Make a request with a suffix-first prompt that ends in the given text."""

    def make(text: str = "def add(a, b):\n    return ", **fields: Any) -> Request:
        parts = (Token("<|fim_suffix|>"), "\n", Token("<|fim_middle|>"), text)
        return Request(**{"model": "m", "prompt": Prompt(parts), "max_tokens": 32, **fields})

    return make


@pytest.fixture
def linked() -> Linked:
    """Serve a script and connect a Link to it."""

    @asynccontextmanager
    async def make(
        *rules: dict[str, Any], total_s: float | None = None
    ) -> AsyncIterator[tuple[Link, scripted_engine.ScriptedEngine]]:
        async with scripted_engine.running({"rules": list(rules)}) as engine:
            link = Link(Target("the engine", socket=str(engine.socket), total_s=total_s))
            try:
                yield link, engine
            finally:
                await link.aclose()

    return make


@pytest.fixture
def runtime_dir(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """An own, short runtime folder and an own log folder."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        monkeypatch.setenv("TABWRIGHT_RUNTIME_DIR", folder)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield Path(folder)
