"""How many functions and files one completion and one action go through, between the protocol and
the pure features: whoever follows one has to read them.

``pytest --log-cli-level=INFO tests/lsp/test_call_paths.py`` lists them. The bounds may only become
smaller.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import pytest
from lsprotocol import types
from support.call_trace import CallTrace, tracing
from support.workspace import TEXT, URI, Client, PromptEngine, host_with

from tabwright.app.runtime.host import Host
from tabwright.client.engine import Answer, OnText, Request
from tabwright.lsp import server as handlers
from tabwright.lsp.action_commands import ActionCommands
from tabwright.lsp.client import Editor
from tabwright.lsp.client_capabilities import Abilities
from tabwright.lsp.code_actions import CodeActions
from tabwright.lsp.localisation.language import ENGLISH
from tabwright.lsp.server import Server

HEAD = "def final_price(order):  # to do\n"
SHORTER = f"{HEAD}    return compute_total_price(order, 1)\n"
LONGER = f"{HEAD}    total = compute_total_price(order, 1)\n    return total\n"
# The rules of privacy ask the disk; how many there are is no matter of the path.
LEAVES = ("app/documents/privacy.py:PrivacyRules.allowed",)
WHOLE = {"start": {"line": 0, "character": 0}, "end": {"line": 3, "character": 0}}


class _Client(Client):
    language = ENGLISH


class _Engine(PromptEngine):
    """Tells of its answer's text before it ends, as an engine's client does."""

    async def generate(self, request: Request, on_text: OnText | None = None) -> Answer:
        answer = await super().generate(request)
        if on_text is not None:
            on_text(0, answer.texts[0])
        return answer


@dataclass
class _Server:
    host: Host
    commands: ActionCommands


def server(host: Host) -> Server:
    actions = CodeActions(host, cast(Editor, _Client()), Abilities(*[True] * 8))
    return cast(Server, _Server(host, ActionCommands(actions, host)))


def change(host: Host, version: int, text: str) -> None:
    host.workspace.buffers.change(URI, version, [(None, text)])
    host.changed(URI)


async def completion(trace: CallTrace) -> None:
    """The second one of a document, after a change."""
    async with host_with(_Client(), _Engine()) as host:
        ls = server(host)
        context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
        document = types.TextDocumentIdentifier(URI)
        first = types.InlineCompletionParams(context, document, types.Position(2, 4))
        assert (await handlers._inline_completion(ls, first)).items
        change(host, 2, TEXT + "    item = ")
        params = types.InlineCompletionParams(context, document, types.Position(3, 11))
        trace.clear()
        result = await handlers._inline_completion(ls, params)
        trace.stop()
        assert result.items and host.report.why()["source"] == "model"


async def action(trace: CallTrace) -> None:
    """The second one of a document, whose edit is made when it is resolved."""
    async with host_with(_Client(), _Engine(SHORTER), actions={"model": "m"}) as host:
        ls = server(host)
        data = {"uri": URI, "version": 2, "range": WHOLE, "id": "simplify"}
        for version in (1, 2):
            change(host, version, LONGER)
            trace.clear()
            found = await handlers._resolve(ls, types.CodeAction("Simplify", data=data))
        trace.stop()
        assert found.edit is not None, host.report.why()["action"]


@pytest.mark.parametrize(
    ("path", "functions", "files"),
    [(completion, 60, 17), (action, 73, 22)],
    ids=["completion", "action"],
)
async def test_a_call_path_gets_no_longer(
    path: Callable[[CallTrace], Awaitable[None]], functions: int, files: int
) -> None:
    trace = CallTrace(("app", "lsp"), LEAVES)
    with tracing(trace):
        await path(trace)
    logging.getLogger(__name__).info("%s", trace)
    assert len(trace.functions) <= functions, str(trace)
    assert len(trace.files) <= files, str(trace)
