"""One window of the soak test: an editor that does at random what editors may do, and worse."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from bench.lib import soak_text
from bench.lib.soak_client import SoakClient, frame
from bench.lib.soak_documents import Document, Documents
from bench.lib.soak_tally import Tally

Json = dict[str, Any]
ENCODINGS = ("utf-16", "utf-8", "utf-32")
_MOST_DOCUMENTS = 10
_SLOW = frozenset({"codeAction/resolve", "workspace/executeCommand"})
_SLOW_S, _USUAL_S = 150.0, 75.0
_SYNC = "textDocument/didChange"
_ACTION_EVERY_S = 2.0
_STATUS_EVERY_S = 2.0


def limit_of(method: str) -> float:
    """Seconds within which a request must be answered; longer than any limit of the server's."""
    return _SLOW_S if method in _SLOW else _USUAL_S


@dataclass
class Window:
    """A server after another, and the random edits in them; ``steady`` keeps its first server."""

    name: str
    random: Random
    tally: Tally
    workspace: Path
    environment: Mapping[str, str]
    settings: Json
    steady: bool
    client: SoakClient | None = None
    documents: Documents = field(init=False)
    notebooks: dict[str, list[str]] = field(default_factory=dict)
    _actions: list[tuple[Json, str]] = field(default_factory=list)
    _slow: set[str] = field(default_factory=set)
    _resting: dict[str, str] = field(default_factory=dict)  # uri: the request that is waited for
    _acted: float = 0.0
    _looked: float = 0.0
    _lives: int = 0
    _made: int = 0

    def __post_init__(self) -> None:
        """Have no document yet."""
        self.documents = Documents(self.tally)

    # The life of a server -----------------------------------------------------------------------

    async def start(self) -> SoakClient:
        """Start a server and initialize it, each time with another position encoding."""
        encoding = ENCODINGS[(int(self.name[-1]) + self._lives) % len(ENCODINGS)]
        self._lives += 1
        self.documents = Documents(self.tally, encoding)
        self.notebooks.clear()
        self._actions.clear()
        self._resting.clear()
        name = f"{self.name}.{self._lives}"
        notified = self._notified
        client = await SoakClient.start(name, self.tally, self.environment, self._answer, notified)
        self.client = client
        answer = await client.call("initialize", _initialize(self), 60)
        agreed = answer.get("result", {}).get("capabilities", {}).get("positionEncoding", "utf-16")
        if agreed != encoding:
            self.tally.crashes += 1
            self.tally.note(f"{name}: asked for {encoding}, got {agreed}")
        client.notify("initialized", {})
        for _ in range(4):
            self._open()
        return client

    async def end(self, *, kill: bool) -> None:
        """End the server: by kill -9, or as an editor does, which must give status 0."""
        client = self.client
        if client is None:
            return
        await self.look(client)
        if kill:
            client.kill()
            self.tally.events["servers killed (SIGKILL)"] += 1
        else:
            status = await client.end()
            self.tally.events["servers ended"] += 1
            if status != 0:
                self.tally.crashes += 1
                self.tally.note(f"{client.name}: ended with status {status}")
        await client.close()
        self.client = None

    async def look(self, client: SoakClient) -> None:
        """Take over the longest hold of the server's event loop."""
        answer = await client.call("workspace/executeCommand", _command("status"), 30)
        result = answer.get("result")
        held = result.get("loop_longest_ms", 0.0) if isinstance(result, dict) else 0.0
        if held > self.tally.longest_hold_ms:
            self.tally.longest_hold_ms = held
            if held > 50:
                self.tally.note(f"{client.name}: the event loop was held for {held} ms")

    async def run(self, until: float, rate: float) -> None:
        """Do what comes until ``until``, so many messages a second at most."""
        while time.monotonic() < until:
            client = await self.start()
            left = until - time.monotonic()
            life = left if self.steady else self.random.uniform(0.15, 0.4) * left + 8
            await self._live(client, min(until, time.monotonic() + life), rate)
            if time.monotonic() < until and not self.steady:
                await self.end(kill=self.random.random() < 0.6)

    async def _live(self, client: SoakClient, until: float, rate: float) -> None:
        began, sent = time.monotonic(), 0
        while time.monotonic() < until and client.process.returncode is None:
            before = self.tally.messages
            self._step(client)
            sent += max(1, self.tally.messages - before)
            await client.drain()
            client.overdue(limit_of)
            if time.monotonic() - self._looked > _STATUS_EVERY_S:
                self._looked = time.monotonic()
                await self.look(client)
            ahead = sent / rate - (time.monotonic() - began)
            await asyncio.sleep(max(0.0, min(ahead, 0.2)))

    async def settle(self) -> None:
        """Wait for what is still to be answered, as long as it may take."""
        client = self.client
        while client is not None and client.pending and client.process.returncode is None:
            client.overdue(limit_of)
            await asyncio.sleep(0.2)

    # What an editor does ------------------------------------------------------------------------

    def _step(self, client: SoakClient) -> None:
        doings: list[tuple[int, Callable[[SoakClient], object]]] = [
            (40, self._type),
            (14, self._change),
            (14, self._complete),
            (2, self._rest),
            (7, self._offer),
            (3, self._act),
            (4, self._garbage),
            (3, self._nonsense),
            (3, self._wrong_change),
            (2, self._notebook),
            (2, self._ask),
            (1, self._configure),
            (2, lambda _: self._open()),
            (2, self._close),
        ]
        weights = [weight for weight, _ in doings]
        self.random.choices([doing for _, doing in doings], weights)[0](client)

    def _document(self) -> Document:
        free = [each for each in self.documents.open.values() if each.uri not in self._resting]
        return self.random.choice(free) if free else self._open()

    def _open(self) -> Document:
        if len(self.documents.open) >= _MOST_DOCUMENTS:
            document = self._document()
            self._close_document(document)
        self._made += 1
        language = self.random.choice(soak_text.LANGUAGES)
        path = self.workspace / f"{self.name}-{self._made % 40}.txt"
        uri = path.as_uri() if self.random.random() < 0.9 else f"untitled:Untitled-{self._made}"
        document = self.documents.open.get(uri) or Document(uri, language)
        document.set(soak_text.random_text(self.random), self.random.randint(1, 3))
        self.documents.add(document)
        if self.client is not None:
            self.client.notify("textDocument/didOpen", {"textDocument": document.item})
        return document

    def _close(self, client: SoakClient) -> None:
        document = self._document()
        self._close_document(document)
        if self.random.random() < 0.5:  # asked about a document that is closed
            params = self._at(document, 0)
            client.request("textDocument/inlineCompletion", {**params, "context": _kind(1)})

    def _close_document(self, document: Document) -> None:
        if document.uri.startswith("vscode-notebook-cell:") or self.client is None:
            return
        self.documents.remove(document.uri)
        self.client.notify("textDocument/didClose", {"textDocument": {"uri": document.uri}})

    def _at(self, document: Document, offset: int) -> Json:
        position = soak_text.position(document.text, offset, self.documents.encoding)
        return {"textDocument": {"uri": document.uri}, "position": position}

    def _range(self, document: Document, start: int, end: int) -> Json:
        at = partial(soak_text.position, document.text, encoding=self.documents.encoding)
        return {"start": at(start), "end": at(end)}

    def _offset(self, document: Document) -> int:
        return soak_text.snapped(document.text, self.random.randint(0, len(document.text)))

    def _type(self, client: SoakClient) -> None:
        """A word at one place, key by key, with requests and cancels in between."""
        document = self._document()
        at = self._offset(document)
        previous = ""
        for _ in range(self.random.randint(1, 5)):
            piece = self.random.choice(("a", "e", "_", "(", ".", " ", "🙂", "\n", "x"))
            at = soak_text.snapped(document.text, min(at, len(document.text)))
            self._edit(client, document, [(at, at, piece)])
            at += len(piece)
            if self.random.random() < 0.5:
                if previous and self.random.random() < 0.8:
                    client.notify("$/cancelRequest", {"id": previous})
                previous = self._complete_at(client, document, at)

    def _change(self, client: SoakClient) -> None:
        """One to four edits in one message, or a whole new text."""
        document = self._document()
        if self.random.random() < 0.3:
            document.set(soak_text.random_text(self.random), self.random.randint(1, 3))
            changes = [{"text": document.text}]
            params = {"textDocument": document.identifier, "contentChanges": changes}
            self._send_change(client, document, params)
            return
        edits = []
        text = document.text
        for _ in range(self.random.randint(1, 4)):
            start = soak_text.snapped(text, self.random.randint(0, len(text)))
            most = min(len(text), start + self.random.choice((0, 0, 1, 5, 80)))
            end = max(start, soak_text.snapped(text, most))
            new = soak_text.random_piece(self.random)
            edits.append((start, end, new))
            text = text[:start] + new + text[end:]
        self._edit(client, document, edits)

    def _edit(
        self, client: SoakClient, document: Document, edits: list[tuple[int, int, str]]
    ) -> None:
        """Send edits one after the other, each by its range, or the text that they make."""
        changes: list[Json] = []
        text = document.text
        at = partial(soak_text.position, encoding=self.documents.encoding)
        for start, end, new in edits:
            where = {"start": at(text, start), "end": at(text, end)}
            changes.append({"range": where, "text": new})
            text = text[:start] + new + text[end:]
        document.set(text, self.random.choice((1, 1, 1, 2)))
        if self.random.random() < 0.4:
            changes = [{"text": text}]
        params = {"textDocument": document.identifier, "contentChanges": changes}
        self._send_change(client, document, params)

    def _send_change(self, client: SoakClient, document: Document, params: Json) -> None:
        notebook = next((uri for uri, cells in self.notebooks.items() if document.uri in cells), "")
        if not notebook or self.random.random() < 0.3:
            client.notify(_SYNC, params)
            return
        text = {"document": params["textDocument"], "changes": params["contentChanges"]}
        named = {"uri": notebook, "version": document.version}
        changed = {"notebookDocument": named, "change": {"cells": {"textContent": [text]}}}
        client.notify("notebookDocument/didChange", changed)

    def _complete(self, client: SoakClient) -> None:
        document = self._document()
        key = self._complete_at(client, document, self._offset(document))
        if self.random.random() < 0.3:
            client.notify("$/cancelRequest", {"id": key})

    def _rest(self, client: SoakClient) -> None:
        """Ask, and leave the document alone until the answer is there."""
        resting = self._resting.items()
        self._resting = {uri: key for uri, key in resting if key in client.pending}
        if len(self._resting) < 3:
            document = self._document()
            key = self._complete_at(client, document, len(document.text))
            self._resting[document.uri] = key

    def _complete_at(self, client: SoakClient, document: Document, at: int) -> str:
        text, at = document.text, soak_text.snapped(document.text, min(at, len(document.text)))
        context = _kind(self.random.choice((1, 2, 2, 2)))
        check = partial(self._check_items, self.documents, text, at)
        params = {**self._at(document, at), "context": context}
        return client.request("textDocument/inlineCompletion", params, check)

    @staticmethod
    def _check_items(documents: Documents, text: str, at: int | None, message: Json) -> None:
        documents.check_items(message, text, at)

    # Actions and commands -----------------------------------------------------------------------

    def _offer(self, client: SoakClient) -> None:
        document = self._document()
        start = self._offset(document)
        end = soak_text.snapped(document.text, min(len(document.text), start + 60))
        where = self._range(document, start, max(start, end))
        sources = ("ruff", "pylint", "pyright", "mypy", "tsc", "eslint", "", "someone")
        diagnostic = {
            "range": where,
            "message": self.random.choice(("undefined name `x`", "unused", "🙂", "")),
            "source": self.random.choice(sources),
            "code": self.random.choice(("F821", "E501", "1234", "")),
            "severity": 1,
        }
        found = [diagnostic] * self.random.randint(0, 2)
        params = {
            "textDocument": {"uri": document.uri},
            "range": where,
            "context": {"diagnostics": found},
        }
        check = partial(self._offered, document.uri)
        client.request("textDocument/codeAction", params, check)

    def _offered(self, uri: str, message: Json) -> None:
        for action in message.get("result") or ():
            self._actions.append((action, uri))
        del self._actions[:-20]

    def _act(self, client: SoakClient) -> None:
        """Have an action's edit, or that of a command; seldom, since each is long."""
        self._slow &= client.pending.keys()
        now = time.monotonic()
        if len(self._slow) >= 2 or now - self._acted < _ACTION_EVERY_S:
            return
        self._acted = now
        if self._actions and self.random.random() < 0.7:
            action, _ = self.random.choice(self._actions)
            check = partial(self._resolved, self.documents)
            key = client.request("codeAction/resolve", action, check)
        else:
            document = self._document()
            start = self._offset(document)
            end = soak_text.snapped(document.text, min(len(document.text), start + 200))
            argument: Json = {
                "uri": document.uri,
                "version": document.version + (self.random.random() < 0.1),
                "range": self._range(document, start, max(start, end)),
                "instruction": self.random.choice(("rename x to y", "add a comment", "🙂", "")),
                "target": self.random.choice(("javascript", "rust", "nonsense")),
                "apply": self.random.random() < 0.5,
            }
            name = self.random.choice(("edit", "explain", "translate", "tests", "act"))
            check = partial(self._commanded, self.documents)
            key = client.request("workspace/executeCommand", _command(name, argument), check)
        self._slow.add(key)
        if self.random.random() < 0.3:
            loop = asyncio.get_running_loop()
            cancel = partial(client.notify, "$/cancelRequest", {"id": key})
            loop.call_later(self.random.uniform(0, 3), cancel)

    @staticmethod
    def _resolved(documents: Documents, message: Json) -> None:
        edit = (message.get("result") or {}).get("edit")
        if edit is not None:
            documents.check_edit(edit)

    @staticmethod
    def _commanded(documents: Documents, message: Json) -> None:
        result = message.get("result")
        if isinstance(result, Mapping) and result.get("edit") is not None:
            documents.check_edit(result["edit"])

    def _ask(self, client: SoakClient) -> None:
        name = self.random.choice(("why", "status", "statistics", "accept", "drop", "show"))
        argument = {"uri": self._document().uri}
        client.request("workspace/executeCommand", _command(name, argument))

    def _configure(self, client: SoakClient) -> None:
        random = self.random
        self.settings["completion"] = {
            "multiline": random.choice(("auto", "always", "never")),
            "debounceMs": random.choice(("auto", 0, 5)),
            "maxTokens": random.choice((1, 16, 48)),
            "candidates": random.choice((1, 3)),
        }
        self.settings["context"] = {"openFiles": random.random() < 0.7}
        self.settings["diagnostics"] = {"syntax": random.random() < 0.7}
        sent: object = {"tabwright": self.settings} if random.random() < 0.5 else None
        client.notify("workspace/didChangeConfiguration", {"settings": sent})

    # Notebooks ----------------------------------------------------------------------------------

    def _notebook(self, client: SoakClient) -> None:
        if len(self.notebooks) < 2:
            self._open_notebook(client)
            return
        uri = self.random.choice(list(self.notebooks))
        cells = self.notebooks[uri]
        if self.random.random() < 0.25:
            documents = [{"uri": cell} for cell in cells]
            params = {"notebookDocument": {"uri": uri}, "cellTextDocuments": documents}
            client.notify("notebookDocument/didClose", params)
            for cell in self.notebooks.pop(uri):
                self.documents.remove(cell)
            return
        start = self.random.randint(0, len(cells))
        delete = self.random.randint(0, len(cells) - start)
        fresh = [self._cell(uri) for _ in range(self.random.randint(0, 2))]
        closed = cells[start : start + delete]
        array = {"start": start, "deleteCount": delete, "cells": list(map(_cell, fresh))}
        structure = {
            "array": array,
            "didOpen": [document.item for document in fresh],
            "didClose": [{"uri": cell} for cell in closed],
        }
        change = {"cells": {"structure": structure}}
        named = {"uri": uri, "version": self._made}
        client.notify("notebookDocument/didChange", {"notebookDocument": named, "change": change})
        cells[start : start + delete] = [document.uri for document in fresh]
        for cell in closed:
            self.documents.remove(cell)

    def _open_notebook(self, client: SoakClient) -> None:
        self._made += 1
        uri = (self.workspace / f"{self.name}-{self._made}.ipynb").as_uri()
        documents = [self._cell(uri) for _ in range(self.random.randint(0, 3))]
        self.notebooks[uri] = [document.uri for document in documents]
        notebook = {
            "uri": uri,
            "notebookType": "jupyter-notebook",
            "version": 1,
            "cells": list(map(_cell, documents)),
        }
        items = [document.item for document in documents]
        params = {"notebookDocument": notebook, "cellTextDocuments": items}
        client.notify("notebookDocument/didOpen", params)

    def _cell(self, notebook: str) -> Document:
        self._made += 1
        path = notebook.removeprefix("file://")
        uri = f"vscode-notebook-cell:{path}#W{self._made}"
        document = Document(uri, "python")
        document.set(soak_text.random_text(self.random, 3))
        self.documents.add(document)
        return document

    # What no editor should do -------------------------------------------------------------------

    def _garbage(self, client: SoakClient) -> None:
        """Bytes that are no message; each costs itself alone."""
        harmless = frame(b'{"jsonrpc": "2.0", "method": "$/nothing", "params": {}}')
        bad = b'{"jsonrpc": "2.0", "id": 1, "method": '
        client.raw(
            self.random.choice(
                (
                    b"\r\n\r\nhello\r\n",
                    b"Content-Type: nonsense\r\n\r\n",
                    b"Content-Length: x\r\n\r\n",
                    frame(bad),
                    frame(bad, len(bad) - 3),
                    frame(bad, len(bad) + 9) + harmless,
                    frame(b"[]"),
                    frame(b'[{"jsonrpc": "2.0", "id": 7, "method": "shutdown"}]'),
                    frame(b"null"),
                    frame(b'"text"'),
                    frame(b"{}"),
                    frame(b'{"jsonrpc": "1.0", "id": 3, "method": "initialize"}'),
                    frame(b'{"jsonrpc": "2.0", "id": {"a": 1}, "method": "x"}'),
                    frame(b'{"jsonrpc": "2.0", "id": 99999999, "result": {}}'),
                    frame(b'{"jsonrpc": "2.0", "method": 5}'),
                    frame(b"[" * 3000 + b"]" * 3000),
                    frame(b"\xff\xfe\x00"),
                    harmless,
                )
            )
        )

    def _nonsense(self, client: SoakClient) -> None:
        """Requests whose answer can only be an error or empty, but must come."""
        document = self._document()
        random = self.random
        far = {"line": random.choice((0, 10**6, 2**31 - 1)), "character": 2**31 - 1}
        where: Json = {"textDocument": {"uri": document.uri}, "position": far}
        unknown: Json = {"textDocument": {"uri": "file:///never/opened.py"}, "position": far}
        inline = "textDocument/inlineCompletion"
        check = partial(self._check_items, self.documents, document.text, None)
        asked: list[tuple[str, object]] = [
            (inline, {**where, "context": _kind(2)}),
            (inline, {**unknown, "context": _kind(1)}),
            (inline, {"textDocument": 5}),
            (inline, None),
            (inline, {**where, "position": {"line": -5, "character": "x"}}),
            ("textDocument/unknown", {}),
            ("codeAction/resolve", {"title": "x", "data": {"id": "fix", "uri": document.uri}}),
            ("codeAction/resolve", {"title": "x", "data": [random.random()]}),
            ("workspace/executeCommand", {"command": "tabwright.nothing"}),
            ("workspace/executeCommand", {"command": "tabwright.edit", "arguments": [[], 5]}),
            ("workspace/executeCommand", _command("edit", {"uri": {}, "range": []})),
            ("initialize", {"capabilities": {}}),
        ]
        method, params = random.choice(asked)
        client.request(method, params, check if method == inline else None)
        if random.random() < 0.3:
            client.notify("$/cancelRequest", {"id": random.choice((12345, "nobody", None))})

    def _wrong_change(self, client: SoakClient) -> None:
        """A change that does not fit, to a document that is open or not; then the true text."""
        document = self._document()
        far = {"line": 10**6, "character": 10**6}
        wrong: Json = {"uri": document.uri, "version": self.random.choice((-1, 0, 10**9))}
        where = self.random.choice(
            (
                {"start": far, "end": far},
                {"start": far, "end": {"line": 0, "character": 0}},
                {"start": {"line": 0, "character": 10**6}, "end": far},
            )
        )
        changes = [{"range": where, "text": "x"}]
        if self.random.random() < 0.3:
            wrong["uri"] = "file:///never/opened.py"
        client.notify(_SYNC, {"textDocument": wrong, "contentChanges": changes})
        document.set(document.text)
        whole = [{"text": document.text}]
        client.notify(_SYNC, {"textDocument": document.identifier, "contentChanges": whole})

    # What the server asks -----------------------------------------------------------------------

    def _answer(self, method: str, params: Json) -> object:
        if method == "workspace/configuration":
            return [self.settings for _ in params.get("items", ())]
        if method == "workspace/applyEdit":
            return {"applied": self._apply(params)}
        if method == "window/showDocument":
            return {"success": self.random.random() < 0.8}
        return None

    def _apply(self, params: Json) -> bool:
        """Apply an edit as an editor does: not when the document has moved on."""
        try:
            texts = self.documents.check_edit(params.get("edit"))
        except ValueError as wrong:
            self.tally.out_of_range += 1
            self.tally.note(f"{self.name}: workspace/applyEdit: {wrong}"[:300])
            return False
        client = self.client
        if client is None or self.random.random() < 0.2:
            return False
        for change in params["edit"].get("documentChanges") or ():
            named = change.get("textDocument") or {}
            document = self.documents.open.get(str(named.get("uri")))
            if document is None or named.get("version") != document.version:
                continue
            document.set(texts[document.uri])
            whole = [{"text": document.text}]
            named = {"textDocument": document.identifier, "contentChanges": whole}
            client.notify(_SYNC, named)
        return True

    def _notified(self, method: str, params: Json) -> None:
        if method == "textDocument/publishDiagnostics":
            with contextlib.suppress(KeyError, TypeError):
                try:
                    self.documents.check_diagnostics(params)
                except ValueError as wrong:
                    self.tally.out_of_range += 1
                    self.tally.note(f"{self.name}: {method}: {wrong}"[:300])


def _command(name: str, argument: Json | None = None) -> Json:
    return {"command": f"tabwright.{name}", "arguments": [argument] if argument else []}


def _kind(number: int) -> Json:
    return {"triggerKind": number}


def _cell(document: Document) -> Json:
    return {"kind": 2, "document": document.uri}


def _initialize(window: Window) -> Json:
    encoding = window.documents.encoding
    return {
        "processId": None,
        "rootUri": window.workspace.as_uri(),
        "initializationOptions": window.settings,
        "capabilities": {
            "general": {"positionEncodings": [encoding]},
            "window": {"workDoneProgress": True, "showDocument": {"support": True}},
            "workspace": {
                "configuration": True,
                "applyEdit": True,
                "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create"]},
            },
            "notebookDocument": {"synchronization": {}},
            "textDocument": {
                "inlineCompletion": {},
                "codeAction": {
                    "codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}},
                    "resolveSupport": {"properties": ["edit"]},
                    "dataSupport": True,
                },
            },
        },
    }
