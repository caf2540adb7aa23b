"""Edits that follow one another in one place of a document: the instructions and the results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from tabwright.app.documents.line_edits import line_edits
from tabwright.assists.request import Turn
from tabwright.core.text import Edit, Span, apply


@dataclass(frozen=True)
class Conversation:
    """One document's conversation.

    ``base`` is the document as the editor has it and ``base_span`` the part that is talked about;
    ``text`` and ``span`` are the same with the last edit in place, whether or not the editor has
    applied it.
    """

    turns: tuple[Turn, ...]
    base: str
    base_span: Span
    text: str
    span: Span

    def covers(self, span: Span) -> bool:
        """Tell whether a span of ``base`` belongs to the conversation."""
        own = self.base_span
        return span.start <= own.end and own.start <= span.end


class Conversations:
    """The conversations of all documents, at most one in each."""

    def __init__(self) -> None:
        """Start with none."""
        self._all: dict[str, Conversation] = {}

    def get(self, uri: str) -> Conversation | None:
        """Return the conversation of a document; None without one."""
        return self._all.get(unquote(uri))

    def put(self, uri: str, conversation: Conversation) -> None:
        """Store a conversation after its first or next turn."""
        self._all[unquote(uri)] = conversation

    def end(self, uri: str) -> bool:
        """Forget a document's conversation; False when there was none."""
        return self._all.pop(unquote(uri), None) is not None

    def changed(self, uri: str, text: str) -> None:
        """Take in a document's new text; end the conversation when its span was changed."""
        found = self.get(uri)
        if found is None:
            return
        after = follow(found, text)
        if after is None:
            self.end(uri)
        else:
            self.put(uri, after)


def follow(now: Conversation, text: str) -> Conversation | None:
    """The conversation once the document reads ``text``; None when it was changed by others.

    Our own edit may come whole or in steps. What changes elsewhere only moves the stretch.
    """
    if text == now.text:
        return replace(now, base=text, base_span=now.span)
    if text == now.base or text in _steps(now.base, now.text):
        return now
    span = _shifted(now.base_span, line_edits(now.base, text))
    if span is None:
        return None
    if now.base == now.text:
        return replace(now, base=text, base_span=span, text=text, span=span)
    selected = now.text[now.span.start : now.span.end]
    return replace(
        now,
        base=text,
        base_span=span,
        text=apply(text, [Edit(span, selected)]),
        span=Span(span.start, span.start + len(selected)),
    )


def _steps(before: str, after: str) -> Iterator[str]:
    """What a document reads while an editor applies an edit part by part, from either end."""
    edits = line_edits(before, after)
    for done in range(1, len(edits)):
        yield apply(before, edits[:done])
        yield apply(before, edits[done:])


def _shifted(span: Span, edits: Iterable[Edit]) -> Span | None:
    """Where the stretch is after edits above and below it; None when one touches it."""
    by = 0
    for edit in edits:
        if edit.span.end <= span.start and edit.span.start < span.end:
            by += len(edit.new_text) - len(edit.span)
        elif edit.span.start < span.end:
            return None
    return Span(span.start + by, span.end + by)
