"""Completions of the real 0.5B model through the real server; `║` is the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabwright.lsp.language_client import LspClient
from tabwright.models.catalog import DEFAULT_COMPLETION
from tabwright.models.store import ModelError, locate

CASES = [
    (
        "mean.py",
        "python",
        "def mean(values: list[float]) -> float:\n"
        '    """Return the arithmetic mean of the values."""\n'
        "    return sum(values) / ║\n",
        "len(values)",
    ),
    (
        "stack.py",
        "python",
        "class Stack:\n    def __init__(self):\n        self.items = []\n\n"
        "    def push(self, item):\n        self.items.║\n\n"
        "    def pop(self):\n        return self.items.pop()\n",
        "append(item)",
    ),
    (
        "even.py",
        "python",
        "def is_even(number: int) -> bool:\n    return number % 2 ║\n\n\n"
        "def is_odd(number: int) -> bool:\n    return not is_even(number)\n",
        "== 0",
    ),
    (
        "total.js",
        "javascript",
        "function total(prices) {\n  let sum = 0;\n  for (const price of prices) {\n"
        "    sum += ║\n  }\n  return sum;\n}\n",
        "price",
    ),
    (
        "wörter.py",
        "python",
        "import json\n\n\ndef lade(pfad):\n    # 🙂 Grüße\n    with open(pfad) as datei:\n"
        "        return json.lo║\n",
        "ad(datei)",
    ),
    (
        "area.py",
        "python",
        "import math\n\n\nclass Circle:\n    def __init__(self, radius: float):\n"
        "        self.radius = radius\n\n    def area(self) -> float:\n"
        "        return math.pi * self.rad║\n",
        "ius",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An engine of this run's own, so that an editor's on the same machine is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TABWRIGHT_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        yield


def test_the_model_is_there() -> None:
    """`make test` pulls it; without it these tests must fail and not be passed over."""
    try:
        locate(DEFAULT_COMPLETION)
    except ModelError as error:
        pytest.fail(str(error))


async def ready(client: LspClient) -> None:
    """Wait until the model is loaded; the server says so in its status."""
    async with asyncio.timeout(150):
        while (status := await client.execute("tabwright.status")).get("state") != "ready":
            assert status.get("state") not in ("failed", "error"), status
            await asyncio.sleep(0.2)


@pytest.mark.model
@pytest.mark.timeout(300)
async def test_completions_of_obvious_code(tmp_path: Path) -> None:
    settings = {"completion": {"debounceMs": 0}, "engine": {"idleMinutes": 1}}
    client = await LspClient.start(settings=settings, root=tmp_path)
    try:
        await ready(client)
        for name, language, marked, expected in CASES:
            before, _, after = marked.partition("║")
            uri = (tmp_path / name).as_uri()
            client.open(uri, language, before + after)
            answer = client.complete(uri, before + after, len(before))
            items = await asyncio.wait_for(answer, 120)
            why = await client.execute("tabwright.why")
            assert items, f"{name}: nothing, because {why}"
            accepted = items[0].apply(before + after)
            assert accepted.startswith(before + expected), f"{name}: {items[0].new_text!r}"
    finally:
        await client.stop()
