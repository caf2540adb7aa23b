"""Inline completion: what to ask at the cursor, and what to show of the answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from tabwright.core.blocks import opener_depth
from tabwright.core.context import Budget, Document, Window, build
from tabwright.core.filters import BLANK
from tabwright.core.judge import sound
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

# Rule 9 of the peers (GitHub Copilot): closers, then one sign that ends a statement.
_ONLY_CLOSERS = re.compile(r"""\s*[)>}\]"'`]*\s*[:{;,]?\s*""")
_LINE_END = re.compile(r"\A(?:\r\n|\n|\r)")
_CHARS_PER_TOKEN = 2.5
_SHORT_SUFFIX = 6
_LONGEST_REST = 200
_BLOCK_TOKENS = 96


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
    """What to ask the model at ``offset`` (clamped to the text), or why not to ask at all."""
    offset = max(0, min(offset, len(snapshot.text)))
    rest = snapshot.text[offset : line_span(snapshot.text, offset).end]
    if not invoked and not _ONLY_CLOSERS.fullmatch(rest[:_LONGEST_REST]):
        return Nothing("the cursor stands before code on its line; ask by hand to complete here")
    window = build(
        snapshot.text,
        offset,
        _affordable(options.budget, model.context_length, options.max_tokens),
        others=others,
        before=before,
        after=after,
        previous=previous,
    )
    if not (window.prefix + window.suffix).strip():
        return Nothing("the file is still empty")
    shown = replace(window, suffix=_asked_suffix(window.suffix, rest, invoked))
    path = unquote(urlsplit(snapshot.uri).path).rsplit("/", 1)[-1]
    task = Task(
        snapshot=snapshot,
        offset=offset,
        window=window,
        prompt=infill(model.family, shown, path=path, language_id=snapshot.language_id),
        family=model.family,
        stop=("\n", "\r"),
        suffix_stop="",
        # A prompt that ends with a line is whole; half a token can only end in the middle of one.
        heal=window.prefix[-1:] not in ("", "\n", "\r"),
        max_tokens=min(options.line_tokens, options.max_tokens),
        n=options.candidates if invoked else 1,
        temperature=0.0,
        multiline=False,
        invoked=invoked,
    )
    return _several_lines(task, options, rest)


def _several_lines(task: Task, options: Options, rest: str) -> Task:
    if options.multiline == "never":
        return task
    if task.invoked:
        stop_at = task.window.suffix
        sure = sum(not char.isspace() for char in stop_at) >= _SHORT_SUFFIX
        return replace(
            task,
            multiline=True,
            stop=(),
            suffix_stop=stop_at if sure else "",
            max_tokens=options.max_tokens,
        )
    if options.multiline == "always" or opener_depth(task) is not None:
        return replace(
            task,
            multiline=True,
            stop=("\n\n",),
            max_tokens=min(_BLOCK_TOKENS, options.max_tokens),
        )
    return task


def _asked_suffix(suffix: str, rest: str, invoked: bool) -> str:
    """The suffix for the prompt: from the next line on where nothing but closers ends this one.

    So it is the same before and after each key, and after the closers an editor puts in by itself;
    the model writes the rest of the line, closers included. Where code follows, it begins there.
    """
    if not suffix.startswith(rest) or (invoked and rest.strip()):
        return suffix
    return _LINE_END.sub("", suffix[len(rest) :], count=1)


def _affordable(budget: Budget, context_length: int, max_tokens: int) -> Budget:
    """The budget, made smaller where the model's context could not hold it."""
    room = max(200, round((context_length - max_tokens - 32) * _CHARS_PER_TOKEN))
    wanted = budget.prefix_chars + budget.suffix_chars + budget.snippet_chars
    if wanted <= room:
        return budget
    share = room / wanted
    return Budget(
        round(budget.prefix_chars * share),
        round(budget.suffix_chars * share),
        round(budget.snippet_chars * share),
    )


def finish(
    task: Task, texts: Sequence[str], ended: Sequence[str] = ()
) -> tuple[Completion, ...] | Nothing:
    """The suggestions to show, best first and each once, or why there are none.

    ``ended`` says for each text why the engine stopped, "length" meaning in mid-line; without it
    every text counts as whole.
    """
    found: list[tuple[bool, Completion]] = []
    reasons: list[str] = []
    for number, text in enumerate(texts):
        complete = number >= len(ended) or ended[number] != "length"
        result = clean(text, task, complete=complete)
        if isinstance(result, Rejected):
            reasons.append(result.reason)
            continue
        edit = Edit(Span(task.offset, result.end), result.text)
        if all(edit != other.edit for _, other in found):
            broken = sound(task, result.text, result.end) is False
            found.append((broken, Completion(edit, _new_text(task, edit))))
    found.sort(key=lambda pair: pair[0])
    if found:
        return tuple(completion for _, completion in found)
    return Nothing(reasons[0] if reasons else BLANK)


def _new_text(task: Task, edit: Edit) -> str:
    """The edit's text without the characters it replaces, which come in it in order."""
    new, at = edit.new_text, len(edit.new_text)
    for char in reversed(task.snapshot.text[edit.span.start : edit.span.end]):
        at = new.rfind(char, 0, at)
        new = new[:at] + new[at + 1 :]
    return new
