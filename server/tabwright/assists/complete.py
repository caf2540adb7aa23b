"""Inline completion: build the request at the cursor, turn the answers into suggestions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from tabwright.core.languages import by_id
from tabwright.core.message import Message
from tabwright.core.postprocess.filters import BLANK, DOES_NOT_FIT
from tabwright.core.postprocess.indentation import fitted_indentation
from tabwright.core.postprocess.pipeline import Rejected, clean, should_stop
from tabwright.core.prompting.context import Budget, Document, Window, build_window
from tabwright.core.prompting.prompt import infill
from tabwright.core.syntax.blocks import empty_block_depth, statement_end
from tabwright.core.syntax.pairs import BRACKET_CLOSERS, LONG_QUOTES, closer_after
from tabwright.core.syntax.validate import (
    adds_unbound_names,
    head_of_line,
    name_changes,
    needed_names,
    next_line,
    parses_with,
    rest_of_line,
    text_below,
)
from tabwright.core.task import ModelInfo, Nothing, Options, Task
from tabwright.core.text import Edit, Snapshot, Span, indent_of, line_span
from tabwright.core.trees.grammars import grammar_of

__all__ = [
    "ModelInfo",
    "Nothing",
    "Options",
    "Task",
    "acceptable",
    "continuation_task",
    "finish",
    "prepare",
    "should_stop",
    "unbound_names_hint",
    "validate",
    "with_answer_start",
]

# Closers, then one sign that ends a statement, as GitHub Copilot allows after the cursor.
_ONLY_CLOSERS = re.compile(r"""\s*[)>}\]"'`]*\s*[:{;,]?\s*""")
_LINE_END = re.compile(r"\A(?:\r\n|\n|\r)")
_CHARS_PER_TOKEN = 2.5
_SHORT_SUFFIX = 6
_MAX_REST_CHARS = 200
_BLOCK_TOKENS = 96
_MAX_HINT_NAMES = 3
_OF_SEVERAL_LINES = (*BRACKET_CLOSERS, *LONG_QUOTES)


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
    """Return the task for the model at ``offset`` (clamped to the text), or why there is none.

    ``before`` and ``after`` are a notebook's other cells, ``previous`` is the last window.
    """
    offset = max(0, min(offset, len(snapshot.text)))
    rest = snapshot.text[offset : line_span(snapshot.text, offset).end]
    head = snapshot.text[line_span(snapshot.text, offset).start : offset][-_MAX_REST_CHARS:]
    closer = "" if invoked else closer_after(head, rest, by_id(snapshot.language_id))
    only_closers = bool(_ONLY_CLOSERS.fullmatch(rest[:_MAX_REST_CHARS]))
    if not invoked and not closer and not only_closers:
        return Nothing(
            Message("there is code after the cursor; invoke completion by hand to complete here")
        )
    window = build_window(
        snapshot.text,
        offset,
        _fitted_budget(options.budget, model.context_length, options.max_tokens),
        others=others,
        before=before,
        after=after,
        previous=previous,
    )
    if not (window.prefix + window.suffix).strip():
        return Nothing(Message("the file is empty"))
    shown = replace(window, suffix=_prompt_suffix(window.suffix, rest, invoked or not only_closers))
    path = unquote(urlsplit(snapshot.uri).path).rsplit("/", 1)[-1]
    task = Task(
        snapshot=snapshot,
        offset=offset,
        window=window,
        budget=options.budget,
        prompt=infill(model.family, shown, path=path, language_id=snapshot.language_id),
        family=model.family,
        stop=("\n", "\r"),
        suffix_stop="",
        # Only a prompt that ends inside a line can end in the middle of a token.
        heal=window.prefix[-1:] not in ("", "\n", "\r"),
        max_tokens=min(options.line_tokens, options.max_tokens),
        n=options.candidates if invoked else 1,
        multiline=False,
        invoked=invoked,
        closer=closer,
    )
    if closer and not only_closers:
        return replace(task, stop=(*_stops_in_pair(closer), *task.stop))
    return _with_line_limit(task, options, rest)


def _block_stops(task: Task) -> tuple[str, ...]:
    """Return what ends a block: an empty line where no grammar tells whether something is open."""
    return () if grammar_of(task.snapshot.language_id) else ("\n\n",)


def _stops_in_pair(closer: str) -> tuple[str, ...]:
    """Return what ends an answer inside a pair; brackets may be nested, so they do not."""
    return () if closer in (*BRACKET_CLOSERS, ">") else (closer,)


def _with_line_limit(task: Task, options: Options, rest: str) -> Task:
    if options.multiline == "never":
        return task
    if task.invoked:
        stop_at = task.window.suffix
        is_distinct = sum(not char.isspace() for char in stop_at) >= _SHORT_SUFFIX
        return replace(
            task,
            multiline=True,
            stop=(),
            suffix_stop=stop_at if is_distinct else "",
            max_tokens=options.max_tokens,
        )
    in_pair = task.closer in _OF_SEVERAL_LINES
    if options.multiline == "always" or in_pair or empty_block_depth(task) is not None:
        return replace(
            task,
            multiline=True,
            stop=_stops_in_pair(task.closer) if in_pair else _block_stops(task),
            max_tokens=min(_BLOCK_TOKENS, options.max_tokens),
        )
    return task


def _prompt_suffix(suffix: str, rest: str, invoked: bool) -> str:
    """Return the prompt's suffix, from the next line on if only closers follow on this line.

    So the suffix stays the same while the user types and when the editor inserts closers; the model
    writes the rest of the line, closers included. If code follows, the suffix begins at the cursor.
    """
    if not suffix.startswith(rest) or (invoked and rest.strip()):
        return suffix
    return _LINE_END.sub("", suffix[len(rest) :], count=1)


def _fitted_budget(budget: Budget, context_length: int, max_tokens: int) -> Budget:
    """Return the budget, reduced in proportion if the model's context cannot hold it."""
    room = max(200, round((context_length - max_tokens - 32) * _CHARS_PER_TOKEN))
    budget_chars = budget.prefix_chars + budget.suffix_chars + budget.snippet_chars
    if budget_chars <= room:
        return budget
    share = room / budget_chars
    return Budget(
        round(budget.prefix_chars * share),
        round(budget.suffix_chars * share),
        round(budget.snippet_chars * share),
    )


def finish(
    task: Task, texts: Sequence[str], finish_reasons: Sequence[str] = ()
) -> tuple[Edit, ...] | Nothing:
    """Return the suggestions, best first and without duplicates, or why there are none.

    ``finish_reasons`` has for each text why the engine stopped; "length" means that the last line
    may be cut off. A text without a reason counts as complete.
    """
    found: list[tuple[int, Edit]] = []
    reasons: list[Message] = []
    for number, text in enumerate(texts):
        complete = number >= len(finish_reasons) or finish_reasons[number] != "length"
        result = clean(text, task, complete=complete)
        if isinstance(result, Rejected):
            reasons.append(result.reason)
            continue
        edit = Edit(Span(task.offset, result.end), result.text)
        if all(edit != other for _, other in found):
            found.append((_fault_score(task, edit), edit))
    found.sort(key=lambda pair: pair[0])
    if found:
        return tuple(edit for _, edit in found)
    return Nothing(reasons[0] if reasons else BLANK)


def continuation_task(task: Task, text: str) -> Task | None:
    """Return the task for the rest if ``text`` is only the start of a statement, else None."""
    written = task.answer_start + text + "\n"
    fitted = fitted_indentation(task, written)
    if task.multiline or task.closer or statement_end(task, fitted) is not None:
        return None
    tokens = max(task.max_tokens, _BLOCK_TOKENS)
    return replace(with_answer_start(task, written), stop=_block_stops(task), max_tokens=tokens)


def unbound_names_hint(task: Task) -> str:
    """Return, for an empty line, the start of an assignment to names used below but bound nowhere.

    It has the line's indentation and at most three names; "" where there is nothing to bind.
    """
    if head_of_line(task).strip() or task.invoked or rest_of_line(task).strip():
        return ""
    unbound = needed_names(task.snapshot.text, task.offset)
    positions = {name: text_below(task).find(name) for name in unbound}
    ordered = sorted((at, name) for name, at in positions.items() if at >= 0)[:_MAX_HINT_NAMES]
    indent = indent_of(next_line(task)).removeprefix(head_of_line(task))
    start = indent + ", ".join(name for _, name in ordered)
    return start if ordered and parses_with(task, f"{start} = None", task.offset) else ""


def with_answer_start(task: Task, written: str) -> Task:
    """Return the task whose prompt already ends with the start of its answer."""
    *head, last = task.prompt.parts
    if not isinstance(last, str):
        head, last = [*head, last], ""
    prompt = replace(task.prompt, parts=(*head, last + written))
    return replace(task, prompt=prompt, heal=False, answer_start=written)


def validate(
    task: Task, texts: Sequence[str], finish_reasons: Sequence[str] = ()
) -> tuple[tuple[Edit, ...] | Nothing, bool]:
    """Return the result of ``finish``, and whether it is acceptable, so that no retry is needed."""
    result = finish(task, texts, finish_reasons)
    return result, acceptable(task, result)


def acceptable(task: Task, result: tuple[Edit, ...] | Nothing) -> bool:
    """Tell whether the best answer has no fault that is visible without running it.

    The document must parse no worse, and the answer's names must be bound; on a line with text
    only parsing counts.
    No answer is acceptable if the document is complete without one.
    """
    if isinstance(result, tuple):
        return _fault_score(task, result[0]) == 0
    if result.reason == DOES_NOT_FIT:
        return False
    if head_of_line(task).strip() or task.invoked:
        return True
    needed = needed_names(task.snapshot.text, task.offset)
    return not needed and parses_with(task, "", task.offset) is not False


_DOES_NOT_PARSE, _ADDS_UNBOUND_NAMES, _BINDS_NO_NEEDED_NAME = 4, 2, 1
# Lines without code: comments, and placeholders for a body.
_NO_CODE_LINE = re.compile(r"^[ \t]*+(?:#.*|//.*|pass|\.\.\.)[ \t]*+$", re.MULTILINE)


def _fault_score(task: Task, edit: Edit) -> int:
    """Return how faulty an answer is by its parse errors and names; 0 if no fault is known."""
    if parses_with(task, edit.new_text, edit.span.end) is False:
        return _DOES_NOT_PARSE
    if head_of_line(task).strip() or task.invoked:
        return 0
    if not _NO_CODE_LINE.sub("", edit.new_text).strip():
        return _BINDS_NO_NEEDED_NAME
    if task.snapshot.language_id != "python":
        return _ADDS_UNBOUND_NAMES * adds_unbound_names(task, edit.new_text, edit.span.end)
    found = name_changes(task, edit.new_text, edit.span.end)
    if found is None:
        return 0
    needed = found.unbound_before & needed_names(task.snapshot.text, task.offset)
    binds_none = bool(needed) and not needed & found.newly_bound
    return _ADDS_UNBOUND_NAMES * bool(found.newly_unbound) + _BINDS_NO_NEEDED_NAME * binds_none
