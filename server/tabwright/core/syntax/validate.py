"""Validate a document with an answer in it: parse Python, count brackets in other languages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tabwright.core.languages import by_id
from tabwright.core.syntax.brackets import scan
from tabwright.core.syntax.python_names import unbound_names
from tabwright.core.syntax.python_parse import Frame, frame
from tabwright.core.task import Task
from tabwright.core.text import indent_of, unix_line_ends
from tabwright.core.trees.errors import errors, fits
from tabwright.core.trees.names import unbound
from tabwright.core.trees.tree import SyntaxTree, tree_of

_REACH = 1500
_WORD = re.compile(r"[^\W\d]\w*+")
_NOT_CALLED = re.compile(r"\b[^\W\d]\w*+\b(?!\s*+\()")

cached_frame = lru_cache(maxsize=2)(frame)


def parses_with(task: Task, text: str, end: int) -> bool | None:
    """Tell whether the document parses no worse with ``text`` from the cursor to ``end``.

    Python must parse, where it can with some text at the cursor; else, and in other languages, no
    error may be added. None if unknown.
    """
    known = python_parses_with(task, text, end)
    if known is not None:
        return known
    trees = edited_trees(task, text, end)
    if trees is None:
        return None
    # The closers that are replaced must not count as those of the document.
    if end > task.offset and len(errors(trees.after)) > len(errors(trees.before)):
        return False
    return fits(trees.removed, trees.after, task.offset, task.offset + len(text))


@dataclass(frozen=True)
class EditedTrees:
    """The trees of a document: as it is, without the replaced text, and with the answer."""

    before: SyntaxTree
    removed: SyntaxTree
    after: SyntaxTree


def edited_trees(task: Task, text: str, end: int) -> EditedTrees | None:
    """Return the trees for ``text`` from the cursor to ``end``; None where there is no grammar."""
    snapshot = task.snapshot
    return _edited_trees(snapshot.text, snapshot.language_id, task.offset, text, end)


@lru_cache(maxsize=4)
def _edited_trees(
    document: str, language_id: str, offset: int, text: str, end: int
) -> EditedTrees | None:
    before = tree_of(document, language_id, offset)
    if before is None:
        return None
    after = before.with_edit(offset, end, text)
    removed = before.with_edit(offset, end, "") if end > offset else before
    return None if after is None or removed is None else EditedTrees(before, removed, after)


def python_parses_with(task: Task, text: str, end: int) -> bool | None:
    """Tell whether Python parses with ``text``; None in other languages and if nothing would."""
    gap = _frame(task)
    if gap is None or not gap.is_sound:
        return None
    return gap.parses_with(text, end - task.offset)


def _frame(task: Task) -> Frame | None:
    if task.snapshot.language_id != "python":
        return None
    return cached_frame(task.snapshot.text, task.offset)


def imbalance(task: Task, text: str, end: int) -> int:
    """Count unpaired brackets near the cursor, with ``text`` from the cursor to ``end``."""
    whole = task.snapshot.text
    before = whole[max(0, task.offset - _REACH) : task.offset]
    after = whole[end : end + _REACH]
    return scan(before + text + after, by_id(task.snapshot.language_id)).imbalance


def missing_closers(task: Task, text: str) -> str:
    """Return the closers for the brackets that ``text`` leaves open, innermost first."""
    return scan(text, by_id(task.snapshot.language_id)).missing


def text_below(task: Task) -> str:
    r"""Return the 1,500 characters from the cursor on, with ``\n`` line ends."""
    return unix_line_ends(task.snapshot.text[task.offset : task.offset + _REACH])


def rest_of_line(task: Task) -> str:
    """Return the text between the cursor and the end of its line."""
    return text_below(task).split("\n", 1)[0]


def head_of_line(task: Task) -> str:
    """Return the text of the cursor's line before the cursor; at most 1,500 characters."""
    before = unix_line_ends(task.snapshot.text[max(0, task.offset - _REACH) : task.offset])
    return before[before.rfind("\n") + 1 :]


def lines_above(task: Task) -> list[str]:
    """Return the non-blank lines above the cursor's line within reach, nearest first."""
    before = unix_line_ends(task.snapshot.text[max(0, task.offset - _REACH) : task.offset])
    return [line for line in reversed(before.split("\n")[:-1]) if line.strip()]


def next_line(task: Task) -> str:
    """Return the nearest non-blank line below the cursor's line; "" if none is within reach."""
    return next((line for line in text_below(task).split("\n")[1:] if line.strip()), "")


@dataclass(frozen=True)
class NameChanges:
    """The effect of an answer on the unbound names of Python text.

    ``unbound_before`` are those without the answer, ``newly_bound`` those of them that the answer
    binds, ``newly_unbound`` those that it adds.
    """

    unbound_before: frozenset[str]
    newly_bound: frozenset[str]
    newly_unbound: frozenset[str]


@lru_cache(maxsize=2)
def unbound_without_answer(text: str, offset: int) -> frozenset[str] | None:
    """Return the names that the document uses near the gap but does not bind; None if unknown."""
    gap = cached_frame(text, offset)
    if gap is None:
        return None
    inside = _indent_below(text, offset) + "pass"
    for filler in ("", inside):
        found = unbound_names(gap.before + filler + gap.after, _outside_frame(text, offset, gap))
        if found is not None:
            return found
    return None


@lru_cache(maxsize=2)
def needed_names(text: str, offset: int) -> frozenset[str]:
    """Return the names that an answer should bind: those that the document lacks and does not call.

    What is only called below is often a function that is still to be written.
    """
    gap, lacking = cached_frame(text, offset), unbound_without_answer(text, offset)
    if gap is None or not lacking:
        return frozenset()
    used = {found[0] for found in _NOT_CALLED.finditer(gap.before + " " + gap.after)}
    return lacking & used


def adds_unbound_names(task: Task, text: str, end: int) -> bool:
    """Tell whether an answer uses names that nothing binds and that the document has nowhere.

    For the languages of `core.trees.names`; False where that is not known.
    """
    trees = edited_trees(task, text, end)
    if trees is None:
        return False
    found = {one.name for one in unbound(trees.after, task.offset, task.offset + len(text))}
    return bool(found) and not found <= set(_WORD.findall(trees.before.text))


def name_changes(task: Task, text: str, end: int) -> NameChanges | None:
    """Return how the answer changes the unbound names; None for other languages or if unknown."""
    whole, offset = task.snapshot.text, task.offset
    has_no_other_cells = unix_line_ends(whole[:offset]).endswith(task.window.prefix[-_REACH:])
    if task.snapshot.language_id != "python" or not has_no_other_cells:
        return None
    gap, before = _frame(task), unbound_without_answer(whole, offset)
    if gap is None or before is None:
        return None
    filled = gap.before + text + gap.after[end - offset :]
    after = unbound_names(filled, _outside_frame(whole, offset, gap))
    return None if after is None else NameChanges(before, before - after, after - before)


def _outside_frame(text: str, offset: int, gap: Frame) -> str:
    return f"{text[: offset - len(gap.before)]}\n{text[offset + len(gap.after) :]}"


def _indent_below(text: str, offset: int) -> str:
    for line in text[offset : offset + _REACH].split("\n")[1:]:
        if line.strip():
            return indent_of(line)
    return ""
