"""What a small editor does over the protocol, for the demo, ``complete`` and the benchmarks."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tabwright import processes
from tabwright.cli.lsp_connection import (
    CANCELLED,
    Json,
    LspConnection,
    Notify,
    ResponseError,
    ServerGone,
)
from tabwright.cli.lsp_edits import applied, change_between
from tabwright.cli.lsp_positions import offset_at, position_at

__all__ = ["CANCELLED", "Item", "Json", "LspClient", "Notify", "ResponseError", "ServerGone"]

# What is asked here is no work of the user's.
_UNCOUNTED: Mapping[str, object] = {"statistics": {"enabled": False}}


@dataclass(frozen=True)
class Item:
    """One suggestion: the text that replaces ``text[start:end]`` of the buffer it was asked for."""

    start: int
    end: int
    new_text: str

    def apply(self, text: str) -> str:
        """Return the buffer as it is after this suggestion was accepted."""
        return text[: self.start] + self.new_text + text[self.end :]


@dataclass
class LspClient(LspConnection):
    """One server process and the connection to it; make it with ``start``, end it with ``stop``."""

    initialize_ms: float = 0.0
    server_info: Json = field(default_factory=dict)
    _versions: dict[str, int] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def start(
        cls,
        *,
        settings: Mapping[str, object] | None = None,
        root: Path | None = None,
        encoding: str = "utf-16",
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        on_notify: Notify | None = None,
        trusts: bool = False,
    ) -> LspClient:
        """Start ``tabwright serve`` and initialize it; ``settings`` is the ``tabwright`` section.

        ``trusts`` says that the root's own tools may run.

        ``initialize_ms`` is then the time from the start of the process to its answer. Raises
        ServerGone when the process ends instead of answering.
        """
        started = time.perf_counter()
        # The server ends by itself when its input closes.
        process = await processes.start_async(
            command or processes.tabwright("serve"),
            stdin=processes.PIPE,
            environment=processes.own_environment(environment),
            limit=1 << 26,
            outlives=True,
        )
        client = cls(process, encoding, {**_UNCOUNTED, **(settings or {})}, on_notify)
        client.read()
        answer = await client.request("initialize", client._initialize_params(root, trusts))
        client.initialize_ms = (time.perf_counter() - started) * 1000
        if isinstance(answer, dict):
            client.server_info = answer
            capabilities = answer.get("capabilities", {})
            client.encoding = capabilities.get("positionEncoding") or "utf-16"
        client.notify("initialized", {})
        return client

    def _initialize_params(self, root: Path | None, trusts: bool) -> Json:
        folders = [{"uri": root.as_uri(), "name": root.name}] if root else None
        return {
            "processId": os.getpid(),
            "clientInfo": {"name": "tabwright-client"},
            "rootUri": root.as_uri() if root else None,
            "workspaceFolders": folders,
            "initializationOptions": {**self.settings, "trust": {"workspace": trusts}},
            "capabilities": {
                "general": {"positionEncodings": [self.encoding]},
                "window": {"workDoneProgress": True},
                "workspace": {
                    "configuration": True,
                    "workspaceFolders": True,
                    "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create"]},
                },
                "textDocument": {
                    "inlineCompletion": {},
                    "synchronization": {"dynamicRegistration": False},
                    "codeAction": {
                        "codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}},
                        "resolveSupport": {"properties": ["edit"]},
                        "dataSupport": True,
                    },
                },
                "notebookDocument": {"synchronization": {"executionSummarySupport": False}},
            },
        }

    # What an editor does ------------------------------------------------------------------------

    def open(self, uri: str, language_id: str, text: str) -> None:
        """Open a document."""
        self._versions[uri], self._texts[uri] = 1, text
        document = {"uri": uri, "languageId": language_id, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, uri: str, text: str) -> None:
        """Change an open document to this text; as editors do, only what is other is sent."""
        self._versions[uri] += 1
        document = {"uri": uri, "version": self._versions[uri]}
        changes = [change_between(self._texts[uri], text, self.encoding)]
        self._texts[uri] = text
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    def close(self, uri: str) -> None:
        """Close a document."""
        self._versions.pop(uri, None)
        self._texts.pop(uri, None)
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def completion_params(self, uri: str, text: str, offset: int, *, invoked: bool) -> Json:
        """Parameters of an inline completion at ``offset`` of the buffer ``text``."""
        return {
            "textDocument": {"uri": uri},
            "position": position_at(text, offset, self.encoding),
            "context": {"triggerKind": 1 if invoked else 2},
        }

    async def complete(
        self, uri: str, text: str, offset: int, *, invoked: bool = False
    ) -> tuple[Item, ...]:
        """Ask for inline completions at ``offset`` of the open buffer, whose text is ``text``."""
        params = self.completion_params(uri, text, offset, invoked=invoked)
        return self.items(await self.request("textDocument/inlineCompletion", params), text, offset)

    def items(self, answer: object, text: str, offset: int) -> tuple[Item, ...]:
        """Read the answer of an inline completion that was asked at ``offset`` of ``text``."""
        listed = answer.get("items", []) if isinstance(answer, dict) else answer or []
        found: list[Item] = []
        for entry in listed if isinstance(listed, list) else []:
            span, new = entry.get("range"), entry["insertText"]
            start = offset_at(text, span["start"], self.encoding) if span else offset
            end = offset_at(text, span["end"], self.encoding) if span else offset
            found.append(Item(start, end, new["value"] if isinstance(new, dict) else new))
        return tuple(found)

    async def code_actions(
        self,
        uri: str,
        text: str,
        start: int,
        end: int,
        *,
        only: Sequence[str] = (),
        diagnostics: Sequence[Json] = (),
    ) -> list[Json]:
        """Ask what applies to ``text[start:end]``; ``diagnostics`` are in the protocol's form."""
        context = {"diagnostics": list(diagnostics), "triggerKind": 1}
        answer = await self.request(
            "textDocument/codeAction",
            {
                "textDocument": {"uri": uri},
                "range": self.range(text, start, end),
                "context": {**context, "only": list(only)} if only else context,
            },
        )
        listed = answer if isinstance(answer, list) else []
        return [action for action in listed if isinstance(action, dict)]

    async def resolve(self, action: Json) -> Json:
        """Have the work of a listed code action done; the action comes back with its edit."""
        answer = await self.request("codeAction/resolve", action)
        return answer if isinstance(answer, dict) else {}

    def applied(self, edit: Mapping[str, object], texts: Mapping[str, str]) -> dict[str, str]:
        """Documents after a WorkspaceEdit; raises StaleEdit when one has changed since."""
        return applied(edit, texts, self.encoding, self._versions)

    def range(self, text: str, start: int, end: int) -> Json:
        """The protocol's range of ``text[start:end]``."""
        positions = (position_at(text, offset, self.encoding) for offset in (start, end))
        return dict(zip(("start", "end"), positions, strict=True))

    def version(self, uri: str) -> int:
        """The version of an open document."""
        return self._versions[uri]

    async def execute(self, command: str, *arguments: object) -> Json:
        """Run one of the server's commands; an empty result when its answer is no object."""
        answer = await self.request(
            "workspace/executeCommand", {"command": command, "arguments": list(arguments)}
        )
        return answer if isinstance(answer, dict) else {}
