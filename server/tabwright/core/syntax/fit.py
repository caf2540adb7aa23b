"""Does the document with an answer in it still parse, and what does the answer leave open?"""

from __future__ import annotations

from dataclasses import dataclass

from tabwright.core.syntax.validate import (
    edited_trees,
    head_of_line,
    parses_with,
    python_parses_with,
)
from tabwright.core.task import Task
from tabwright.core.trees.delimiters import (
    closed_pairs,
    closing_text,
    extra_closers,
    missing_closers,
)
from tabwright.core.trees.errors import errors


@dataclass(frozen=True)
class Fit:
    """How an answer fits into its document.

    ``parses``: the document parses no worse than without the answer. ``errors`` counts those that
    are left, ``near_errors`` those of them in the answer or on its lines. ``missing`` is the text
    that closes what the answer or the cursor's line opens, ``extra`` the offset in the answer of
    the first closer that has no opener.
    """

    parses: bool
    errors: int
    near_errors: int
    missing: str
    extra: int | None

    @property
    def is_whole(self) -> bool:
        """Whether the document parses and the answer leaves nothing open or closed twice."""
        return self.parses and not self.missing and self.extra is None


def fit(task: Task, text: str, end: int) -> Fit | None:
    """Return how ``text`` fits from the cursor to ``end``; None for languages without a grammar."""
    if python_parses_with(task, text, end):
        return Fit(True, 0, 0, "", None)  # so nothing is open; no tree is needed at each keystroke
    trees = edited_trees(task, text, end)
    if trees is None:
        return None
    removed, after = trees.removed, trees.after
    stop = task.offset + len(text)
    start = task.offset - len(head_of_line(task))
    left = errors(after)
    missing = missing_closers(removed, after, start, stop)
    extra = extra_closers(removed, after, task.offset, stop)
    return Fit(
        parses=parses_with(task, text, end) is not False,
        errors=len(left),
        near_errors=sum(start <= one.span.end and one.span.start <= stop + 1 for one in left),
        missing=closing_text(missing),
        extra=extra[0].start - task.offset if extra else None,
    )


def closers_on_own_lines(task: Task, text: str, end: int) -> str:
    """Return the answer with each closer of a block of lines at the start of a line.

    A block of lines is what was opened at the end of a line. Its closer gets the indentation of
    the line that opened it.
    """
    if "\n" not in text:
        return text
    trees = edited_trees(task, text, end)
    if trees is None:
        return text
    pairs = closed_pairs(trees.after, task.offset, task.offset + len(text))
    parts: list[str] = []
    done = task.offset
    for opener, closer in pairs:
        if opener.last and not closer.first and opener.line != closer.line:
            before_it = text[done - task.offset : closer.start - task.offset]
            parts.append(before_it.rstrip() + "\n" + opener.indent)
            done = closer.start
    return "".join(parts) + text[done - task.offset :]
