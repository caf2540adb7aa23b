"""Does the document hold together with an answer in it? Parsed for Python, counted for others."""

from __future__ import annotations

from functools import lru_cache

from tabwright.core.brackets import scan
from tabwright.core.languages import by_id
from tabwright.core.python import Frame, frame
from tabwright.core.task import Task
from tabwright.core.text import unix_line_ends

_AROUND = 1500

cached_frame = lru_cache(maxsize=2)(frame)


def sound(task: Task, text: str, end: int) -> bool | None:
    """Whether Python still parses with ``text`` from the cursor to ``end``; None: cannot tell."""
    gap = _frame(task)
    return None if gap is None else gap.parses_with(text, end - task.offset)


def _frame(task: Task) -> Frame | None:
    if task.snapshot.language_id != "python":
        return None
    return cached_frame(task.snapshot.text, task.offset)


def imbalance(task: Task, text: str, end: int) -> int:
    """How many brackets near the cursor lack a partner with ``text`` from the cursor to ``end``."""
    whole = task.snapshot.text
    before = whole[max(0, task.offset - _AROUND) : task.offset]
    after = whole[end : end + _AROUND]
    return scan(before + text + after, by_id(task.snapshot.language_id)).imbalance


def missing_closers(task: Task, text: str) -> str:
    """The closers for what ``text`` opens and does not close, innermost first."""
    return scan(text, by_id(task.snapshot.language_id)).missing


def below(task: Task) -> str:
    r"""The document from the cursor on, as far as answers are compared with it, ends as ``\n``."""
    return unix_line_ends(task.snapshot.text[task.offset : task.offset + _AROUND])


def rest_of_line(task: Task) -> str:
    """What stands between the cursor and the end of its line."""
    return below(task).split("\n", 1)[0]


def head_of_line(task: Task) -> str:
    """What stands between the start of the cursor's line and the cursor; long lines are cut."""
    before = unix_line_ends(task.snapshot.text[max(0, task.offset - _AROUND) : task.offset])
    return before[before.rfind("\n") + 1 :]


def lines_above(task: Task) -> list[str]:
    """The lines with text above the cursor's line, nearest first, as far as answers need them."""
    before = unix_line_ends(task.snapshot.text[max(0, task.offset - _AROUND) : task.offset])
    return [line for line in reversed(before.split("\n")[:-1]) if line.strip()]


def next_line(task: Task) -> str:
    """The nearest line with text below the cursor's line; "" when none is near."""
    return next((line for line in below(task).split("\n")[1:] if line.strip()), "")
