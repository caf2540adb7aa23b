"""Blocks by indentation: whether the cursor is in an empty one, and where an answer leaves it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabwright.core.languages import Language, by_id
from tabwright.core.syntax.brackets import scan
from tabwright.core.syntax.validate import (
    head_of_line,
    imbalance,
    lines_above,
    next_line,
    rest_of_line,
    sound,
)
from tabwright.core.task import Task
from tabwright.core.text import indent_of

LEAVES = re.compile(r"(return|raise|break|continue|throw)\b")
JOINS = re.compile(r"(else|elif|except|finally|case|catch|default)\b|[)\]}]")
_ONLY_CLOSERS = re.compile(r"\s*+[)\]}]+[;,]?\s*+")
_TRY = re.compile(r"^[^\S\n]*+try\s*+:", re.MULTILINE)
_MOST_BLANK = 3
_TAB = 8
_LONGEST_HEADER = 20


def depth(line: str) -> int:
    """How far a line is indented, in columns; a tab counts as far as the next eighth."""
    return len(indent_of(line).expandtabs(_TAB))


def opener_depth(task: Task) -> int | None:
    """Return the depth of the statement that opens the empty block at the cursor, or None.

    The block is empty when nothing deeper follows (rule 10 of the peers: then several lines help).
    """
    head = head_of_line(task)
    above = lines_above(task)
    if not head.strip():
        above = _without_docstring(task, above)
    line = head if head.strip() else next(iter(above), "")
    if not _opens(line, by_id(task.snapshot.language_id)):
        return None
    floor = _statement_depth(task, line, above if head.strip() else above[1:])
    if not head.strip() and head and depth(head) <= floor:
        return None
    rest = rest_of_line(task)
    if rest.strip() and not _ONLY_CLOSERS.fullmatch(rest):
        return None
    following = next_line(task)
    return None if following and depth(following) > floor else floor


def _without_docstring(task: Task, above: list[str]) -> list[str]:
    """The lines above without the docstring they end in: a body of nothing else is still empty."""
    quote = above[0].rstrip()[-3:] if above else ""
    if task.snapshot.language_id != "python" or quote not in ('"""', "'''"):
        return above
    first = above[0].strip()
    if len(first) >= 6 and first.startswith(quote):
        return above[1:]
    for number, line in enumerate(above[1:], start=1):
        if quote in line:
            return above[number + 1 :] if line.strip().startswith((quote, "r" + quote)) else above
    return above


def _statement_depth(task: Task, line: str, above: list[str]) -> int:
    """How deep the first line of a statement stands whose last line is given."""
    statement = line
    for upper in above[:_LONGEST_HEADER]:
        if not scan(statement, by_id(task.snapshot.language_id)).unmatched:
            break
        statement, line = f"{upper}\n{statement}", upper
    return depth(line)


def _opens(line: str, language: Language) -> bool:
    if language.line_comment:
        if line.strip().startswith(language.line_comment):
            return False
        line = line.split(f" {language.line_comment}", 1)[0]
    bare = line.rstrip()
    return any(
        bare.endswith(opener) and not (opener.isalpha() and bare[: -len(opener)][-1:].isalnum())
        for opener in language.block_openers
    )


def leaves_block(task: Task, text: str) -> int | None:
    """Return the offset where the answer leaves the block at the cursor, or None.

    When the block was asked for by its opener, that is before the first line no deeper than the
    opener (after it, when it is the closer the document lacks), and in languages without closers
    after a statement nothing can follow. Otherwise only the margin counts: code inside a function
    or class never goes on there.
    """
    floor = None if task.invoked else opener_depth(task)
    if floor is not None:
        return _end_of_block(task, text, floor)
    head = head_of_line(task)
    line = head if head.strip() else next(iter(lines_above(task)), "")
    if depth(line) == 0 and not _opens(line, by_id(task.snapshot.language_id)):
        return None
    for start, number, written in _lines(head, text):
        if number and depth(written) == 0 and not _in_string(task, head + text[:start]):
            if _ONLY_CLOSERS.match(written) or _is_label(written):
                continue
            return max(0, start - 1)
    return None


def statement_end(task: Task, text: str) -> int | None:
    """Return the offset where the first statement of an answer ends; None if it may continue.

    On a line that was begun, that is the line's end. On an empty one it takes the comments in
    front along, the block that the statement opens where nothing deeper follows in the document,
    and the lines that close its brackets where the document does not.
    """
    head = head_of_line(task)
    if head.strip():
        end = text.find("\n")
        return None if end < 0 else end
    for start, _, written in _lines(head, text):
        end = text.find("\n", start)
        if end < 0:
            return None
        if _is_comment(written, by_id(task.snapshot.language_id)):
            continue
        if _opens_block_that_is_missing(task, written):
            return _end_of_block(task, text, depth(written), begin=end)
        begun = scan(text[:end], by_id(task.snapshot.language_id)).open
        if not (begun and _leaves_open(task, text[:end])):
            return end
    return 0 if text.count("\n") >= _MOST_BLANK and not text.strip() else None


def _leaves_open(task: Task, text: str) -> bool:
    """Whether the document lacks the closers of what ``text`` opens."""
    more = imbalance(task, text, task.offset) > imbalance(task, "", task.offset)
    return more and not sound(task, text, task.offset)


def _opens_block_that_is_missing(task: Task, line: str) -> bool:
    following = next_line(task)
    return _opens(line, by_id(task.snapshot.language_id)) and depth(following) <= depth(line)


def _is_comment(line: str, language: Language) -> bool:
    signs = (language.line_comment, *(language.block_comment or ()))
    return any(sign and line.strip().startswith(sign) for sign in signs)


def _end_of_block(task: Task, text: str, floor: int, begin: int = 0) -> int | None:
    head = head_of_line(task)
    language = by_id(task.snapshot.language_id)
    base = -1
    for start, number, written in _lines(head, text):
        if start < begin or (number == 0 and head.strip()):
            continue
        if _in_string(task, head + text[:start]):
            continue
        if depth(written) <= floor:
            if base >= 0 and _needs_more(task, text[:start]):
                if "\n" not in text[start:]:
                    return None  # half a line yet: it may become the clause
                if JOINS.match(written.strip()):
                    base = -1
                    continue
            if base >= 0:
                return _after_closer(task, text, start, written, floor)
            end = text.find("\n", start)
            return None if end < 0 else end
        base = depth(written) if base < 0 else base
        ended = start + len(written) - (len(head) if number == 0 else 0)
        whole = ended < len(text)
        statement = whole and depth(written) == base and LEAVES.match(written.strip())
        if ":" in language.block_openers and statement and not scan(written, language).open:
            if _needs_more(task, text[:ended]):
                continue
            return ended
    return None


def _needs_more(task: Task, text: str) -> bool:
    """Whether the document parses with what is there but for a clause, as after a lone ``try``."""
    return bool(_TRY.search(text)) and sound(task, text, task.offset) is False


def _after_closer(task: Task, text: str, start: int, written: str, floor: int) -> int | None:
    bare, below = written.strip(), (rest_of_line(task).strip() or next_line(task).strip())
    wanted = bare[0] in ")]}" and depth(written) == floor and below[:1] != bare[0]
    if not wanted:
        # Before closers on the cursor's own line the answer ends with that line's indentation.
        inside = rest_of_line(task).strip() and bare[0] in ")]}"
        return start + len(indent_of(written)) if inside else max(0, start - 1)
    return start + len(written) if start + len(written) < len(text) else None


def _lines(head: str, text: str) -> Iterator[tuple[int, int, str]]:
    """Every line with text: its offset in ``text``, its number, and itself with the head."""
    offset = 0
    for number, line in enumerate(text.split("\n")):
        written = head + line if number == 0 else line
        if written.strip():
            yield offset, number, written
        offset += len(line) + 1


def _in_string(task: Task, before: str) -> bool:
    return len(scan(before, by_id(task.snapshot.language_id)).quote) == 3


def _is_label(line: str) -> bool:
    return bool(re.match(r"(?:public|private|protected|default)\s*+:?\Z|case\b|#", line.strip()))
