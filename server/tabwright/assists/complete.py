"""Inline completion: what to ask at the cursor, and what to show of the answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from tabwright.core.context import Budget, Document, Window, build
from tabwright.core.postprocess import Rejected, clean, should_stop
from tabwright.core.prompt import infill
from tabwright.core.task import Completion, ModelInfo, Nothing, Options, Task
from tabwright.core.text import Edit, Snapshot, Span, line_span

__all__ = [
    "Completion",
    "ModelInfo",
    "Nothing",
    "Options",
    "Task",
    "finish",
    "prepare",
    "should_stop",
]

_ONLY_CLOSERS = re.compile(r"""\s*[)>}\]"'`]*\s*[:{;,]?\s*""")


def prepare(
    snapshot: Snapshot,
    offset: int,
    model: ModelInfo,
    options: Options,
    *,
    invoked: bool,
    others: Sequence[Document] = (),
    before: str = "",
    after: str = "",
    previous: Window | None = None,
) -> Task | Nothing:
    """What to ask the model at ``offset``, or why not to ask at all."""
    line = line_span(snapshot.text, offset)
    rest = snapshot.text[offset : line.end]
    if not invoked and not _ONLY_CLOSERS.fullmatch(rest):
        return Nothing("the cursor stands before code on its line")
    window = build(
        snapshot.text,
        offset,
        options.budget,
        others=others,
        before=before,
        after=after,
        previous=previous,
    )
    shown = window if invoked else replace(window, suffix=window.suffix[len(rest) :].lstrip("\r\n"))
    path = unquote(urlsplit(snapshot.uri).path).rsplit("/", 1)[-1]
    return Task(
        snapshot,
        offset,
        window,
        infill(model.family, shown, path=path, language_id=snapshot.language_id),
        model.family,
        ("\n", "\r") if not invoked else (),
        "",
        not window.prefix.endswith(("\n", "\r")) and window.prefix != "",
        options.max_tokens if invoked else min(options.line_tokens, options.max_tokens),
        options.candidates if invoked else 1,
        0.4 if invoked else 0.0,
        invoked,
        invoked,
    )


def finish(
    task: Task, texts: Sequence[str], ended: Sequence[str] = ()
) -> tuple[Completion, ...] | Nothing:
    """The suggestions to show, best first, or why there are none."""
    found: list[Completion] = []
    reason = "the model had nothing to add"
    for text in texts:
        result = clean(text, task)
        if isinstance(result, Rejected):
            reason = result.reason
        else:
            edit = Edit(Span(task.offset, result.end), result.text)
            if all(edit != other.edit for other in found):
                found.append(Completion(edit, result.text))
    return tuple(found) or Nothing(reason)


_ = Budget
