"""Sources of drafts: the prediction, the prompt, the n-gram table and rejected drafts.

An edit repeats most of the text it edits, and code repeats itself. So a draft is what follows in
the predicted text, what followed the last place in the prompt with the same tokens (inference with
reference, arXiv 2304.04487, and prompt lookup decoding), or what followed them in other requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tabwright.engine.speculative.ngram_table import (
    CONTEXT_LENGTHS,
    MAX_WEIGHT,
    NgramEntry,
    NgramTable,
)

MAX_MATCH = 6  # tokens compared when a position in a text is searched
_INITIAL_MATCH = 2  # matching tokens that are assumed before an answer's first
MAX_AHEAD = 16  # tokens of a draft
JACOBI_TOKENS = 3  # tokens of a draft that is taken from a rejected one
_MAX_NGRAMS = 4  # n-grams chained to one draft
_MAX_POSITIONS = 64  # positions compared for one pair of tokens
_NEAR = 8  # tokens after the last match in which a single equal token counts as a match


class DraftSource(Protocol):
    """``ahead`` are the tokens that may come next.

    Each has a kind, a small number; tokens of one kind are accepted about equally often.
    """

    ahead: Sequence[int]

    def begin(self) -> None:
        """Start the next answer."""

    def add(self, token: int) -> None:
        """Add the answer's next token."""

    def kind(self, index: int) -> int:
        """Return the kind of the token at an index of ``ahead``."""


class _TextSource:
    """A text, and the position in it that corresponds to the end of the answer."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._text = _IndexedText(ids)
        self.begin()

    def begin(self) -> None:
        """Start the next answer."""
        self._last: list[int] = []  # the answer's last tokens
        self._move_to(len(self._text.ids))

    def kind(self, index: int) -> int:
        """Return the number of tokens that match before the one at an index of ``ahead``."""
        return min(self._matching + index, MAX_MATCH)

    def _move_to(self, at: int) -> None:
        self._at = at = min(at, len(self._text.ids))
        self._matching = _match_length(self._last, self._text.ids, at)
        self.ahead: Sequence[int] = self._text.ids[at : at + MAX_AHEAD]

    def _append(self, token: int) -> None:
        self._last = [*self._last[1 - MAX_MATCH :], token]


class PredictionSource(_TextSource):
    """A text that the answer follows; after a difference it finds the position to continue at."""

    def begin(self) -> None:
        """Start the next answer."""
        super().begin()
        self._matched = 0  # position after the last token that text and answer share
        self._move_to(0)
        self._matching = _INITIAL_MATCH

    def add(self, token: int) -> None:
        """Add the answer's next token."""
        self._append(token)
        position = self._at + 1 if token in self.ahead[:1] else self._resynchronize(token)
        if position is None:
            self._move_to(self._at + 1)  # as if one token had been replaced by another
        else:
            self._matched = position
            self._move_to(position)

    def _resynchronize(self, token: int) -> int | None:
        """Find the position in the text where the answer continues after a difference."""
        near = self._text.ids[self._matched : self._matched + _NEAR]
        position = self._text.earliest(self._last, self._matched)
        if position is None and token in near:
            position = self._matched + near.index(token) + 1
        if position is None:
            position = self._text.earliest(self._last, 0)
        return position


class LookupSource(_TextSource):
    """The prompt and the answers so far: what followed the last occurrence of the same tokens."""

    def add(self, token: int) -> None:
        """Add the answer's next token."""
        self._text.add(token)
        self._append(token)
        position = self._text.latest(self._last)
        self._move_to(len(self._text.ids) if position is None else position)


class NgramSource:
    """What usually followed the same tokens in other prompts and answers."""

    def __init__(self, prompt: Sequence[int], ngrams: NgramTable) -> None:
        self._start = prompt[-CONTEXT_LENGTHS[0] :]
        self._ngrams = ngrams
        self.begin()

    def begin(self) -> None:
        """Start the next answer."""
        self._last = list(self._start)
        self._look_up()

    def add(self, token: int) -> None:
        """Add the answer's next token."""
        self._last = [*self._last[1 - CONTEXT_LENGTHS[0] :], token]
        self._look_up()

    def kind(self, index: int) -> int:
        """Return a number for the length of the context and the weight of the entry used."""
        entry = self._entries[index]
        return (entry.length - CONTEXT_LENGTHS[-1]) * MAX_WEIGHT + entry.weight - 1

    def _look_up(self) -> None:
        self._entries: list[NgramEntry] = []
        last = self._last
        while len(self._entries) < _MAX_NGRAMS and (entry := self._ngrams.next_token(last)):
            self._entries.append(entry)
            last = [*last[1 - CONTEXT_LENGTHS[0] :], entry.token]
        self.ahead: Sequence[int] = [entry.token for entry in self._entries]


class JacobiSource:
    """The model's own choices after a rejected token, as in Jacobi decoding (arXiv 2305.10427).

    They are often correct although they were computed behind a wrong token: names differ more than
    what follows them.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start the next answer."""
        self.ahead: Sequence[int] = ()

    def add(self, token: int) -> None:
        """Add the answer's next token."""
        self.ahead = self.ahead[1:] if token in self.ahead[:1] else ()

    def set_predicted(self, predicted: Sequence[int]) -> None:
        """Take the model's choices after the rejected token and the drafted ones after it.

        At most `JACOBI_TOKENS`.
        """
        self.ahead = predicted

    def kind(self, index: int) -> int:
        """Return the distance from the last accepted token."""
        return index


class _IndexedText:
    """Token ids with an index that finds the positions after a pair of tokens."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids: list[int] = []
        self._after_pair: dict[tuple[int, int], list[int]] = {}
        self._after: dict[int, int] = {}  # last position after a token, except the text's end
        for token in ids:
            self.add(token)

    def add(self, token: int) -> None:
        """Append a token."""
        if self.ids:
            self._after_pair.setdefault((self.ids[-1], token), []).append(len(self.ids) + 1)
            self._after[self.ids[-1]] = len(self.ids)
        self.ids.append(token)

    def earliest(self, last: Sequence[int], start: int) -> int | None:
        """Return the first position after ``start`` with the longest match, 2 or more tokens."""
        positions = [at for at in self._positions(last) if at > start]
        return max(
            positions[:_MAX_POSITIONS],
            key=lambda at: _match_length(last, self.ids, at),
            default=None,
        )

    def latest(self, last: Sequence[int]) -> int | None:
        """Return the last position with the longest match that has tokens after it."""
        positions = [at for at in self._positions(last)[-_MAX_POSITIONS:] if at < len(self.ids)]
        if not positions:
            return self._after.get(last[-1])
        return max(reversed(positions), key=lambda at: _match_length(last, self.ids, at))

    def _positions(self, last: Sequence[int]) -> list[int]:
        return self._after_pair.get((last[-2], last[-1]), []) if len(last) > 1 else []


def _match_length(last: Sequence[int], ids: Sequence[int], position: int) -> int:
    """Return how many of the last tokens equal those before a position."""
    length = 0
    while length < min(len(last), position) and last[-1 - length] == ids[position - 1 - length]:
        length += 1
    return length
