"""Where guesses at the tokens to come are found.

An edit repeats most of the text it edits, and code repeats itself. So a guess is what follows in
that text (the prediction), behind the last place where the same tokens stood before (inference
with reference, arXiv 2304.04487, and prompt lookup), or what came behind them in other answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tabwright.engine.speculative.ngram_table import MOST_TIMES, RUNS, Successor, Successors

LONGEST_RUN = 6  # tokens compared when a place is looked for
_BEGINNING = 2  # tokens that are taken to agree before an answer's first
MOST = 16  # tokens ahead
AFTERTHOUGHTS = 3  # tokens of one
_HOPS = 4  # habits followed one after another
_MOST_PLACES = 64  # compared for one pair of tokens
_NEAR = 8  # tokens behind a divergence among which a single token is enough to find the place


class Source(Protocol):
    """``ahead`` are the tokens that may come next, each of a kind that is right as often as others
    of that kind."""

    ahead: Sequence[int]

    def begin(self) -> None:
        """Note that another answer begins."""

    def add(self, token: int) -> None:
        """Take the answer's next token."""

    def kind(self, index: int) -> int:
        """The kind of a token ahead."""


class _Text:
    """A text, and the place in it where the answer may go on."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._runs = _Runs(ids)
        self.begin()

    def begin(self) -> None:
        """Note that another answer begins."""
        self._last: list[int] = []  # the answer's last tokens
        self._go_to(len(self._runs.ids))

    def kind(self, index: int) -> int:
        """The number of tokens that agree before the one ahead."""
        return min(self._agreed + index, LONGEST_RUN)

    def _go_to(self, at: int) -> None:
        self._at = at = min(at, len(self._runs.ids))
        self._agreed = _run(self._last, self._runs.ids, at)
        self.ahead: Sequence[int] = self._runs.ids[at : at + MOST]

    def _note(self, token: int) -> None:
        self._last = [*self._last[1 - LONGEST_RUN :], token]


class Prediction(_Text):
    """A text that the answer follows, and is looked for again where it went its own way."""

    def begin(self) -> None:
        """Note that another answer begins."""
        super().begin()
        self._held = 0  # behind the last token that both share
        self._go_to(0)
        self._agreed = _BEGINNING

    def add(self, token: int) -> None:
        """Take the answer's next token."""
        self._note(token)
        place = self._at + 1 if token in self.ahead[:1] else self._place(token)
        if place is None:
            self._go_to(self._at + 1)  # as if one token had been put for another
        else:
            self._held = place
            self._go_to(place)

    def _place(self, token: int) -> int | None:
        """Find where the answer goes on after it went its own way."""
        near = self._runs.ids[self._held : self._held + _NEAR]
        place = self._runs.earliest(self._last, self._held)
        if place is None and token in near:
            place = self._held + near.index(token) + 1
        if place is None:
            place = self._runs.earliest(self._last, 0)
        return place


class Lookup(_Text):
    """The prompt and the answers so far: what followed where the same tokens stood last."""

    def add(self, token: int) -> None:
        """Take the answer's next token."""
        self._runs.add(token)
        self._note(token)
        place = self._runs.latest(self._last)
        self._go_to(len(self._runs.ids) if place is None else place)


class Recall:
    """What mostly followed the same tokens in other answers and prompts."""

    def __init__(self, prompt: Sequence[int], successors: Successors) -> None:
        self._start = prompt[-RUNS[0] :]
        self._successors = successors
        self.begin()

    def begin(self) -> None:
        """Note that another answer begins."""
        self._last = list(self._start)
        self._look()

    def add(self, token: int) -> None:
        """Take the answer's next token."""
        self._last = [*self._last[1 - RUNS[0] :], token]
        self._look()

    def kind(self, index: int) -> int:
        """How long a run it follows, and how often it did."""
        hop = self._hops[index]
        return (hop.run - RUNS[-1]) * MOST_TIMES + hop.times - 1

    def _look(self) -> None:
        self._hops: list[Successor] = []
        last = self._last
        while len(self._hops) < _HOPS and (hop := self._successors.after(last)) is not None:
            self._hops.append(hop)
            last = [*last[1 - RUNS[0] :], hop.token]
        self.ahead: Sequence[int] = [hop.token for hop in self._hops]


class Afterthought:
    """What the model said behind a guess that was wrong, which is often right all the same: names
    differ more than what follows them. The idea of Jacobi decoding (arXiv 2305.10427).
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Note that another answer begins."""
        self.ahead: Sequence[int] = ()

    def add(self, token: int) -> None:
        """Take the answer's next token."""
        self.ahead = self.ahead[1:] if token in self.ahead[:1] else ()

    def said(self, then: Sequence[int]) -> None:
        """Take what the model said behind the token that was wrong, and those guessed after it, as
        many as `AFTERTHOUGHTS` at most."""
        self.ahead = then

    def kind(self, index: int) -> int:
        """How far it is."""
        return index


class _Runs:
    """Token ids in which the places behind a run of tokens are found at once."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids: list[int] = []
        self._behind_pair: dict[tuple[int, int], list[int]] = {}
        self._behind: dict[int, int] = {}  # the last place but the end
        for token in ids:
            self.add(token)

    def add(self, token: int) -> None:
        if self.ids:
            self._behind_pair.setdefault((self.ids[-1], token), []).append(len(self.ids) + 1)
            self._behind[self.ids[-1]] = len(self.ids)
        self.ids.append(token)

    def earliest(self, last: Sequence[int], start: int) -> int | None:
        """Return the place after ``start`` behind the longest run, of 2 or more, of ``last``."""
        places = [place for place in self._places(last) if place > start]
        return max(places[:_MOST_PLACES], key=lambda at: _run(last, self.ids, at), default=None)

    def latest(self, last: Sequence[int]) -> int | None:
        """Return the last place behind the longest run of ``last`` that tokens follow."""
        places = [place for place in self._places(last)[-_MOST_PLACES:] if place < len(self.ids)]
        if not places:
            return self._behind.get(last[-1])
        return max(reversed(places), key=lambda at: _run(last, self.ids, at))

    def _places(self, last: Sequence[int]) -> list[int]:
        return self._behind_pair.get((last[-2], last[-1]), []) if len(last) > 1 else []


def _run(last: Sequence[int], ids: Sequence[int], place: int) -> int:
    """How many of the last tokens stand before a place."""
    length = 0
    while length < min(len(last), place) and last[-1 - length] == ids[place - 1 - length]:
        length += 1
    return length
