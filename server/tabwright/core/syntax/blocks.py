"""Blocks by indentation: is the cursor in an empty block, and where does an answer leave it?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabwright.core.languages import Language, by_id
from tabwright.core.syntax.brackets import scan
from tabwright.core.syntax.fit import fit
from tabwright.core.syntax.validate import (
    head_of_line,
    imbalance,
    lines_above,
    next_line,
    parses_with,
    rest_of_line,
)
from tabwright.core.task import Task
from tabwright.core.text import indent_of
from tabwright.core.trees.grammars import grammar_of

JUMP_STATEMENT = re.compile(r"(return|raise|break|continue|throw)\b")
CONTINUES_BLOCK = re.compile(r"(else|elif|except|finally|case|catch|default)\b|[)\]}]")
_ONLY_CLOSERS = re.compile(r"\s*+[)\]}]+[;,]?\s*+")
_TRY_STATEMENT = re.compile(r"^[^\S\n]*+try\s*+:", re.MULTILINE)
_MAX_BLANK_LINES = 3
_ATTRIBUTE = re.compile(r"#!?\[.*\]|\[[A-Z][^\]]*\]|@[\w.]+(?:\(.*\))?")
_CONTROL = re.compile(r"\}?\s*+(?:else\s++)?(?:if|for|foreach|while|switch|catch|using|lock|do)\b")
_WITH_HERE_DOCUMENTS = ("shellscript", "ruby", "php", "perl")
_HERE_DOCUMENT = re.compile(r"<<[-~<]?[ \t]*+[\"\']?([A-Za-z_]\w{0,60}+)")
_WORD = re.compile(r"\w+")
_TAB_COLUMNS = 8
_MAX_HEADER_LINES = 20


def depth(line: str) -> int:
    """Return a line's indentation in columns, with tab stops every 8 columns."""
    return len(indent_of(line).expandtabs(_TAB_COLUMNS))


def empty_block_depth(task: Task) -> int | None:
    """Return the indentation of the statement that opens the empty block at the cursor, or None.

    The block is empty if the next line is not indented deeper; then several lines are completed.
    """
    head = head_of_line(task)
    above = lines_above(task)
    if not head.strip():
        above = _without_docstring(task, above)
    line = head if head.strip() else next(iter(above), "")
    if not opens_block(line, by_id(task.snapshot.language_id)):
        return None
    opener_columns = _statement_depth(task, line, above if head.strip() else above[1:])
    if not head.strip() and head and depth(head) <= opener_columns:
        return None
    rest = rest_of_line(task)
    if rest.strip() and not _ONLY_CLOSERS.fullmatch(rest):
        return None
    following = next_line(task)
    return None if following and depth(following) > opener_columns else opener_columns


def _without_docstring(task: Task, above: list[str]) -> list[str]:
    """Remove a docstring directly above the cursor: a body with only a docstring is empty."""
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
    """Return the indentation of a statement's first line, given its last line."""
    statement = line
    for upper in above[:_MAX_HEADER_LINES]:
        if not scan(statement, by_id(task.snapshot.language_id)).unmatched:
            break
        statement, line = f"{upper}\n{statement}", upper
    return depth(line)


def opens_block(line: str, language: Language) -> bool:
    """Tell whether a line ends with what opens a block in its language."""
    if language.line_comment:
        if line.strip().startswith(language.line_comment):
            return False
        line = line.split(f" {language.line_comment}", 1)[0]
    stripped = line.rstrip()
    return any(
        stripped.endswith(opener)
        and not (opener.isalpha() and stripped[: -len(opener)][-1:].isalnum())
        for opener in language.block_openers
    )


def _closes(line: str, language: Language) -> bool:
    """Tell whether a line begins with a closer: a bracket, an end tag or a word such as ``end``."""
    word = _WORD.match(line)
    return line[:1] in ")]}" or line.startswith("</") or bool(word and word[0] in language.closers)


def block_exit(task: Task, text: str) -> int | None:
    """Return the offset where the answer leaves the block at the cursor, or None.

    In an empty block that is before the first line not deeper than the opener (after that line if
    it is the closer that the document lacks), and in languages without closers after a statement
    such as ``return``. Otherwise it is the first unindented line, since code inside a function or
    class does not continue there.
    """
    opener_columns = None if task.invoked else empty_block_depth(task)
    if opener_columns is not None:
        return _end_of_block(task, text, opener_columns)
    head = head_of_line(task)
    line = head if head.strip() else next(iter(lines_above(task)), "")
    if depth(line) == 0 and not opens_block(line, by_id(task.snapshot.language_id)):
        return None
    for start, number, full_line in _lines(head, text):
        if number and depth(full_line) == 0 and not _in_string(task, head + text[:start]):
            if _ONLY_CLOSERS.match(full_line) or _is_label(full_line):
                continue
            return max(0, start - 1)
    return None


def statement_end(task: Task, text: str) -> int | None:
    """Return the offset where the first statement of an answer ends; None if it may continue.

    On a line with text that is the line's end. On an empty line the statement includes preceding
    comments, the block that it opens unless the document has one, and the lines that close its
    brackets unless the document closes them.
    """
    grammar = grammar_of(task.snapshot.language_id)
    if grammar is not None and not grammar.indented:
        return _statement_end_in_tree(task, text)
    head = head_of_line(task)
    if head.strip():
        end = text.find("\n")
        if end >= 0 and _opens_missing_block(task, head + text[:end]):
            return _end_of_block(task, text, depth(head), begin=end)
        return None if end < 0 else end
    for start, _, full_line in _lines(head, text):
        end = text.find("\n", start)
        if end < 0:
            return None
        if _is_comment(full_line, by_id(task.snapshot.language_id)):
            continue
        if _opens_missing_block(task, full_line):
            return _end_of_block(task, text, depth(full_line), begin=end)
        open_brackets = scan(text[:end], by_id(task.snapshot.language_id)).open
        if not (open_brackets and _leaves_open(task, text[:end])):
            return end
    return 0 if text.count("\n") >= _MAX_BLANK_LINES and not text.strip() else None


def _statement_end_in_tree(task: Task, text: str) -> int | None:
    """Return where the first statement ends: the document parses with it, and nothing is open.

    Attributes, decorators and comments in front belong to it. See `statement_end`.
    """
    head = head_of_line(task)
    is_begun = bool(head.strip())
    language = by_id(task.snapshot.language_id)
    columns = depth(head) if is_begun else -1
    is_leading = True  # only comments and attributes so far
    for start, number, full_line in _lines(head, text):
        line = full_line.strip()
        columns = depth(full_line) if columns < 0 else columns
        if number and not is_leading and _begins_statement(task, full_line, columns, language):
            return max(0, start - 1)
        end = text.find("\n", start)
        if end < 0:
            return None
        if not is_begun and (_is_comment(full_line, language) or _ATTRIBUTE.fullmatch(line)):
            continue
        is_leading = False
        if line.endswith("\\") or (_CONTROL.match(line) and line.endswith(")")):
            continue
        found = fit(task, text[:end], task.offset)
        if found is None or (found.is_whole and not found.near_errors):
            return end
        if is_begun and not number and not found.missing:
            return end
    return 0 if text.count("\n") >= _MAX_BLANK_LINES and not text.strip() else None


def _begins_statement(task: Task, line: str, columns: int, language: Language) -> bool:
    """Tell whether a line of the answer is no part of the statement that began at ``columns``."""
    if depth(line) < columns:
        return True
    stripped = line.strip()
    goes_on = stripped[0] in "{.?:&|+" or CONTINUES_BLOCK.match(stripped)
    return depth(line) == columns and not goes_on and not _closes(stripped, language)


def _leaves_open(task: Task, text: str) -> bool:
    """Tell whether the document lacks closers for the brackets that ``text`` opens."""
    opens_more = imbalance(task, text, task.offset) > imbalance(task, "", task.offset)
    return opens_more and not parses_with(task, text, task.offset)


def _opens_missing_block(task: Task, line: str) -> bool:
    following = next_line(task)
    return opens_block(line, by_id(task.snapshot.language_id)) and depth(following) <= depth(line)


def _is_comment(line: str, language: Language) -> bool:
    signs = (language.line_comment, *(language.block_comment or ()))
    return any(sign and line.strip().startswith(sign) for sign in signs)


def _end_of_block(task: Task, text: str, opener_columns: int, begin: int = 0) -> int | None:
    head = head_of_line(task)
    language = by_id(task.snapshot.language_id)
    body_columns = -1
    for start, number, full_line in _lines(head, text):
        if start < begin or (number == 0 and head.strip()):
            continue
        if _in_string(task, head + text[:start]):
            continue
        if depth(full_line) <= opener_columns:
            if body_columns >= 0 and _needs_clause(task, text[:start]):
                if "\n" not in text[start:]:
                    return None  # an incomplete line may still become the clause
                if CONTINUES_BLOCK.match(full_line.strip()):
                    body_columns = -1
                    continue
            if body_columns >= 0:
                return _after_closer(task, text, start, full_line, opener_columns)
            end = text.find("\n", start)
            return None if end < 0 else end
        body_columns = depth(full_line) if body_columns < 0 else body_columns
        ended = start + len(full_line) - (len(head) if number == 0 else 0)
        line_complete = ended < len(text)
        statement = (
            line_complete
            and depth(full_line) == body_columns
            and JUMP_STATEMENT.match(full_line.strip())
        )
        if ":" in language.block_openers and statement and not scan(full_line, language).open:
            if _needs_clause(task, text[:ended]):
                continue
            return ended
    return None


def _needs_clause(task: Task, text: str) -> bool:
    """Tell whether a ``try`` still lacks its ``except`` or ``finally``, so that nothing parses."""
    return bool(_TRY_STATEMENT.search(text)) and parses_with(task, text, task.offset) is False


def _after_closer(
    task: Task, text: str, start: int, full_line: str, opener_columns: int
) -> int | None:
    stripped, rest, following = full_line.strip(), rest_of_line(task).strip(), next_line(task)
    # A closer below that is less indented belongs to an enclosing block.
    below = rest or (following.strip() if depth(following) >= opener_columns else "")
    is_missing_closer = (
        _closes(stripped, by_id(task.snapshot.language_id))
        and depth(full_line) == opener_columns
        and below[:1] != stripped[0]
    )
    if not is_missing_closer:
        # Before closers on the cursor's line the answer keeps the last line's indentation.
        inside = rest_of_line(task).strip() and stripped[0] in ")]}"
        return start + len(indent_of(full_line)) if inside else max(0, start - 1)
    return start + len(full_line) if start + len(full_line) < len(text) else None


def _lines(head: str, text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each line with text: its offset in ``text``, its number, and the full line."""
    offset = 0
    for number, line in enumerate(text.split("\n")):
        full_line = head + line if number == 0 else line
        if full_line.strip():
            yield offset, number, full_line
        offset += len(line) + 1


def _in_string(task: Task, before: str) -> bool:
    """Tell whether ``before`` ends inside a string of several lines, or a here-document."""
    if scan(before, by_id(task.snapshot.language_id)).quote in ('"""', "'''", "`"):
        return True
    if task.snapshot.language_id not in _WITH_HERE_DOCUMENTS:
        return False
    found = list(_HERE_DOCUMENT.finditer(before))
    lines = before[found[-1].end() :].split("\n") if found else []
    return bool(found) and all(line.strip() != found[-1][1] for line in lines)


def _is_label(line: str) -> bool:
    return bool(re.match(r"(?:public|private|protected|default)\s*+:?\Z|case\b|#", line.strip()))
