"""Answers already had: served again while the user types through them, with no model call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from tabwright.core.text import Edit, Span

PREFIX_WINDOW = 2000
SUFFIX_WINDOW = 1000
MAX_ENTRIES = 100
MAX_ENTRY_CHARS = 16_000
MAX_TOTAL_CHARS = 400_000
CLOSERS = frozenset(")]}>\"'`")
MAX_CLOSERS = 4

Verdict = Literal["right", "open", "diverged"]


@dataclass(frozen=True)
class Place:
    """A cursor in a text, known by its surroundings and not by a copy of them.

    Two places are the same when the lengths on both sides agree, and so do the 2,000 characters
    before and the 1,000 after. A change farther away that keeps both lengths goes unseen: the
    edit still fits where it stands, only the model would have read another text.
    """

    offset: int
    suffix_length: int
    prefix_digest: bytes
    suffix_digest: bytes

    @classmethod
    def of(cls, text: str, offset: int) -> Place:
        """The place at ``offset``; the cost does not grow with the text."""
        return cls(offset, len(text) - offset, _before(text, offset), _after(text, offset))

    def typed(self, text: str, offset: int) -> tuple[str, str] | None:
        """What was typed since, and the closers an editor put behind the cursor meanwhile.

        None when the text differs in any other way, or the cursor went back before the place.
        """
        added = len(text) - offset - self.suffix_length
        if offset < self.offset or not 0 <= added <= MAX_CLOSERS:
            return None
        closers = text[offset : offset + added]
        if not CLOSERS.issuperset(closers):
            return None
        if _after(text, offset + added) != self.suffix_digest:
            return None
        if _before(text, self.offset) != self.prefix_digest:
            return None
        return text[self.offset : offset], closers


@dataclass(frozen=True)
class _Entry:
    uri: str
    place: Place
    invoked: bool
    inserts: tuple[tuple[str, int], ...]  # text from the cursor on, characters replaced behind it
    size: int

    def same_question(self, other: _Entry) -> bool:
        return (self.uri, self.place, self.invoked) == (other.uri, other.place, other.invoked)

    def rest(self, text: str, offset: int) -> tuple[Edit, ...] | None:
        """The edits that lead to the same text as the stored ones would have; None = no use."""
        furthest = max((len(new) for new, _ in self.inserts), default=0)
        if not self.place.offset <= offset <= self.place.offset + furthest:
            return None
        found = self.place.typed(text, offset)
        if found is None:
            return None
        typed, closers = found
        if not self.inserts:
            return () if not closers else None
        rest = []
        for new, replaced in self.inserts:
            left = new[len(typed) :]
            end = offset + len(closers) + replaced
            changes = left != text[offset:end]
            if new.startswith(typed) and changes and _holds(left, closers):
                rest.append(Edit(Span(offset, end), left))
        return tuple(rest) or None


class Answers:
    """A typed-through cache over all documents: the 100 answers used last, bounded in size.

    An answer serves as long as what was typed since is its start, so that typing, backspace and
    accepting by word or line ask nothing. An empty answer is remembered for its place alone.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        """Take how many answers to keep."""
        self._max_entries = max_entries
        self._entries: list[_Entry] = []  # the one used last stands at the end

    def put(
        self, uri: str, text: str, offset: int, edits: Sequence[Edit], *, invoked: bool = False
    ) -> None:
        """Keep the answer given at ``offset`` of ``text``: edits of spans that hold the offset.

        An edit whose text does not start with what it replaces before the cursor can't be typed
        through; it is left out, and so is an answer that is too long.
        """
        inserts = []
        for edit in edits:
            before = text[edit.span.start : offset]
            if not edit.span.start <= offset <= edit.span.end <= len(text):
                raise ValueError(f"the edit's span {edit.span} does not hold the cursor {offset}")
            if edit.new_text.startswith(before):
                inserts.append((edit.new_text[len(before) :], edit.span.end - offset))
        size = len(uri) + sum(len(new) for new, _ in inserts)
        if size > MAX_ENTRY_CHARS or (edits and not inserts):
            return
        new = _Entry(uri, Place.of(text, offset), invoked, tuple(inserts), size)
        self._entries = [entry for entry in self._entries if not entry.same_question(new)]
        self._entries.append(new)
        total = sum(entry.size for entry in self._entries)
        while len(self._entries) > self._max_entries or total > MAX_TOTAL_CHARS:
            total -= self._entries.pop(0).size

    def get(
        self, uri: str, text: str, offset: int, *, invoked: bool = False
    ) -> tuple[Edit, ...] | None:
        """What is left of an answer here, best first; () for a known empty one, None unknown.

        Applying an edit gives the very text that the stored answer would have given.
        Asked by hand (``invoked``), only an answer that was asked by hand will do: it has
        alternatives.
        """
        empty: _Entry | None = None
        for entry in reversed(self._entries):
            if entry.uri != uri or (invoked and not entry.invoked):
                continue
            rest = entry.rest(text, offset)
            if rest:
                self._touch(entry)
                return rest
            if rest is not None and empty is None:
                empty = entry
        if empty is None:
            return None
        self._touch(empty)
        return ()

    def forget(self, uri: str | None = None) -> None:
        """Drop one document's answers, or all of them (another model, other settings)."""
        self._entries = [e for e in self._entries if uri is not None and e.uri != uri]

    def _touch(self, entry: _Entry) -> None:
        self._entries.remove(entry)
        self._entries.append(entry)

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._entries)


class InFlight:
    """A request under way and what has come of it; right as long as the user types along.

    Feed it the first candidate's text as it comes (``feed`` is an ``OnText``), then ``end``.
    """

    def __init__(self, uri: str, text: str, offset: int) -> None:
        """Take the document and cursor the request was made for."""
        self.uri = uri
        self.place = Place.of(text, offset)
        self.partial = ""
        self.ended = False
        self._news = asyncio.Event()

    def feed(self, index: int, piece: str) -> None:
        """Take a piece of candidate ``index``; only the first candidate counts."""
        if index == 0:
            self.partial += piece
            self._news.set()

    def end(self) -> None:
        """Note that no more will come, whatever the reason."""
        self.ended = True
        self._news.set()

    def verdict(self, uri: str, text: str, offset: int) -> Verdict:
        """Judge the request for a newer text: "open" while the answer is shorter than the typing.

        "right": what was typed is the start of what came, and something of it is left to come
        or to show.
        """
        found = self.place.typed(text, offset) if uri == self.uri else None
        if found is None:
            return "diverged"
        typed, _ = found
        if self.partial.startswith(typed):
            return "diverged" if self.ended and self.partial == typed else "right"
        if typed.startswith(self.partial) and not self.ended:
            return "open"
        return "diverged"

    async def decide(self, uri: str, text: str, offset: int, patience: float = 0.2) -> Verdict:
        """Wait until the verdict is no longer "open", at most ``patience`` seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while (verdict := self.verdict(uri, text, offset)) == "open" and loop.time() < until:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), until - loop.time())
            except TimeoutError:
                break
        return verdict


def _before(text: str, offset: int) -> bytes:
    return _digest(text[max(0, offset - PREFIX_WINDOW) : offset])


def _after(text: str, offset: int) -> bytes:
    return _digest(text[offset : offset + SUFFIX_WINDOW])


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _holds(answer: str, closers: str) -> bool:
    """Tell whether the answer's first line brings the same closers, in order."""
    characters: Iterable[str] = iter(answer.splitlines()[0] if answer else "")
    return all(closer in characters for closer in closers)
