"""How many tokens are worth guessing ahead, so that one pass of the model checks several of them.

A token joins a draft while the chance that all of it is right is worth the longer pass. A wrong
guess costs a little time and never changes an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from tabwright.engine.speculative.draft_sources import (
    AFTERTHOUGHTS,
    LONGEST_RUN,
    MOST,
    Afterthought,
    Lookup,
    Prediction,
    Recall,
    Source,
)
from tabwright.engine.speculative.ngram_table import MOST_TIMES, RUNS, Successors
from tabwright.engine.speculative.pass_times import PassTimes

# How often a guess is taken to be right behind 0, 1, 2, ... tokens that agree: one that was found
# somewhere, and one of a text that the answer is said to resemble.
_FOUND = tuple(run / (run + 3) for run in range(LONGEST_RUN + 1))
_TRUSTED = (0.3, *((run + 4) / (run + 5) for run in range(1, LONGEST_RUN + 1)))
# ... and behind two, then three tokens in other answers, where it came once, twice, ...
_HABITS = tuple(
    times / (times + 5 - run) for run in sorted(RUNS) for times in range(1, MOST_TIMES + 1)
)
_AFTERTHOUGHT = (0.2,) * AFTERTHOUGHTS
_PRIOR = 4  # guesses that were seen outweigh that once they are so many
_FADE = 0.95  # what a guess weighs against the one after it
_LEAST_CHANCE = 0.02


class Experience:
    """What all answers of one model teach about the next: the time of its passes, its habits, how
    often these foretell it, how often an answer goes on as it did before, and how often as was said
    behind a wrong guess."""

    def __init__(self) -> None:
        self.times = PassTimes(MOST + 1)
        self.successors = Successors()
        self.habits = _Chances(_HABITS)
        self.foreseen = _Chances(_TRUSTED)
        self.afterthoughts = _Chances(_AFTERTHOUGHT)


class Drafts:
    """Drafts for the answers to one prompt, one answer after another.

    ``prediction`` is a text the answers will resemble. ``lookup`` has the ``prompt`` looked through
    too, and the answers so far. ``experience`` is of other answers.
    """

    def __init__(
        self,
        prediction: Sequence[int] = (),
        prompt: Sequence[int] = (),
        lookup: bool = False,
        experience: Experience | None = None,
    ) -> None:
        experience = experience or Experience()
        self._experience = experience
        self._prediction = Prediction(prediction)
        self._afterthought = Afterthought()
        self._sources: list[tuple[Source, _Chances]] = [
            (self._prediction, _Chances(_TRUSTED)),
            (Recall(prompt, experience.successors), experience.habits),
            (self._afterthought, experience.afterthoughts),
        ]
        if lookup:
            self._sources.append((Lookup(prompt), _Chances(_FOUND)))
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
        self._prediction = Prediction(went_on)
        self._sources[0] = self._prediction, self._experience.foreseen
        self._begun = then[-len(went_on) :] if went_on else ()
        self.begin()

    def add(self, token: int) -> None:
        """Take the answer's next token, and learn which source had foreseen it."""
        for source, chances in self._sources:
            if source.ahead:
                chances.learn(source.kind(0), right=source.ahead[0] == token)
            source.add(token)

    def failed(self, then: Sequence[int]) -> None:
        """Take what the model said behind a draft's first `AFTERTHOUGHTS` wrong tokens, once the
        right one is added."""
        self._afterthought.said(then)

    def propose(self, most: int, beside: int = 1) -> list[int]:
        """Return up to ``most`` tokens that may come next, for a pass over ``beside`` others.

        None where no guess pays.
        """
        chosen: list[int] = []
        times = self._experience.times
        best = 1 / times.of(beside)
        for source, chances in self._sources:
            chance = expected = 1.0
            for count in range(1, min(most, MOST, len(source.ahead)) + 1):
                chance *= chances.of(source.kind(count - 1))
                if chance < _LEAST_CHANCE:
                    break
                expected += chance
                rate = expected / times.of(beside + count)
                if rate > best:
                    best, chosen = rate, list(source.ahead[:count])
        return chosen


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
