"""One completion request as a frozen object, and the task for the model that it makes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from tabwright.app.documents.buffers import Cursor
from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.assists.complete import Nothing, Options, Task, prepare
from tabwright.client.engine import Engine
from tabwright.core.prompting.window_cache import WindowCache, small
from tabwright.core.task import ModelInfo


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
    refused: Callable[[str], str | None]
    files: WorkerThreads
    work: WorkerThreads
    debounce_s: float | None = None
    gradual: bool = False
    ahead: Callable[[], bool] = lambda: False


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True)
class CompletionQuery:
    """One completion request with all that its answer may use; needs a running loop.

    ``superseded`` is done once a newer request of the document came; ``asked_at`` is the loop's
    time in seconds.
    """

    cursor: Cursor
    invoked: bool
    setup: CompletionSetup
    superseded: asyncio.Future[None] = field(default_factory=_future)
    asked_at: float = field(default_factory=_now)


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
    cached = windows.find(cursor.text)
    budget = setup.options.budget
    if not whole and cached is not None:
        budget = cached.budget
    elif not whole and setup.gradual:
        budget = small(budget, cursor.snapshot.text)
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
