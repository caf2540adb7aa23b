"""What to ask at a cursor and by which window, and what is kept of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from tabwright.app.completion.answer_cache import Answers
from tabwright.app.completion.in_flight import Judged, Landed
from tabwright.app.documents.buffers import Cursor
from tabwright.app.runtime.waiting import Work
from tabwright.assists.complete import (
    Completion,
    Nothing,
    Options,
    Task,
    convincing,
    finish,
    prepare,
)
from tabwright.client.engine import Engine
from tabwright.core.prompting.context import Document
from tabwright.core.prompting.window_cache import Place, Places, small
from tabwright.core.task import ModelInfo
from tabwright.core.text import Edit


@dataclass(frozen=True)
class Setup:
    """What a request is answered with: the settings as they were when it came.

    ``refused`` says why a path or uri must stay out of prompts, None when it need not.
    ``files`` looks at the disk, ``work`` computes. ``debounce_s`` None adapts. ``gradual``: a new
    place is begun with a small window. ``ahead`` says whether to compute what nobody waits for.
    """

    engine: Engine
    model: str
    options: Options
    model_info: Callable[[], Awaitable[ModelInfo]]
    refused: Callable[[str], str | None]
    files: Work
    work: Work
    debounce_s: float | None = None
    gradual: bool = False
    ahead: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Question:
    """A task, and the place that its window makes."""

    task: Task
    place: Place


def question(
    cursor: Cursor,
    model: ModelInfo,
    invoked: bool,
    others: Sequence[Document],
    setup: Setup,
    places: Places,
    *,
    whole: bool = False,
) -> Question | Nothing:
    """What to ask, by the window of a place that was asked about before, or a new one.

    A new one is small where that is quicker, unless the ``whole`` budget is wanted. One that has no
    snippet of the others gets its first with the ``whole`` budget alone, since all that stands
    behind it must be computed anew.
    """
    options = setup.options
    found = places.find(cursor.place)
    budget = options.budget
    if not whole and found is not None:
        budget = found.budget
    elif not whole and setup.gradual:
        budget = small(budget, cursor.snapshot.text)
    previous = found.window if found is not None and found.budget == budget else None
    if previous is not None and not previous.snippets and not whole and setup.ahead():
        others = ()
    task = prepare(
        cursor.snapshot,
        cursor.offset,
        model,
        replace(options, budget=budget),
        invoked=invoked,
        others=others,
        before=cursor.before,
        after=cursor.after,
        previous=previous,
    )
    return task if isinstance(task, Nothing) else Question(task, Place(task.window, budget))


async def judge(work: Work, task: Task, texts: Sequence[str], ended: Sequence[str]) -> Judged:
    """What to show of the texts so far, and whether that is enough."""
    return await work(_judged, task, texts, ended)


def keep(answers: Answers, uri: str, task: Task, landing: asyncio.Task[Landed]) -> None:
    """Keep for later what a flight brought, even when nobody waited for it any more."""
    if landing.cancelled() or landing.exception() is not None or not landing.result().whole:
        return
    result = landing.result().result
    edits = () if isinstance(result, Nothing) else tuple(map(_edit, result))
    answers.put(uri, task.snapshot.text, task.offset, edits, invoked=task.invoked)


def _judged(task: Task, texts: Sequence[str], ended: Sequence[str]) -> Judged:
    result = finish(task, texts, ended)
    return result, convincing(task, result)


def _edit(completion: Completion) -> Edit:
    return completion.edit
