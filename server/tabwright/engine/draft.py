"""Guesses at the tokens to come, so that one pass of the model checks several of them.

An edit repeats most of the text it edits, and code repeats itself. The guesses are what follows in
that text (the prediction), behind the last place where the same tokens stood before (inference with
reference, arXiv 2304.04487, and prompt lookup), or what came behind them in other answers. As many
are drafted as pay: a token joins a draft while the chance that all of it is right is worth the longer
pass. A wrong guess costs a little time and never changes an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tabwright.engine.pass_times import PassTimes
from tabwright.engine.successors import MOST_TIMES, RUNS, Successor, Successors

MOST = 16  # tokens drafted at once
_LONGEST_RUN = 6  # tokens compared when a place is looked for
_NEAR = 8  # tokens behind a divergence among which a single token is enough to find the place
_MOST_PLACES = 64  # compared for one pair of tokens
# How often a guess behind 0, 1, 2, ... tokens that agree is taken to be right: found somewhere, and in
# what the answer is said to resemble.
_FOUND = tuple(run / (run + 3) for run in range(_LONGEST_RUN + 1))
_TRUSTED = (0.4, *((run + 4) / (run + 5) for run in range(1, _LONGEST_RUN + 1)))
# ... and behind two or three tokens in other answers, once more often than other guesses, twice, ...
_HABITS = tuple(times / (times + 5 - run) for run in (2, 3) for times in range(1, MOST_TIMES + 1))
_BEGINNING = 2  # tokens that are taken to agree before an answer's first
_HOPS = 4  # habits followed one after another
_PRIOR = 4  # guesses that were seen outweigh that once they are so many
_FADE = 0.95  # what a guess weighs against the one after it
_LEAST_CHANCE = 0.02


class Experience:
    """What all answers of one model teach about the next: the time of its passes, its habits, and
    how often these foretell it."""

    def __init__(self) -> None:
        self.times = PassTimes(MOST + 1)
        self.successors = Successors()
        self.chances = _Chances(_HABITS)


class Drafts:
    """Drafts for the answers to one prompt, one answer after another.

    ``prediction`` is a text the answers will resemble. With a ``prompt`` its tokens are looked
    through too, with those of the answers so far and with what ``experience`` has of others; None
    leaves all that out.
    """

    def __init__(
        self,
        prediction: Sequence[int] = (),
        prompt: Sequence[int] | None = None,
        experience: Experience | None = None,
    ) -> None:
        experience = experience or Experience()
        self._times = experience.times
        self._prediction = _Prediction(prediction)
        self._sources: list[tuple[_Source, _Chances]] = [(self._prediction, _Chances(_TRUSTED))]
        if prompt is not None:
            self._sources.append((_Lookup(prompt), _Chances(_FOUND)))
            self._sources.append((_Recall(prompt, experience.successors), experience.chances))
        self._begun: Sequence[int] = ()

    def begin(self) -> None:
        """Note that another answer begins."""
        for source, _ in self._sources:
            source.begin()
        for token in self._begun:
            self._prediction.add(token)

    def foresee(self, went_on: Sequence[int], then: Sequence[int]) -> None:
        """Take for a prediction how the same text went on before, of which ``then`` stands already.

        Every answer begins behind that.
        """
        self._prediction = _Prediction(went_on)
        self._sources[0] = self._prediction, _Chances(_TRUSTED)
        self._begun = then[-len(went_on) :] if went_on else ()
        self.begin()

    def add(self, token: int) -> None:
        """Take the answer's next token, and learn which source had foreseen it."""
        for source, chances in self._sources:
            if source.ahead:
                chances.learn(source.kind(0), right=source.ahead[0] == token)
            source.add(token)

    def propose(self, most: int) -> list[int]:
        """Return up to ``most`` tokens that may come next; none where no guess is worth its time."""
        chosen: list[int] = []
        best = 1 / self._times.of(1)
        for source, chances in self._sources:
            chance = expected = 1.0
            for count in range(1, min(most, MOST, len(source.ahead)) + 1):
                chance *= chances.of(source.kind(count - 1))
                if chance < _LEAST_CHANCE:
                    break
                expected += chance
                rate = expected / self._times.of(1 + count)
                if rate > best:
                    best, chosen = rate, list(source.ahead[:count])
        return chosen


class _Source(Protocol):
    """``ahead`` are the tokens that may come next, each of a kind that is right as often as others
    of that kind."""

    ahead: Sequence[int]

    def begin(self) -> None: ...

    def add(self, token: int) -> None: ...

    def kind(self, index: int) -> int: ...


class _Chances:
    """How often guesses of each kind are right."""

    def __init__(self, before: Sequence[float]) -> None:
        """``before`` is what is taken for granted until guesses were seen."""
        self._before = before
        self._right = [0.0] * len(before)
        self._seen = [0.0] * len(before)

    def of(self, kind: int) -> float:
        return (_PRIOR * self._before[kind] + self._right[kind]) / (_PRIOR + self._seen[kind])

    def learn(self, kind: int, right: bool) -> None:
        self._right[kind] = _FADE * self._right[kind] + right
        self._seen[kind] = _FADE * self._seen[kind] + 1


class _Prediction:
    """A text that the answer follows, and is looked for again where it went its own way."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._runs = _Runs(ids)
        self.begin()

    def begin(self) -> None:
        self._last: list[int] = []  # the answer's last tokens
        self._held = 0  # behind the last token that both share
        self._go_to(0)
        self._agreed = _BEGINNING

    def _go_to(self, at: int) -> None:
        self._at = at = min(at, len(self._runs.ids))
        self._agreed = _run(self._last, self._runs.ids, at)
        self.ahead = self._runs.ids[at : at + MOST]

    def kind(self, index: int) -> int:
        return min(self._agreed + index, _LONGEST_RUN)

    def add(self, token: int) -> None:
        self._last = [*self._last[1 - _LONGEST_RUN :], token]
        if token in self.ahead[:1]:
            self._held = self._at + 1
            self._go_to(self._held)
            return
        place = self._place(token)
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


class _Lookup:
    """The prompt and the answers so far: what followed where the same tokens stood last."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._runs = _Runs(prompt)
        self.begin()

    def begin(self) -> None:
        self._last: list[int] = []
        self.ahead: Sequence[int] = ()
        self._agreed = 0

    def kind(self, index: int) -> int:
        return min(self._agreed + index, _LONGEST_RUN)

    def add(self, token: int) -> None:
        self._runs.add(token)
        self._last = [*self._last[1 - _LONGEST_RUN :], token]
        place = self._runs.latest(self._last)
        self.ahead = () if place is None else self._runs.ids[place : place + MOST]
        self._agreed = 0 if place is None else _run(self._last, self._runs.ids, place)


class _Recall:
    """What mostly followed the same tokens in other answers and prompts."""

    def __init__(self, prompt: Sequence[int], successors: Successors) -> None:
        self._start = prompt[-RUNS[0] :]
        self._successors = successors
        self.begin()

    def begin(self) -> None:
        self._last = list(self._start)
        self._look()

    def add(self, token: int) -> None:
        self._last = [*self._last[1 - RUNS[0] :], token]
        self._look()

    def kind(self, index: int) -> int:
        hop = self._hops[index]
        return (hop.run - RUNS[-1]) * MOST_TIMES + hop.times - 1

    def _look(self) -> None:
        self._hops: list[Successor] = []
        last = self._last
        while len(self._hops) < _HOPS and (hop := self._successors.after(last)) is not None:
            self._hops.append(hop)
            last = [*last[1 - RUNS[0] :], hop.token]
        self.ahead = [hop.token for hop in self._hops]


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
