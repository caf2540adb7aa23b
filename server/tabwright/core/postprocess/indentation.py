"""Give the lines of an answer the file's indentation: its unit, and the depth at the cursor."""

from __future__ import annotations

import re
from functools import lru_cache

from tabwright.core.languages import Language, by_id
from tabwright.core.syntax.blocks import depth, opens_block
from tabwright.core.syntax.validate import edited_trees, head_of_line, lines_above, rest_of_line
from tabwright.core.task import Task
from tabwright.core.text import indent_of, line_span
from tabwright.core.trees.indentation import unit, width
from tabwright.core.trees.literals import literals
from tabwright.core.trees.tree import tree_of

_WIDEST_STEP = 8
_OPENS = re.compile(r".*[({\[:]\Z|.*\b(?:then|do|else|begin)\Z|.*\|\Z|.*=>\Z|.*->\Z", re.DOTALL)
_CLOSES = re.compile(r"[)\]}]|</|(?:end|fi|done|esac|until|else|elif|elsif|except|finally)\b")


def fitted_indentation(task: Task, text: str) -> str:
    r"""Return the answer with the file's indentation; lines inside of strings stay as they are.

    A model often writes the indentation that the cursor has already, or four blanks where the
    file has two or a tab. The answer is only changed where it shows one of these; its lines then
    keep their depths relative to one another. Lines must end with ``\n``.
    """
    if "\n" not in text and not text[:1].isspace():
        return text
    if tree_of(task.snapshot.text, task.snapshot.language_id, task.offset) is None:
        return text
    head = head_of_line(task)
    lines = text.split("\n")
    extra = 0
    if not head.strip() and head and not rest_of_line(task).strip():
        first = _without_second_indent(task, head, lines[0])
        extra = width(indent_of(head + lines[0])) - width(head)
        extra = extra if first != lines[0] else 0
        lines[0] = first
    step = _step(task.snapshot.text, task.snapshot.language_id, task.offset)
    kept = _lines_in_literals(task, text)
    language = by_id(task.snapshot.language_id)
    shown = [head + lines[0], *lines[1:]]
    if not extra and not _needs_change(task, shown, kept, step, language):
        return "\n".join(lines)
    return "\n".join((lines[0], *_reindented(task, shown, kept, step, extra)))


def unfitted_offset(text: str, fitted: str, offset: int) -> int:
    """Return the offset in ``text`` of what stands at ``offset`` in the fitted text.

    Only the indentation differs, so it is counted from the end of its line.
    """
    row = fitted.count("\n", 0, offset)
    end = fitted.find("\n", offset)
    behind = (len(fitted) if end < 0 else end) - offset
    lines = text.split("\n")
    before = sum(len(line) + 1 for line in lines[:row])
    if offset == fitted.rfind("\n", 0, offset) + 1:
        return before
    return before + max(0, len(lines[row]) - behind)


@lru_cache(maxsize=8)
def _step(text: str, language_id: str, offset: int) -> str:
    """Return the unit of indentation around the cursor; "" if nothing tells.

    The cursor's own line counts too. A continued line may be indented by two steps.
    """
    tree = tree_of(text, language_id, offset)
    if tree is None:
        return ""
    line = line_span(text, offset)
    above = text[: line.start].rstrip()
    above = indent_of(above[above.rfind("\n") + 1 :])
    own = indent_of(text[line.start : offset])
    step = unit(tree, offset, own[len(above) :] if own.startswith(above) and own != above else "")
    return step if len(step) < _WIDEST_STEP else ""


def _without_second_indent(task: Task, head: str, line: str) -> str:
    """Remove the indentation that an answer begins with where the cursor has its depth already."""
    extra = indent_of(line)
    if not extra or not line.strip():
        return line
    above = next(iter(lines_above(task)), "")
    opens = bool(_OPENS.match(above.strip()))
    is_deep_enough = depth(head) > depth(above) if opens else depth(head) >= depth(above)
    return line[len(extra) :] if is_deep_enough else line


def _lines_in_literals(task: Task, text: str) -> set[int]:
    """Return the numbers of the answer's lines that begin inside a string or comment."""
    trees = edited_trees(task, text, task.offset) if "\n" in text else None
    if trees is None:
        return set()
    spans = literals(trees.after, task.offset, task.offset + len(text), of_lines=True)
    inside: set[int] = set()
    at = task.offset
    for number, line in enumerate(text.split("\n")):
        if number and any(span.start < at < span.end for span in spans):
            inside.add(number)
        at += len(line) + 1
    return inside


def _needs_change(
    task: Task, shown: list[str], kept: set[int], step: str, language: Language
) -> bool:
    floor = _outer_depth(task, width(indent_of(shown[0])))
    previous = shown[0]
    base = width(indent_of(shown[0]))
    for number, line in enumerate(shown[1:], start=1):
        if not line.strip() or number in kept:
            continue
        indent = indent_of(line)
        if step and indent and ("\t" in indent) != ("\t" in step):
            return True
        columns, before = width(indent), width(indent_of(previous))
        deeper = columns - before
        if step and opens_block(previous, language) and deeper > 0 and deeper != width(step):
            return True
        if floor < columns < base and not _CLOSES.match(line.strip()):
            return True
        previous = line
    return False


def _outer_depth(task: Task, base: int) -> int:
    """Return the columns of the nearest line above that is less indented than the cursor's line."""
    for line in lines_above(task):
        if width(indent_of(line)) < base:
            return width(indent_of(line))
    return -1


def _reindented(task: Task, shown: list[str], kept: set[int], step: str, extra: int) -> list[str]:
    """Return the lines behind the first with new indentation, by a stack of open depths.

    ``extra`` are the columns that the model wrote in front of the first line once more. Each entry
    of the stack has the columns that the model gave a level and the indentation of the file.
    """
    base = indent_of(shown[0])
    floor = _outer_depth(task, width(base))
    levels = [(width(base) + extra, base)]
    previous, done = shown[0], []
    for number, line in enumerate(shown[1:], start=1):
        bare = line.lstrip(" \t")
        if not bare or number in kept:
            done.append(line)
            continue
        columns = width(indent_of(line))
        popped = False
        while len(levels) > 1 and columns < levels[-1][0]:
            levels.pop()
            popped = True
        top, indent = levels[-1]
        if columns <= floor and not popped and len(levels) == 1:
            done.append(line)
            continue
        if _OPENS.match(previous.strip()) and not popped and columns > top:
            indent += step or " " * (columns - top)
            levels.append((columns, indent))
        elif columns > top and not popped:
            more = columns - top
            indent += step if step and more in (2, 4, width(step)) else " " * more
            levels.append((columns, indent))
        else:
            levels[-1] = (columns, indent)
        done.append(indent + bare)
        previous = line
    return done
