"""One completion request under way to an engine; it may outlive the editor's that began it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from tabwright.app.completion.answer_cache import AnswerCache, TextPosition
from tabwright.app.completion.query import CompletionResult, CompletionSetup
from tabwright.app.documents.buffers import Cursor
from tabwright.assists.complete import (
    Task,
    continuation_task,
    should_stop,
    unbound_names_hint,
    validate,
    with_answer_start,
)
from tabwright.client.engine import EngineError, Request, Usage
from tabwright.core.message import Message
from tabwright.core.task import Nothing
from tabwright.core.text import Edit

# An answer that is not acceptable is asked for anew while the user has not waited long.
_TRIES = 3
_RETRY_S = 1.5
_CANCELLED_BY_ENGINE = Message("the engine gave the question up")

logger = logging.getLogger(__name__)


class _EnoughText(Exception):
    """The text so far will do."""


class InFlightRequest:
    """A request that was sent for ``task``; ``future`` is done once its answer is validated.

    ``future`` gives the result at the cursor of the task; cancelling it closes the engine's
    connection. The request serves a later cursor of the same document as long as what was typed
    since and what was answered so far agree. ``cache`` gets the answer too, even when nobody waits
    for it any more.
    """

    def __init__(
        self,
        task: Task,
        setup: CompletionSetup,
        cache: AnswerCache,
        *,
        lane: str = "newest",
    ) -> None:
        """Send the request at once; needs a running loop."""
        self.task = task
        self._uri = task.snapshot.uri
        self._setup = setup
        self._cache = cache
        self._lane = lane
        self._position = TextPosition.of(task.snapshot.text, task.offset)
        self._text = ""  # of the answer so far
        self._target = task.snapshot.text, task.offset
        self._closing: asyncio.TimerHandle | None = None
        self.future: asyncio.Task[CompletionResult] = asyncio.create_task(self._run())
        # Whoever waits gets the exception; when nobody does, it is no news for the log.
        self.future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def serves(self, text: str, offset: int, *, invoked: bool) -> bool:
        """Whether the answer under way can be one to this later request of the document."""
        if self.future.done() or (invoked and not self.task.invoked):
            return False
        return self._position.agrees(self._text, text, offset)

    def may_serve(self, text: str) -> bool:
        """Whether some cursor in this later text could still be served."""
        typed = len(text) - len(self.task.snapshot.text)
        ends = (self.task.offset + typed - closers for closers in range(min(typed, 2) + 1))
        return typed >= 0 and any(self.serves(text, at, invoked=self.task.invoked) for at in ends)

    def retarget(self, text: str, offset: int) -> None:
        """Keep it for this later request; it is cancelled as soon as the answer differs."""
        self._target = text, offset
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def cancel_after(self, seconds: float) -> None:
        """Cancel it unless it is retargeted within so many seconds."""
        if self._closing is None and not self.future.done():
            self._closing = asyncio.get_running_loop().call_later(seconds, self.future.cancel)

    def is_for(self, cursor: Cursor) -> bool:
        """Whether nothing was typed between the request and this cursor."""
        task, text = self.task, cursor.snapshot.text
        return (cursor.offset, len(text)) == (task.offset, len(task.snapshot.text))

    async def _run(self) -> CompletionResult:
        loop = asyncio.get_running_loop()
        started = loop.time()
        texts: list[str] = []
        finish_reasons: list[str] = []
        usage: Usage | None = None
        found: tuple[Edit, ...] | Nothing = Nothing(_CANCELLED_BY_ENGINE)
        for _ in range(max(self.task.n, _TRIES)):
            if texts and loop.time() - started > _RETRY_S:
                break
            try:
                text, finish_reason, cost = await self._candidate(texts)
            except EngineError as error:
                if not texts:
                    raise
                logger.info("a further candidate failed: %s", error)
                break
            if finish_reason == "cancelled":
                break
            texts.append(text)
            finish_reasons.append(finish_reason)
            usage = usage or cost
            found, acceptable = await self._setup.work(validate, self.task, texts, finish_reasons)
            if acceptable and len(texts) >= self.task.n:
                break
        edits = () if isinstance(found, Nothing) else found
        if texts:  # else the engine cancelled it, and the same request may well have an answer
            task = self.task
            self._cache.put(self._uri, task.snapshot.text, task.offset, edits, invoked=task.invoked)
        ms = (loop.time() - started) * 1000
        result = CompletionResult(edits, usage=usage, ms=ms)
        return replace(result, reason=found.reason) if isinstance(found, Nothing) else result

    async def _candidate(self, before: Sequence[str]) -> tuple[str, str, Usage | None]:
        """One text, how it ended and what it cost, which stays unknown when it is cut off.

        Candidates are asked for one by one: each can be cut off as soon as it has enough, and the
        engine has the prompt's state from the ones ``before``, which the new one must not repeat.
        """
        task = self.task
        start = unbound_names_hint(task) if len(before) == 1 and task.n == 1 else ""
        if start:
            task = with_answer_start(task, start)
        avoid = () if start else tuple(before)
        text, finish_reason, cost = await self._generate(task, avoid=avoid, first=not before)
        text = start + text
        rest = continuation_task(self.task, text) if finish_reason == "stop" else None
        if rest is None:
            return text, finish_reason, cost
        try:
            more, finish_reason, _ = await self._generate(rest, first=not before)
        except EngineError as error:
            logger.info("the rest of a statement failed: %s", error)
            return text, "stop", cost
        return rest.answer_start + more, finish_reason, cost

    async def _generate(
        self, task: Task, *, avoid: tuple[str, ...] = (), first: bool
    ) -> tuple[str, str, Usage | None]:
        """Ask for ``task`` until the answer has enough; only the first candidate is compared with
        what is typed meanwhile."""
        request = Request(
            model=self._setup.model,
            prompt=task.prompt,
            max_tokens=task.max_tokens,
            stop=task.stop,
            suffix_stop=task.suffix_stop,
            heal=task.heal,
            lane=self._lane,
            session=self._uri,
            avoid=avoid,
        )
        pieces: list[str] = [task.answer_start]
        if first and task.answer_start:
            self._text += "\n"

        def on_text(index: int, text: str) -> None:
            pieces.append(text)
            if first and index == 0:
                self._text += text
            if task.n == 1 and not self._position.agrees(self._text, *self._target):
                self.future.cancel()
            elif should_stop(task, "".join(pieces)) is not None:
                raise _EnoughText

        try:
            answer = await self._setup.engine.generate(request, on_text)
        except _EnoughText:
            text = "".join(pieces)
            whole = text[: should_stop(task, text)]
            return whole[len(task.answer_start) :], "stop", None
        return "".join(answer.texts[:1]), "".join(answer.finish[:1]), answer.usage
