"""The pair of quotes, brackets or tags around the cursor, which editors close by themselves."""

from __future__ import annotations

import re

from tabwright.core.languages import Language
from tabwright.core.syntax.brackets import scan
from tabwright.core.syntax.validate import rest_of_line
from tabwright.core.task import Task

BRACKET_CLOSERS = (")", "]", "}")
LONG_QUOTES = ('"""', "'''")
_QUOTES = (*LONG_QUOTES, '"', "'", "`")
_BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">"}
_START_TAG = re.compile(r"<[\w.:-]+(?:\s[^<>]*)?>\Z")
_MARKUP_CLOSER = re.compile(r"""\s*(</|\}\}|["'}>])""")
_MARKUP = ("html", "vue", "svelte", "xml", "javascriptreact", "typescriptreact")


def closer_after(head: str, rest: str, language: Language) -> str:
    """Return the closer that follows the cursor if it ends what the cursor is in; else "".

    ``head`` and ``rest`` are the parts of the cursor's line. Outside of markup the pair must be
    empty but for blanks: behind anything else a suggestion would come between two parts of a line.
    """
    for quote in _QUOTES:
        if head.endswith(quote) and rest.startswith(quote) and quote in language.quotes:
            return quote if len(quote) == 3 or not head.endswith(quote * 2) else ""
    before, after = head.rstrip(), rest.lstrip()
    if before.endswith("{{") and after.startswith("}}"):
        return "}}"
    closer = _BRACKETS.get(before[-1:], "")
    if closer and after.startswith(closer):
        return closer
    if language.id in _MARKUP:
        if _START_TAG.search(head) and rest.startswith("</"):
            return "</"
        found = _MARKUP_CLOSER.match(rest)
        if found and (found[1] == "</" or _is_open(head, found[1])):
            return found[1]
    return ""


def _is_open(head: str, closer: str) -> bool:
    """Tell whether the line's start is inside what ``closer`` closes."""
    if closer in ('"', "'"):
        return head.count(closer) % 2 == 1
    opener = {"}": "{", ">": "<", "}}": "{{"}[closer]
    return head.rfind(opener) > head.rfind(closer)


def end_in_pair(text: str, closer: str, language: Language) -> int | None:
    """Return where an answer closes the pair that ``closer`` closes; None if it does not."""
    if closer in _QUOTES or closer in ("</", "}}"):
        at = text.find(closer)
        while at > 0 and text[at - 1] == "\\" and closer in _QUOTES:
            at = text.find(closer, at + 1)
        return None if at < 0 else at
    if closer == ">":
        return _end_of_angle(text)
    unmatched = scan(text, language).unmatched
    return unmatched[0] if unmatched else None


def ends_with_line(task: Task) -> bool:
    """Tell whether only closing brackets stand between the cursor and the end of its line."""
    return task.closer in BRACKET_CLOSERS and not rest_of_line(task).strip(" \t)]};,:")


def _end_of_angle(text: str) -> int | None:
    level = 0
    for at, char in enumerate(text):
        if char == ">" and text[at - 1 : at] not in ("=", "-"):
            if not level:
                return at
            level -= 1
        level += char == "<"
    return None
