"""Invariant 2: a handler takes its snapshot before its first await, and reads nothing after it.

Handlers run without a protocol, on buffers that refuse to be read after the first await, and on
buffers that change then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest
from lsprotocol import types
from support.workspace import (
    TEXT,
    URI,
    Client,
    GuardedBuffers,
    PromptEngine,
    after_first_await,
    host_with,
)

from tabwright.app.runtime.host import Host
from tabwright.lsp import server as handlers
from tabwright.lsp.action_commands import ActionCommands
from tabwright.lsp.client import Editor
from tabwright.lsp.client_capabilities import Abilities
from tabwright.lsp.code_actions import CodeActions
from tabwright.lsp.localisation.language import ENGLISH
from tabwright.lsp.server import Server

OTHER = "file:///work/b.py"
# Like the code around the cursor, so that a prompt shows it.
SHOWN = "def compute_total_price(order, discount):\n    return order.total - discount\n" * 3
START, HERE = types.Position(0, 0), types.Position(2, 4)
DOCUMENT = types.TextDocumentIdentifier(URI)
WHOLE = {"start": {"line": 0, "character": 0}, "end": {"line": 3, "character": 0}}
DATA = {"uri": URI, "version": 1, "range": WHOLE, "instruction": "add a comment", "target": "go"}
ABLE = Abilities(*[True] * 8)


class _Editor:
    """Applies every edit, and shows every document."""

    language = ENGLISH

    async def apply(self, label: str, edit: types.WorkspaceEdit) -> str:
        return ""

    async def show_document(self, uri: str) -> bool:
        return True


def fake_server(host: Host) -> Server:
    actions = CodeActions(host, cast(Editor, _Editor()), ABLE)
    commands = ActionCommands(actions, host)
    return cast(Server, SimpleNamespace(host=host, commands=commands, language=ENGLISH))


def _inline(ls: Server) -> Coroutine[Any, Any, object]:
    kind = types.InlineCompletionTriggerKind.Automatic
    context = types.InlineCompletionContext(kind)
    params = types.InlineCompletionParams(context, DOCUMENT, HERE)
    return handlers._inline_completion(ls, params)


def _menu(ls: Server) -> Coroutine[Any, Any, object]:
    return handlers._complete_menu(ls, types.CompletionParams(DOCUMENT, HERE))


def _code_action(ls: Server) -> Coroutine[Any, Any, object]:
    context = types.CodeActionContext([])
    params = types.CodeActionParams(DOCUMENT, types.Range(HERE, HERE), context)
    return handlers._code_action(ls, params)


def _resolve(ls: Server) -> Coroutine[Any, Any, object]:
    return handlers._resolve(ls, types.CodeAction("Simplify", data={**DATA, "id": "simplify"}))


def _command(name: str) -> Callable[[Server], Coroutine[Any, Any, object]]:
    def run(ls: Server) -> Coroutine[Any, Any, object]:
        argument = {**DATA, "id": "simplify", "title": "Simplify", "apply": True, "open": True}
        found = handlers._COMMANDS[name](ls, argument)
        assert isinstance(found, Coroutine)
        return found

    return run


HANDLERS: dict[str, Callable[[Server], Coroutine[Any, Any, object]]] = {
    "inlineCompletion": _inline,
    "completion": _menu,
    "codeAction": _code_action,
    "resolve": _resolve,
    **{name: _command(name) for name in ("act", "edit", "translate", "tests", "explain")},
}


def test_every_handler_of_an_action_is_looked_at() -> None:
    others = {"accept", "drop", "show", "status", "why", "pull", "trust"}
    assert set(handlers._COMMANDS) - set(HANDLERS) == others | {"statistics", "deleteStatistics"}


@pytest.mark.parametrize("name", HANDLERS)
async def test_nothing_is_read_after_the_first_await(name: str) -> None:
    engine = PromptEngine("```\n# fine\n")
    async with host_with(Client(), engine) as host:
        buffers = host.workspace.buffers
        buffers.open(OTHER, "python", 1, SHOWN)
        buffers.__class__ = GuardedBuffers
        assert isinstance(buffers, GuardedBuffers)
        host.configuration.ready.clear()  # so that each waits
        asyncio.get_running_loop().call_later(0.01, host.configuration.ready.set)
        await after_first_await(HANDLERS[name](fake_server(host)), buffers)
        assert buffers.guarded
        why = host.report.why()
        assert "error" not in str(why["reason"]) and "error" not in str(why["action"]), why
        assert engine.asked.is_set() or name == "codeAction"
        buffers.guarded = False


@pytest.mark.parametrize("handler", [_inline, _command("explain")], ids=["inline", "explain"])
async def test_later_changes_of_documents_are_not_sent_to_the_model(
    handler: Callable[[Server], Coroutine[Any, Any, object]],
) -> None:
    engine = PromptEngine("value = 3")
    # A remote engine is shown other files from the first request on.
    async with host_with(Client(), engine, remote={"url": "http://[::1]:1"}) as host:
        buffers = host.workspace.buffers
        buffers.open(OTHER, "python", 1, SHOWN)
        host.configuration.ready.clear()
        task = asyncio.create_task(handler(fake_server(host)))
        await asyncio.sleep(0)  # the handler waits for the settings
        buffers.change(OTHER, 2, [(None, SHOWN.replace("discount", "LATER"))])
        buffers.change(URI, 2, [(None, TEXT.replace("to do", "LATER"))])
        host.configuration.ready.set()
        await asyncio.wait_for(task, 5)
        (prompt, *_) = engine.prompts
        assert "to do" in prompt and "LATER" not in prompt
        assert "discount" in prompt or handler is not _inline
