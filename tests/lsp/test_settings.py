"""When the server asks for its settings, and what it does with the answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from lsprotocol import types

from tabwright.lsp import server as handlers
from tabwright.lsp.server import Server


class Host:
    """Notes what it is configured with."""

    def __init__(self) -> None:
        self.configured: list[tuple[object, tuple[str, ...]]] = []
        self.started = 0
        self.roots: list[tuple[str, ...]] = []
        self.folders = SimpleNamespace(take_roots=self.roots.append)
        self.engines = SimpleNamespace(start=self._start)

    def configure(self, later: object, roots: tuple[str, ...]) -> None:
        self.configured.append((later, roots))

    def _start(self) -> None:
        self.started += 1


def server_of(*, asks: bool, answer: Any = None) -> tuple[Server, Host]:
    """A server whose client can be asked for settings, and answers so."""
    host = Host()

    async def ask(request: object, what: str) -> object:
        assert request == ["tabwright"]
        return answer

    def request(params: types.ConfigurationParams) -> object:
        return [item.section for item in params.items]

    workspace = types.WorkspaceClientCapabilities(configuration=asks)
    folder = types.WorkspaceFolder("file:///work/a%20b", "a b")
    server = SimpleNamespace(
        host=host,
        ask=ask,
        workspace_configuration_async=request,
        client_capabilities=types.ClientCapabilities(workspace=workspace),
        workspace=SimpleNamespace(folders={"one": folder}, root_uri=None),
    )
    return cast(Server, server), host


ROOTS = ("/work/a b",)
OURS = {"completion": {"debounceMs": 1}}


@pytest.mark.parametrize(
    ("asks", "answer", "expected"),
    [
        (True, [OURS], OURS),
        (True, [None], None),  # nothing under our name
        (True, None, None),  # no answer
        (False, [OURS], None),
    ],
)
async def test_once_initialized_the_settings_are_taken_in(
    asks: bool, answer: Any, expected: object
) -> None:
    server, host = server_of(asks=asks, answer=answer)
    await handlers._initialized(server, types.InitializedParams())
    assert host.configured == [(expected, ROOTS)]
    assert host.roots == [ROOTS] and host.started == 1


@pytest.mark.parametrize(
    ("sent", "asks", "expected"),
    [
        (OURS, True, [OURS]),
        (None, True, [{"model": "m"}]),  # a client that only says that they changed is asked
        ({}, True, [{"model": "m"}]),
        (None, False, []),
    ],
)
async def test_changed_settings_are_taken_from_the_message_or_requested(
    sent: Any, asks: bool, expected: list[object]
) -> None:
    server, host = server_of(asks=asks, answer=[{"model": "m"}])
    await handlers._did_change_configuration(server, types.DidChangeConfigurationParams(sent))
    assert host.configured == [(each, ROOTS) for each in expected]
