"""No packet leaves: server and engine in a network namespace, at all that a user does with them.

Only Unix sockets are used. The kernel counts every attempt (see ``network_namespace``), and a pull
that the user accepts shows that it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from support.editor import INSTALLED, Editor, Home, editing
from support.network_namespace import Namespace, Unavailable, namespace
from support.tiny import make_tiny_qwen2

from tabwright import paths
from tabwright.models.catalog import DEFAULT_COMPLETION
from tabwright.models.store import ModelError, locate

CODE = '''"""Numbers."""
import os

# a function larger that returns the larger of two numbers

def add(a, b):
    """Return the sum of two numbers."""


def twice(x):
    return 2 * y
'''
COMMENT, STUB, FAULT = (3, 5), (7, 0), (10, 15)
LOST = types.Diagnostic(
    types.Range(types.Position(*FAULT), types.Position(FAULT[0], FAULT[1] + 1)),
    "undefined name `y`",
    types.DiagnosticSeverity.Error,
    "F821",
    source="Ruff",
)
KINDS = {"quickfix", "generate", "simplify", "document", "tests", "translate"}
READY_S = 90.0
SETTLE_S = 1.0


@pytest.fixture(scope="module")
def network() -> Iterator[Namespace]:
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(namespace())
        except Unavailable as error:
            pytest.skip(f"needs a network namespace: {error}")
        yield found


@dataclass
class Tried:
    """What was tried in the namespace since this was made."""

    network: Namespace
    before: dict[str, int]

    def since(self) -> dict[str, int]:
        now = self.network.attempts()
        return {name: now[name] for name in now if now[name] != self.before.get(name, 0)}


@pytest.fixture
def tried(network: Namespace) -> Tried:
    return Tried(network, network.attempts())


async def ready(editor: Editor) -> None:
    async with asyncio.timeout(READY_S):
        while (await editor.command("status"))["state"] != "ready":
            await asyncio.sleep(0.1)


async def every_action(editor: Editor, uri: str) -> set[str]:
    """Ask for each action that is offered anywhere; the kinds that were asked for."""
    kinds: set[str] = set()
    for line, character in (COMMENT, STUB, FAULT):
        place = types.Position(line, character)
        lost = (LOST,) if (line, character) == FAULT else ()
        for action in await editor.actions(types.Range(place, place), *lost, uri=uri):
            kind = str(action.kind).rpartition(".")[2]
            if kind not in kinds:
                kinds.add(kind)
                with contextlib.suppress(JsonRpcException):  # a tiny model's answer is no code
                    await editor.resolve(action)
    return kinds


async def complete(editor: Editor, uri: str) -> None:
    """Open a file, wait for the engine, and complete by hand and as one types."""
    editor.open(CODE, uri)
    await ready(editor)
    await editor.complete(10, 12, invoked=True, uri=uri)
    editor.change(CODE + "print(twice(", uri)
    await editor.complete(11, 12, uri=uri)
    editor.change(CODE, uri)
    await asyncio.sleep(SETTLE_S)  # for what is computed while nobody waits


async def everything(editor: Editor, uri: str) -> None:
    """All that an editor can ask for but a pull."""
    await complete(editor, uri)
    assert await every_action(editor, uri) >= KINDS
    place = {"start": {"line": 9, "character": 0}, "end": {"line": 10, "character": 16}}
    commands: tuple[tuple[str, dict[str, object]], ...] = (
        ("edit", {"instruction": "rename x to value", "range": place, "apply": False}),
        ("explain", {"range": place}),
        ("translate", {"range": place, "target": "go", "apply": False}),
        *((each, {}) for each in ("why", "status", "statistics", "deleteStatistics")),
    )
    for name, argument in commands:
        await editor.command(name, {"uri": uri, **argument})
    await asyncio.sleep(SETTLE_S)


def settings(model: str, **engine: str) -> dict[str, Any]:
    actions = {"model": model, "timeoutSeconds": 1, "candidates": 2}
    return {"model": model, "actions": actions, "engine": {"idleMinutes": 1, **engine}}


def command(network: Namespace, home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the commands for the terminal."""
    return subprocess.run(
        [*network.enter, *INSTALLED, *arguments],
        env=home.environment(),
        cwd=home.path,
        capture_output=True,
        text=True,
        timeout=90,
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", ["auto", "openvino", "torch"])
async def test_work_with_an_engine(
    backend: str, home: Home, network: Namespace, tried: Tried
) -> None:
    model = make_tiny_qwen2(home.path / "tiny")
    file = home.path / "code.py"
    file.write_text(CODE, "utf-8")
    wanted = settings(str(model), backend=backend)
    async with editing(
        home, options=wanted, settings=wanted, root=home.path, within=network.enter
    ) as editor:
        await (everything if backend == "auto" else complete)(editor, file.as_uri())
        assert (await editor.command("status"))["requests"] > 0
        if backend == "auto":
            place = f"{file}:11:12"
            completed = command(network, home, "complete", place, "--model", str(model))
            assert completed.returncode in (0, 1), completed.stderr
        assert network.listening() == []
    assert tried.since() == {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("arguments", ["doctor", "stats", "models list", "trust", "config"])
def test_commands(arguments: str, home: Home, network: Namespace, tried: Tried) -> None:
    done = command(network, home, *arguments.split())
    assert done.stdout, done.stderr
    assert tried.since() == {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("chosen", ["Not now", None])
async def test_a_pull_that_is_refused(
    chosen: str | None, home: Home, network: Namespace, tried: Tried
) -> None:
    """The model is not here; the user says no, or closes the question."""
    async with editing(home, chosen=chosen, root=home.path, within=network.enter) as editor:
        uri = (home.path / "code.py").as_uri()
        editor.open(CODE, uri)
        await editor.until(lambda: editor.asked, 60)
        assert await editor.complete(10, 12, invoked=True, uri=uri) == []
        for name in ("status", "why"):
            await editor.command(name)
        await asyncio.sleep(SETTLE_S)
        assert tried.since() == {}


@pytest.mark.timeout(300)
async def test_a_pull_that_is_accepted_is_seen(
    home: Home, network: Namespace, tried: Tried
) -> None:
    """The control: the same question, and the user says yes."""
    async with editing(home, chosen="Pull it", root=home.path, within=network.enter) as editor:
        editor.open(CODE, (home.path / "code.py").as_uri())
        await editor.until(lambda: editor.asked, 60)
        await editor.until(lambda: tried.since(), 120)
    assert tried.since()


@pytest.mark.model
@pytest.mark.timeout(400)
async def test_work_with_the_real_model(home: Home, network: Namespace, tried: Tried) -> None:
    try:
        locate(DEFAULT_COMPLETION)
    except ModelError:
        pytest.skip("the 0.5B model is not on this machine; make pulls it")
    file = home.path / "code.py"
    file.write_text(CODE, "utf-8")
    wanted = settings(DEFAULT_COMPLETION)
    async with editing(
        home,
        options=wanted,
        settings=wanted,
        root=home.path,
        within=network.enter,
        environment={"TABWRIGHT_MODELS_DIR": str(paths.models_dir())},
    ) as editor:
        await everything(editor, file.as_uri())
        (item, *_) = await editor.complete(10, 12, invoked=True, uri=file.as_uri())
        assert isinstance(item, types.InlineCompletionItem)
    assert tried.since() == {}
