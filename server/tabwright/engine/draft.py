"""Guesses at the tokens to come, so that one pass of the model checks several of them.

An edit repeats most of the text it edits. The guesses are what follows in that text (the
prediction) or behind the last place where the same tokens stood before (inference with reference,
arXiv 2304.04487, and prompt lookup). A wrong guess costs a little time and never changes an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST = 16  # tokens drafted at once
LEAST = 2
_FIRST = 8
_LONGEST_RUN = 4  # tokens compared when a place is looked for
_NEAR = 8  # tokens behind a divergence among which a single token is enough to find the place
_PATIENCE = 3  # drafts in a row of which nothing held before drafting rests
_MOST_REST = 32  # passes
_SURE = 2  # tokens in a row rightly foreseen end a rest
_MOST_PLACES = 64  # compared for one pair of tokens


class Drafts:
    """Drafts for the answers to one prompt, one answer after another.

    ``prediction`` is a text the answers will resemble. With a ``prompt`` its tokens are looked
    through too, and those of the answers so far; None leaves that out.
    """

    def __init__(self, prediction: Sequence[int] = (), prompt: Sequence[int] | None = None) -> None:
        self._prediction = _Runs(prediction)
        self._text = None if prompt is None else _Runs(prompt)
        self._paces = _Pace(), _Pace(LEAST)
        self._pace = self._paces[0]
        self._begun: Sequence[int] = ()
        self.begin()

    def begin(self) -> None:
        """Note that another answer begins."""
        self._last: list[int] = []  # the answer's last tokens
        self._at = 0  # where in the prediction the next token is looked for
        self._held = 0  # behind the last token that the prediction and the answer share
        self._agreed = 0  # tokens in a row that were rightly foreseen
        for token in self._begun:
            self._follow(token)

    def foresee(self, went_on: Sequence[int], then: Sequence[int]) -> None:
        """Take for a prediction how the same text went on before, of which ``then`` stands already.

        Every answer begins behind that.
        """
        self._prediction = _Runs(went_on)
        self._begun = then[-len(went_on) :] if went_on else ()
        self.begin()

    def add(self, token: int) -> None:
        """Take the answer's next token."""
        if self._text is not None:
            self._text.add(token)
        self._follow(token)

    def _follow(self, token: int) -> None:
        """Go on in the prediction."""
        self._last = [*self._last[1 - _LONGEST_RUN :], token]
        if token in self._prediction.ids[self._at : self._at + 1]:
            self._at = self._held = self._at + 1
            self._agreed += 1
        else:
            self._agreed = 0
            self._align(token)
        if self._agreed >= _SURE:
            self._paces[0].wake()

    def propose(self, most: int) -> list[int]:
        """Return up to ``most`` tokens that may come next; none where there is nothing to go by."""
        sources = (self._prediction, self._at), (self._text, None)
        for pace, (runs, at) in zip(self._paces, sources, strict=True):
            if at is None and runs is not None:
                at = runs.latest(self._last)
            if runs is None or at is None or at >= len(runs.ids):
                continue
            length = min(pace.grant(), most)
            if length > 0:
                self._pace = pace
                return runs.ids[at : at + length]
        return []

    def judge(self, drafted: int, accepted: int) -> None:
        """Learn how many of the ``drafted`` tokens proposed last were right."""
        if drafted:
            self._pace.judge(drafted, accepted)

    def _align(self, token: int) -> None:
        """Find where in the prediction the answer goes on after it went its own way."""
        near = self._prediction.ids[self._held : self._held + _NEAR]
        place = self._prediction.earliest(self._last, self._held)
        if place is None and token in near:
            place = self._held + near.index(token) + 1
        if place is None:
            place = self._prediction.earliest(self._last, 0)
        if place is not None:
            self._at = self._held = place
        else:
            self._at += 1  # as if one token had been put for another


class _Runs:
    """Token ids in which the places behind a run of tokens are found at once."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids: list[int] = []
        self._behind: dict[tuple[int, int], list[int]] = {}
        for token in ids:
            self.add(token)

    def add(self, token: int) -> None:
        if self.ids:
            self._behind.setdefault((self.ids[-1], token), []).append(len(self.ids) + 1)
        self.ids.append(token)

    def earliest(self, last: Sequence[int], start: int) -> int | None:
        """Return the place after ``start`` behind the longest run, of 2 to 4, of ``last``."""
        places = [place for place in self._places(last) if place > start]
        return max(places[:_MOST_PLACES], key=lambda at: self._run(last, at), default=None)

    def latest(self, last: Sequence[int]) -> int | None:
        """Return the last place behind the longest run of ``last`` that tokens follow."""
        places = [place for place in self._places(last)[-_MOST_PLACES:] if place < len(self.ids)]
        return max(reversed(places), key=lambda at: self._run(last, at), default=None)

    def _places(self, last: Sequence[int]) -> list[int]:
        return self._behind.get((last[-2], last[-1]), []) if len(last) > 1 else []

    def _run(self, last: Sequence[int], place: int) -> int:
        """How many of the last tokens stand before ``place``."""
        length = 0
        while length < min(len(last), place) and last[-1 - length] == self.ids[place - 1 - length]:
            length += 1
        return length


@dataclass
class _Pace:
    """How many tokens a source may draft: more while it is right, none for a while when it
    keeps being wrong."""

    length: int = _FIRST
    _fruitless: int = 0
    _rest: int = 0

    def grant(self) -> int:
        if self._rest:
            self._rest -= 1
            return 0
        return self.length

    def judge(self, drafted: int, accepted: int) -> None:
        if accepted == drafted:
            self.length = min(MOST, 2 * self.length)
        else:
            self.length = max(LEAST, (drafted + accepted) // 2)
        self._fruitless = 0 if accepted else self._fruitless + 1
        if self._fruitless >= _PATIENCE:
            self._rest = min(_MOST_REST, 2**self._fruitless)

    def wake(self) -> None:
        self._rest = 0
