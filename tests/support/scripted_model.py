"""A model whose words a case gives: an engine that streams them as a real one would."""

from __future__ import annotations

import asyncio
import itertools
import re
from functools import partial

from bench.lib.fit_cases import FitCase

from tabwright.app.completion.answer_cache import AnswerCache
from tabwright.app.completion.query import CompletionQuery, CompletionSetup
from tabwright.app.completion.session import Session
from tabwright.app.documents.buffers import Cursor
from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.assists.complete import ModelInfo, Options
from tabwright.client.engine import Answer, OnText, Request, Usage
from tabwright.core.prompting.prompt import family_by_name
from tabwright.core.text import Edit, Snapshot

_TOKENS = re.compile(r"\n+[ \t]*|[ \t]*\w{1,8}|[ \t]*[^\w\s]{1,2}|[ \t]+")
_CHARS_PER_TOKEN = 3
_VERSIONS = itertools.count(1)


class ScriptedModel:
    """Writes the case's words; asked again, the next ones, and the last ones over and over.

    What the prompt already has of an answer is not written again; where the prompt has something
    that the words do not begin with, the line is ended.
    """

    def __init__(self, words: tuple[str, ...]) -> None:
        """Take the answers in order."""
        self.words = words
        self.requests: list[Request] = []
        self._base = ""

    async def generate(self, request: Request, on_text: OnText | None = None) -> Answer:
        """The next answer, cut by the request's stops and its number of tokens."""
        prompt = str(request.prompt.parts[-1])
        if not self.requests:
            self._base = prompt
        self.requests.append(request)
        text, finish = self._wanted(prompt.removeprefix(self._base), len(request.avoid)), "stop"
        ends = [at for stop in request.stop if (at := text.find(stop)) >= 0]
        text = text[: min(ends, default=len(text))]
        if len(text) > request.max_tokens * _CHARS_PER_TOKEN:
            text, finish = text[: request.max_tokens * _CHARS_PER_TOKEN], "length"
        for token in _TOKENS.findall(text):
            if on_text is not None:
                on_text(0, token)
        return Answer((text,), (finish,), Usage())

    def _wanted(self, written: str, before: int) -> str:
        for words in (*self.words[before:], *self.words[-1:]):
            if words.startswith(written):
                return words[len(written) :]
        return "\n"

    async def model_info(self, name: str) -> ModelInfo:
        """The small model's own form of prompt."""
        return ModelInfo(name, family_by_name("qwen2.5-coder"), 32768)

    async def status(self) -> dict[str, object]:
        """Nothing to tell."""
        return {}

    async def aclose(self) -> None:
        """Nothing is open."""


async def suggested(case: FitCase) -> tuple[Edit, ...]:
    """What the user is shown for a case, best first: the whole way from request to edit."""
    engine = ScriptedModel(case.model)
    uri = f"file:///project/{case.file}"
    snapshot = Snapshot(uri, case.language_id, next(_VERSIONS), case.text)
    session = Session(uri, AnswerCache())
    work = WorkerThreads("scripted")
    setup = CompletionSetup(
        engine=engine,
        model="m",
        options=Options(),
        model_info=partial(engine.model_info, "m"),
        refused=lambda path: None,
        files=work,
        work=work,
        debounce_s=0.0,
    )
    session.changed(snapshot)
    cursor = Cursor(snapshot, case.offset, "", "", f"/project/{case.file}")
    loop = asyncio.get_running_loop()
    query = CompletionQuery(cursor, case.invoked, setup, loop.create_future(), loop.time())
    try:
        return (await session.complete(query)).edits
    finally:
        session.close()
        work.close()
