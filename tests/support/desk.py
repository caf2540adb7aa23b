"""A session whose engine writes when the test tells it to; ``║`` is the cursor."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from support.idle_engine import IdleEngine

from tabwright.app.completion.answer_cache import AnswerCache
from tabwright.app.completion.query import CompletionQuery, CompletionResult, CompletionSetup
from tabwright.app.completion.session import Session
from tabwright.app.documents.buffers import Cursor
from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.assists.complete import Options
from tabwright.client.engine import Answer, OnText, Request, Usage
from tabwright.core.message import Message
from tabwright.core.prompting.context import Document
from tabwright.core.text import Snapshot

URI = "file:///work/a.py"
USAGE = Usage(prompt_tokens=40, reused_tokens=38, computed_tokens=2)
VERSIONS = itertools.count(1)


@dataclass
class Call:
    """One question as the engine got it."""

    request: Request
    on_text: OnText
    answer: asyncio.Future[Answer]
    texts: list[str] = field(default_factory=list)
    closed: bool = False

    def write(self, text: str) -> None:
        self.texts.append(text)
        try:
            self.on_text(0, text)
        except Exception as error:  # noqa: BLE001 - as the real client: it ends the question
            self.answer.set_exception(error)

    def end(self, text: str = "", finish: str = "stop") -> None:
        if text:
            self.write(text)
        if not self.answer.done():
            self.answer.set_result(Answer(("".join(self.texts),), (finish,), USAGE))


class WrittenEngine(IdleEngine):
    """An engine whose answers the test writes."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def generate(self, request: Request, on_text: OnText | None = None) -> Answer:
        call = Call(
            request,
            on_text or (lambda index, text: None),
            asyncio.get_running_loop().create_future(),
        )
        self.calls.append(call)
        try:
            return await call.answer
        except asyncio.CancelledError:
            call.closed = True
            raise

    async def call(self, number: int) -> Call:
        """The question of that number, counted from 1, once it is there."""
        async with asyncio.timeout(2):
            while len(self.calls) < number:
                await asyncio.sleep(0.001)
        return self.calls[number - 1]


class Desk:
    """A session with all it needs; requests as text with a cursor."""

    def __init__(self) -> None:
        self.engine = WrittenEngine()
        self.session = Session(URI, AnswerCache())
        self.work = WorkerThreads("test", 2)
        self.refused: Callable[[str], Message | None] = lambda path: None
        self.debounce_s = 0.0
        self.others: Sequence[Document] = ()
        self.options = Options()
        self.gradual = False
        self.ahead = False

    def setup(self) -> CompletionSetup:
        return CompletionSetup(
            engine=self.engine,
            model="m",
            options=self.options,
            model_info=partial(self.engine.model_info, "m"),
            refused=lambda path: self.refused(path),
            files=self.work,
            work=self.work,
            debounce_s=self.debounce_s,
            gradual=self.gradual,
            ahead=lambda: self.ahead,
        )

    def cursor(self, marked: str) -> Cursor:
        """A text with a cursor, which is the document's from now on."""
        snapshot = Snapshot(URI, "python", next(VERSIONS), marked.replace("║", ""))
        self.session.changed(snapshot)
        return Cursor(snapshot, marked.index("║"), "", "", "/work/a.py", tuple(self.others))

    def ask(self, marked: str, *, invoked: bool = False) -> asyncio.Task[CompletionResult]:
        """Change the text, then ask at the cursor."""
        return asyncio.create_task(self.session.complete(self._query(self.cursor(marked), invoked)))

    def move(self, cursor: Cursor) -> None:
        """Let the cursor rest where nothing is asked."""
        self.session.moved(self._query(cursor, False))

    def _query(self, cursor: Cursor, invoked: bool) -> CompletionQuery:
        loop = asyncio.get_running_loop()
        return CompletionQuery(cursor, invoked, self.setup(), loop.create_future(), loop.time())


async def texts(request: asyncio.Task[CompletionResult]) -> list[str]:
    result = await asyncio.wait_for(request, 2)
    return [edit.new_text for edit in result.edits]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0.002)
