"""One completion request and its result as frozen objects, and the task that a request makes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tabwright.app.documents.buffers import Cursor
from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.app.settings.settings import Settings
from tabwright.assists.complete import Nothing, Options, Task, prepare
from tabwright.client.engine import Engine, Usage
from tabwright.core.message import Message, verbatim
from tabwright.core.prompting.window_cache import WindowCache, small_budget
from tabwright.core.task import ModelInfo
from tabwright.core.text import Edit

MODEL, CACHE, IN_FLIGHT, NONE = "model", "cache", "in flight", "none"
SHOWN = Message("shown")
NO_DETAIL = verbatim("")
SUPERSEDED = Message("a newer request came")
KEPT_OUT = Message("this file is kept from the model")


@dataclass(frozen=True)
class CompletionSetup:
    """What a request is answered with: the engine, and the settings as they were when it came.

    ``refused`` says why a path or uri must stay out of prompts, None when it need not.
    ``files`` looks at the disk, ``work`` computes. ``debounce_s`` None adapts. ``gradual``: a
    revisited window is kept, a new one begins small. ``ahead`` says whether to prefetch.
    """

    engine: Engine
    model: str
    options: Options
    model_info: Callable[[], Awaitable[ModelInfo]]
    refused: Callable[[str], Message | None]
    files: WorkerThreads
    work: WorkerThreads
    debounce_s: float | None = None
    gradual: bool = False
    ahead: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class CompletionQuery:
    """One completion request with all that its answer may use.

    ``superseded`` is done once a newer request of the document came; ``asked_at`` is the loop's
    time in seconds.
    """

    cursor: Cursor
    invoked: bool
    setup: CompletionSetup
    superseded: asyncio.Future[None]
    asked_at: float


@dataclass(frozen=True)
class CompletionResult:
    """Edits, best first, and a sentence on why just these.

    ``source`` is "model", "cache", "in flight" or "none". ``problem`` names a kind of failure that
    the user should hear of, "" when nothing is wrong.
    """

    edits: tuple[Edit, ...] = ()
    reason: Message = SHOWN
    detail: Message = NO_DETAIL
    source: str = NONE
    usage: Usage | None = None
    problem: str = ""
    ms: float = 0.0


def nothing(
    reason: Message, detail: Message = NO_DETAIL, *, problem: str = "", source: str = NONE
) -> CompletionResult:
    """A result without suggestions."""
    return CompletionResult(reason=reason, detail=detail, problem=problem, source=source)


def options_of(settings: Settings) -> Options:
    """What the settings say about completions."""
    wanted, context = settings.completion, settings.context
    usual = Options()
    return Options(
        max_tokens=wanted.max_tokens,
        line_tokens=min(usual.line_tokens, wanted.max_tokens),
        multiline=wanted.multiline,
        candidates=wanted.candidates,
        budget=replace(
            usual.budget,
            prefix_chars=context.prefix_characters,
            suffix_chars=context.suffix_characters,
        ),
    )


def build_task(
    query: CompletionQuery, model: ModelInfo, windows: WindowCache, *, whole: bool = False
) -> Task | Nothing:
    """Build the task of a completion, with a cached window of an earlier request or a new one.

    A new window is small where that is quicker, unless the ``whole`` budget is wanted. A cached
    window without snippets gets none here unless ``whole``: a snippet changes the start of the
    prompt, and all of it would be prefilled again.
    """
    cursor, setup = query.cursor, query.setup
    others = cursor.others
    cached = windows.find(cursor.snapshot.text, cursor.offset, cursor.before, cursor.after)
    budget = setup.options.budget
    if not whole and cached is not None:
        budget = cached.budget
    elif not whole and setup.gradual:
        budget = small_budget(budget, cursor.snapshot.text)
    previous = cached.window if cached is not None and cached.budget == budget else None
    if previous is not None and not previous.snippets and not whole and setup.ahead():
        others = ()
    return prepare(
        cursor.snapshot,
        cursor.offset,
        model,
        replace(setup.options, budget=budget),
        invoked=query.invoked,
        others=others,
        before=cursor.before,
        after=cursor.after,
        previous=previous,
    )
