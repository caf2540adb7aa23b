"""From a model's raw text to what is worth showing: an ordered list of small pure filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tabwright.core.task import Task
from tabwright.core.text import unix_line_ends


@dataclass(frozen=True)
class Candidate:
    """An answer on its way: ``text`` replaces the document from the cursor to ``end``."""

    text: str
    end: int


@dataclass(frozen=True)
class Rejected:
    """Why an answer is not shown, as a short sentence."""

    reason: str


Filter = Callable[[Candidate, Task], Candidate | Rejected]


def one_line(candidate: Candidate, task: Task) -> Candidate | Rejected:
    """Keep the first line of an answer that may have only one."""
    text = unix_line_ends(candidate.text)
    return replace(candidate, text=text if task.multiline else text.split("\n", 1)[0])


def not_blank(candidate: Candidate, task: Task) -> Candidate | Rejected:
    """Refuse an answer of blanks."""
    return candidate if candidate.text.strip() else Rejected("the model had nothing to add")


FILTERS: tuple[Filter, ...] = (one_line, not_blank)


def clean(text: str, task: Task) -> Candidate | Rejected:
    """Run one raw answer through all filters in order."""
    candidate = Candidate(text, task.offset)
    for each in FILTERS:
        result = each(candidate, task)
        if isinstance(result, Rejected):
            return result
        candidate = result
    return candidate


def should_stop(task: Task, partial_text: str) -> int | None:
    """Where to cut a text that is still being written, or None to let the model go on."""
    if not task.multiline and "\n" in partial_text:
        return partial_text.index("\n")
    return None
