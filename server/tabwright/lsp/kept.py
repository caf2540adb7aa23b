"""Answers kept for a document: what was typed through, taken back or accepted costs no model."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from tabwright.core.text import Edit, Span

_MOST_ANSWERS = 100
_MOST_CHARACTERS = 8_000_000


@dataclass(frozen=True)
class _Answer:
    text: str
    offset: int
    invoked: bool
    edits: tuple[Edit, ...]


class Kept:
    """The last answers for one document.

    An answer serves while the text is the one it was given for, plus a beginning of the answer
    typed at the cursor: its rest is then the answer.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._answers: OrderedDict[tuple[str, int, bool], _Answer] = OrderedDict()
        self._characters = 0

    def put(self, text: str, offset: int, invoked: bool, edits: tuple[Edit, ...]) -> None:
        """Keep edits that begin at ``offset`` of ``text``; an older answer there is replaced."""
        key = (text, offset, invoked)
        if self._answers.pop(key, None) is None:
            self._characters += len(text)
        self._answers[key] = _Answer(text, offset, invoked, edits)
        while len(self._answers) > _MOST_ANSWERS or (
            self._characters > _MOST_CHARACTERS and len(self._answers) > 1
        ):
            (old, _, _), _ = self._answers.popitem(last=False)
            self._characters -= len(old)

    def get(self, text: str, offset: int, invoked: bool) -> tuple[Edit, ...]:
        """The rests of a kept answer at ``offset``, best first; empty when none serves.

        Asked by hand, only an answer that was asked by hand serves, since it has alternatives.
        """
        for answer in reversed(self._answers.values()):
            if invoked and not answer.invoked:
                continue
            rests = _rests(answer, text, offset)
            if rests:
                self._answers.move_to_end((answer.text, answer.offset, answer.invoked))
                return rests if invoked else rests[:1]
        return ()


def _rests(answer: _Answer, text: str, offset: int) -> tuple[Edit, ...]:
    old, at = answer.text, answer.offset
    typed = offset - at
    if typed < 0 or len(text) - len(old) != typed:
        return ()
    if text[offset:] != old[at:] or text[:at] != old[:at]:
        return ()
    begun = text[at:offset]
    return tuple(
        Edit(Span(offset, offset + len(edit.span)), edit.new_text[typed:])
        for edit in answer.edits
        if edit.new_text.startswith(begun) and len(edit.new_text) - len(edit.span) > typed
    )
