"""Asks the server for one action, as an editor would, and puts the edit it offers in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.lib.action_sets import FIX, GENERATE, INSTRUCTION, ActionTask
from bench.lib.diagnostic_cases import Ready
from bench.lib.own_server import Workbench
from tabwright.lsp.language_client import Json, LspClient, ResponseError, StaleEdit

SECONDS = 300.0
GENERATE_KIND = "refactor.rewrite.tabwright.generate"
_ERROR, _WARNING = 1, 2


@dataclass(frozen=True)
class Reply:
    """What came of one action: the document with it, or None and why there is none.

    ``warnings`` is what the user was told against the edit: named faults, and messages that are
    warnings or errors. ``seconds`` run from the first request to the last answer.
    """

    document: str | None
    seconds: float
    warnings: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class _Done:
    document: str
    faults: tuple[str, ...]


class NotOffered(Exception):
    """No edit came; the message is what the server said."""


@dataclass
class Asker:
    """Asks over one connection; what the server shows the user in the meantime is kept."""

    client: LspClient
    shown: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Keep the warnings and errors that the server shows."""
        self.client.on_notification = self._on_notify

    def _on_notify(self, method: str, params: Json) -> None:
        if method == "window/showMessage" and params.get("type") in (_ERROR, _WARNING):
            self.shown.append(str(params.get("message", "")))

    async def ask(self, bench: Workbench, item: ActionTask | Ready, index: int) -> Reply:
        """The reply to one item, in a document of its own that is closed again afterwards."""
        if isinstance(item, Ready):
            return await self._fixed((item.folder / item.case.file).as_uri(), item)
        return await self._done(bench.uri(f"task_{index}.py"), item)

    async def _done(self, uri: str, task: ActionTask) -> Reply:
        ask = {GENERATE: self._generate, FIX: self._edit}.get(task.kind, self._translate)
        return await self._reply(uri, "python", task.text, lambda: ask(uri, task))

    async def _fixed(self, uri: str, ready: Ready) -> Reply:
        case = ready.case
        return await self._reply(
            uri, case.language_id, case.text, lambda: self._quick_fix(uri, ready)
        )

    async def _reply(
        self, uri: str, language_id: str, text: str, ask: Callable[[], Awaitable[_Done]]
    ) -> Reply:
        self.shown.clear()
        self.client.open(uri, language_id, text)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(SECONDS):
                done = await ask()
        except TimeoutError:
            why = f"no answer within {SECONDS:g} s"
            return Reply(None, time.perf_counter() - started, tuple(self.shown), why)
        except (NotOffered, ResponseError, StaleEdit) as error:
            why = "; ".join(filter(None, (str(error), *self.shown)))
            return Reply(None, time.perf_counter() - started, tuple(self.shown), why)
        finally:
            # Closed, so that no later task sees this one as context.
            self.client.close(uri)
        warnings = tuple(dict.fromkeys((*done.faults, *self.shown)))
        return Reply(done.document, time.perf_counter() - started, warnings)

    async def _generate(self, uri: str, task: ActionTask) -> _Done:
        """The code action that writes a function, asked for inside it."""
        listed = await self.client.code_actions(
            uri, task.text, task.at, task.at, only=[GENERATE_KIND]
        )
        return await self._resolved(uri, task.text, listed)

    async def _edit(self, uri: str, task: ActionTask) -> _Done:
        """The command that edits the function by an instruction."""
        answer = await self.client.execute(
            "tabwright.edit",
            {
                "uri": uri,
                "range": self.client.range(task.text, task.start, task.end),
                "version": self.client.version(uri),
                "instruction": INSTRUCTION,
                "apply": False,
            },
        )
        return _Done(self._with(uri, task.text, answer), _faults(answer.get("faults")))

    async def _translate(self, uri: str, task: ActionTask) -> _Done:
        """The command that translates the document into one of its own."""
        answer = await self.client.execute(
            "tabwright.translate",
            {
                "uri": uri,
                "version": self.client.version(uri),
                "target": task.target,
                "declaration": task.declaration,
                "apply": False,
            },
        )
        edit = answer.get("edit")
        made = self.client.applied(edit, {uri: task.text}) if isinstance(edit, dict) else {}
        texts = [text for name, text in made.items() if name != uri]
        if not texts and isinstance(answer.get("text"), str):
            texts = [str(answer["text"])]
        if not texts or not texts[0].strip():
            raise NotOffered(_said(answer))
        return _Done(texts[0], _faults(answer.get("faults")))

    async def _quick_fix(self, uri: str, ready: Ready) -> _Done:
        text, wanted = ready.case.text, ready.wanted
        start, end = (_offset(text, place) for place in (wanted.start, wanted.end))
        listed = await self.client.code_actions(
            uri, text, start, end, only=["quickfix"], diagnostics=[wanted.protocol()]
        )
        return await self._resolved(uri, text, listed)

    async def _resolved(self, uri: str, text: str, listed: Sequence[Json]) -> _Done:
        if not listed:
            raise NotOffered("no such action is listed")
        action = listed[0]
        resolved = action if action.get("edit") else await self.client.resolve(action)
        faults = list(_faults(_data(resolved).get("faults")))
        if resolved.get("title") != action.get("title"):
            faults.append(str(resolved.get("title")))
        return _Done(self._with(uri, text, resolved), tuple(faults))

    def _with(self, uri: str, text: str, answer: Mapping[str, object]) -> str:
        """The document after the edit of an answer. Raises NotOffered when there is none."""
        edit = answer.get("edit")
        if not isinstance(edit, dict):
            raise NotOffered(_said(answer))
        return self.client.applied(edit, {uri: text}).get(uri, text)


def _faults(value: object) -> tuple[str, ...]:
    """Faults as texts, whether they come as texts or as objects with a kind and a message."""
    return tuple(
        f"{one.get('kind', '')}: {one.get('message', '')}" if isinstance(one, dict) else str(one)
        for one in (value if isinstance(value, list) else [])
    )


def _data(action: Mapping[str, object]) -> Mapping[str, Any]:
    data = action.get("data")
    return data if isinstance(data, dict) else {}


def _said(answer: Mapping[str, object]) -> str:
    parts = [answer.get("message"), answer.get("reason"), *_faults(answer.get("faults"))]
    return "; ".join(str(part) for part in parts if part) or "no edit and no reason"


def _offset(text: str, place: tuple[int, int]) -> int:
    lines = text.splitlines(keepends=True)
    before = sum(map(len, lines[: place[0]]))
    return min(before + place[1], len(text))
