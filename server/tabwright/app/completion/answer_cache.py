"""The typed-through cache: answers that are served again while the user types them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from tabwright.core.text import Edit, Span

PREFIX_WINDOW = 2000
SUFFIX_WINDOW = 1000
MAX_ENTRIES = 100
MAX_ENTRY_CHARS = 16_000
MAX_TOTAL_CHARS = 400_000
CLOSERS = frozenset(")]}>\"'`")
MAX_CLOSERS = 4


@dataclass(frozen=True)
class TextPosition:
    """A cursor in a text, known by its surroundings and not by a copy of them.

    Two positions are the same when the lengths on both sides agree, and so do the 2,000 characters
    before and the 1,000 after. A change farther away that keeps both lengths goes unseen: the
    edit still fits where it stands, only the model would have read another text.
    """

    offset: int
    suffix_length: int
    prefix_digest: bytes
    suffix_digest: bytes

    @classmethod
    def of(cls, text: str, offset: int) -> TextPosition:
        """The position at ``offset``; the cost does not grow with the text."""
        prefix = _digest(text, max(0, offset - PREFIX_WINDOW), offset)
        suffix = _digest(text, offset, offset + SUFFIX_WINDOW)
        return cls(offset, len(text) - offset, prefix, suffix)

    def typed(self, text: str, offset: int) -> tuple[str, str] | None:
        """What was typed since, and the closers an editor put behind the cursor meanwhile.

        None when the text differs in any other way, or the cursor went back before the position.
        """
        added = len(text) - offset - self.suffix_length
        if offset < self.offset or not 0 <= added <= MAX_CLOSERS:
            return None
        closers = text[offset : offset + added]
        if not CLOSERS.issuperset(closers):
            return None
        rest = offset + added
        if _digest(text, rest, rest + SUFFIX_WINDOW) != self.suffix_digest:
            return None
        start = max(0, self.offset - PREFIX_WINDOW)
        if _digest(text, start, self.offset) != self.prefix_digest:
            return None
        return text[self.offset : offset], closers

    def agrees(self, answer: str, text: str, offset: int) -> bool:
        """Whether what was typed since is the start of ``answer``, as far as both are there."""
        found = self.typed(text, offset)
        return found is not None and (answer.startswith(found[0]) or found[0].startswith(answer))


@dataclass(frozen=True)
class PositionedAnswer:
    """An answer and the position it was given at; of use while what was typed since is its start.

    ``inserts`` are the text from the cursor on and how many characters it replaces behind it.
    ``size`` is how many characters all of it holds.
    """

    uri: str
    position: TextPosition
    invoked: bool
    inserts: tuple[tuple[str, int], ...]
    size: int

    @classmethod
    def of(
        cls, uri: str, text: str, offset: int, edits: Sequence[Edit], *, invoked: bool = False
    ) -> PositionedAnswer:
        """The answer given at ``offset`` of ``text``: edits of spans that hold the offset.

        An edit whose text does not start with what it replaces before the cursor can't be typed
        through, and is left out. Raises ValueError for a span that does not hold the offset.
        """
        inserts = []
        for edit in edits:
            before = text[edit.span.start : offset]
            if not edit.span.start <= offset <= edit.span.end <= len(text):
                raise ValueError(f"the edit's span {edit.span} does not hold the cursor {offset}")
            if edit.new_text.startswith(before):
                inserts.append((edit.new_text[len(before) :], edit.span.end - offset))
        size = len(uri) + sum(len(new) for new, _ in inserts)
        return cls(uri, TextPosition.of(text, offset), invoked, tuple(inserts), size)

    def remaining(self, text: str, offset: int) -> tuple[Edit, ...] | None:
        """The edits that lead to the same text as the given ones would have, best first.

        () for an empty answer where nothing was typed since; None when it is of no use here.
        """
        furthest = max((len(new) for new, _ in self.inserts), default=0)
        if not self.position.offset <= offset <= self.position.offset + furthest:
            return None
        found = self.position.typed(text, offset)
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


class AnswerCache:
    """The cache over all documents: the 100 answers used last, bounded in size.

    An answer serves as long as what was typed since is its start, so that typing, backspace and
    accepting by word or line ask nothing. An empty answer is remembered for its position alone.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        """Take how many answers to keep."""
        self._max_entries = max_entries
        self._entries: list[PositionedAnswer] = []  # the one used last stands at the end

    def put(
        self, uri: str, text: str, offset: int, edits: Sequence[Edit], *, invoked: bool = False
    ) -> None:
        """Keep the answer given at ``offset`` of ``text``, unless it is too long to keep.

        Nor is one kept that cannot be typed through.
        """
        new = PositionedAnswer.of(uri, text, offset, edits, invoked=invoked)
        if new.size > MAX_ENTRY_CHARS or (edits and not new.inserts):
            return
        request = (uri, new.position, invoked)
        others = [e for e in self._entries if (e.uri, e.position, e.invoked) != request]
        self._entries = [*others, new]
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
        empty: PositionedAnswer | None = None
        for entry in reversed(self._entries):
            if entry.uri != uri or (invoked and not entry.invoked):
                continue
            rest = entry.remaining(text, offset)
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

    def _touch(self, entry: PositionedAnswer) -> None:
        self._entries.remove(entry)
        self._entries.append(entry)

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._entries)


def _digest(text: str, start: int, end: int) -> bytes:
    return blake2b(text[start:end].encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _holds(answer: str, closers: str) -> bool:
    """Tell whether the answer's first line brings the same closers, in order."""
    characters: Iterable[str] = iter(answer.splitlines()[0] if answer else "")
    return all(closer in characters for closer in closers)
