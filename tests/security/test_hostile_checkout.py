"""A hostile checkout by the protocol alone: what it says of itself runs nothing and sends nothing.

tests/editors/test_hostile_checkout.py does so with real editors.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from support import hostile_checkout
from support.editor import Editor, Home, capabilities, editing, engine_for
from support.hostile_checkout import COLUMN, KEY, KEY_VARIABLE, LINE, MESSAGE, Checkout, Listener
from support.tiny import make_tiny_qwen2

from tabwright.app.settings.settings import DEFAULT_MODEL

WHERE = types.Range(types.Position(LINE, COLUMN), types.Position(LINE, COLUMN + 1))
SETTLE_S = 0.5


@dataclass
class Attack:
    """The checkout, who listens for what it sends, and the user's home."""

    checkout: Checkout
    listener: Listener
    home: Home

    def assert_harmless(self) -> None:
        """Nothing of the checkout has run, and nothing was sent."""
        assert self.checkout.ran() == []
        assert self.listener.received == []


@pytest.fixture
def attack(home: Home) -> Iterator[Attack]:
    with hostile_checkout.listening() as listener:
        checkout = hostile_checkout.make(
            home.path / "checkout", home.path / "markers", listener.port
        )
        yield Attack(checkout, listener, home)


def diagnostics() -> tuple[types.Diagnostic, ...]:
    """One fault, as each tool of the checkout would report it."""
    return tuple(
        types.Diagnostic(WHERE, MESSAGE, types.DiagnosticSeverity.Error, "undefined", source=source)
        for source in ("pylint", "mypy", "pyright", "ruff")
    )


def client_of(kind: str, attack: Attack) -> dict[str, Any]:
    """How an editor starts the server: what it sends of its own and of the checkout's settings.

    "eglot" answers with the checkout's settings, as ``.dir-locals.el`` has them; "vscode" keeps
    them apart and has asked the user whether the folder is trusted.
    """
    theirs = hostile_checkout.settings(attack.checkout.folder, attack.listener.port)
    if kind == "eglot":
        return {"options": {"diagnostics": {"syntax": True}}, "settings": theirs}
    trust = {"settings": "separate", "workspace": False}
    return {"options": {"tabwright": {}, "trust": trust}, "settings": {}}


def environment() -> dict[str, str]:
    """The user's: with a key, and tools of his own on PATH."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return {KEY_VARIABLE: KEY, "PATH": path}


def start(kind: str, attack: Attack) -> Any:
    return editing(
        attack.home,
        announce=capabilities("utf-16", inline=kind == "vscode"),
        root=attack.checkout.folder,
        folder=attack.checkout.folder,
        environment=environment(),
        **client_of(kind, attack),
    )


async def fix(editor: Editor, uri: str) -> str:
    """Take the fix of each tool's diagnostic; the title of the last."""
    title = ""
    for each in diagnostics():
        found = await editor.actions(WHERE, each, uri=uri, only=["quickfix"])
        assert found, each.source
        resolved = await editor.resolve(found[0])
        assert resolved.edit is not None, f"{each.source}: no fix came, so nothing was checked"
        title = resolved.title
    return title


async def work(editor: Editor, attack: Attack, kind: str) -> None:
    """Open the file, type, complete, mend what tools report, and ask for the rest."""
    uri = attack.checkout.file.as_uri()
    text = attack.checkout.file.read_text("utf-8")
    if kind == "eglot":  # which tells the settings unasked too
        editor.client.workspace_did_change_configuration(
            types.DidChangeConfigurationParams({"tabwright": editor.settings})
        )
    editor.open(text, uri)
    await editor.until_ready()
    editor.change(f"{text}\ntotal = ", uri)
    place = types.Position(LINE + 2, 8)
    if kind == "vscode":
        assert await editor.texts(place.line, place.character, invoked=True, uri=uri)
    else:
        params = types.CompletionParams(types.TextDocumentIdentifier(uri), place)
        assert await editor.plain(types.TEXT_DOCUMENT_COMPLETION, params)
    editor.change(text, uri)
    await fix(editor, uri)
    await editor.command("explain", {"uri": uri})
    await editor.command("why")
    await asyncio.sleep(SETTLE_S)


@pytest.mark.parametrize("kind", ["eglot", "vscode"])
async def test_a_checkout_runs_and_sends_nothing(kind: str, attack: Attack) -> None:
    async with (
        engine_for(attack.home, *hostile_checkout.RULES) as engine,
        start(kind, attack) as editor,
    ):
        await work(editor, attack, kind)
        assert {each["body"]["model"] for each in engine.recorded} == {DEFAULT_MODEL}
    attack.assert_harmless()


@pytest.mark.parametrize("kind", ["eglot", "vscode"])
async def test_tools_run_after_the_user_trusts_the_checkout(kind: str, attack: Attack) -> None:
    async with (
        engine_for(attack.home, *hostile_checkout.RULES),
        start(kind, attack) as editor,
    ):
        await work(editor, attack, kind)
        attack.assert_harmless()
        await editor.command("trust", {"workspace": True})
        await fix(editor, attack.checkout.file.as_uri())
    assert {".venv-bin-pylint", ".venv-bin-mypy"} <= set(attack.checkout.ran())
    # Trusting the folder lets its tools run; where code is sent is another question.
    assert attack.listener.received == []


async def test_tool_settings_of_the_checkout_are_ignored(attack: Attack, tmp_path: Path) -> None:
    """mypy of the user's PATH would run the plugin that the checkout's mypy.ini names."""
    folder = tmp_path / "checkout"
    bare = hostile_checkout.make(
        folder, attack.checkout.markers, attack.listener.port, own_tools=False
    )
    other = Attack(bare, attack.listener, attack.home)
    async with (
        engine_for(attack.home, *hostile_checkout.RULES),
        start("vscode", other) as editor,
    ):
        await work(editor, other, "vscode")
        other.assert_harmless()
        await editor.command("trust", {"workspace": True})
        await fix(editor, bare.file.as_uri())
    assert "tool-plugin" in bare.ran()


async def test_the_engine_loads_nothing_of_the_checkout(attack: Attack) -> None:
    """A real engine, which the server starts in the checkout; modules of those names lie there."""
    model = make_tiny_qwen2(attack.home.path / "tiny")
    client = client_of("vscode", attack)
    client["options"]["tabwright"] = {"model": str(model), "engine": {"backend": "torch"}}
    client["settings"] = client["options"]["tabwright"]
    async with editing(
        attack.home,
        root=attack.checkout.folder,
        folder=attack.checkout.folder,
        environment=environment(),
        **client,
    ) as editor:
        uri = attack.checkout.file.as_uri()
        editor.open(attack.checkout.file.read_text("utf-8"), uri)
        async with asyncio.timeout(90):
            while (await editor.command("status"))["state"] != "ready":
                await asyncio.sleep(0.1)
        await editor.complete(LINE, COLUMN, invoked=True, uri=uri)
    attack.assert_harmless()
