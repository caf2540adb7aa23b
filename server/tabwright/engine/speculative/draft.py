"""Choose drafts for speculative decoding: tokens that one pass of the model verifies together.

A draft is extended while its expected number of accepted tokens outweighs the longer pass. A
rejected draft costs a little time and never changes an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from tabwright.engine.speculative.draft_sources import (
    JACOBI_TOKENS,
    MAX_AHEAD,
    MAX_MATCH,
    DraftSource,
    JacobiSource,
    LookupSource,
    NgramSource,
    PredictionSource,
)
from tabwright.engine.speculative.ngram_table import CONTEXT_LENGTHS, MAX_WEIGHT, NgramTable
from tabwright.engine.speculative.pass_times import PassTimes

# Assumed acceptance rates before anything was measured, by the number of tokens that match before
# the drafted one: for a match found in the prompt, and in a text that the answer should resemble.
_LOOKUP_RATES = tuple(length / (length + 3) for length in range(MAX_MATCH + 1))
_PREDICTION_RATES = (0.3, *((length + 4) / (length + 5) for length in range(1, MAX_MATCH + 1)))
# The same for the n-gram table, by the length of the context and then by the count.
_NGRAM_RATES = tuple(
    count / (count + 5 - length)
    for length in sorted(CONTEXT_LENGTHS)
    for count in range(1, MAX_WEIGHT + 1)
)
_JACOBI_RATES = (0.2,) * JACOBI_TOKENS
_PRIOR_WEIGHT = 4  # an assumed rate weighs as much as this many measurements
_DECAY = 0.95  # weight of a measurement relative to the one after it
_MIN_CHANCE = 0.02  # of a whole draft; below it the draft is not extended


class DraftStatistics:
    """Measurements of one model's passes and drafts, shared by all its requests.

    The times of passes, the n-gram table, and the acceptance rates of drafts taken from the n-gram
    table, from the continuation of a cached state, and from rejected drafts (Jacobi).
    """

    def __init__(self) -> None:
        self.times = PassTimes(MAX_AHEAD + 1)
        self.ngrams = NgramTable()
        self.ngram_rates = _AcceptanceRates(_NGRAM_RATES)
        self.continuation_rates = _AcceptanceRates(_PREDICTION_RATES)
        self.jacobi_rates = _AcceptanceRates(_JACOBI_RATES)


class Drafts:
    """Proposes drafts for the answers to one prompt, one answer after another.

    ``prediction`` is a text that the answers will resemble. With ``lookup`` drafts also come from
    the ``prompt`` and the answers so far. ``statistics`` are those of the model.
    """

    def __init__(
        self,
        prediction: Sequence[int] = (),
        prompt: Sequence[int] = (),
        lookup: bool = False,
        statistics: DraftStatistics | None = None,
    ) -> None:
        statistics = statistics or DraftStatistics()
        self._statistics = statistics
        self._prediction = PredictionSource(prediction)
        self._jacobi = JacobiSource()
        self._sources: list[tuple[DraftSource, _AcceptanceRates]] = [
            (self._prediction, _AcceptanceRates(_PREDICTION_RATES)),
            (NgramSource(prompt, statistics.ngrams), statistics.ngram_rates),
            (self._jacobi, statistics.jacobi_rates),
        ]
        if lookup:
            self._sources.append((LookupSource(prompt), _AcceptanceRates(_LOOKUP_RATES)))
        self._already_computed: Sequence[int] = ()

    def begin(self) -> None:
        """Start the next answer."""
        for source, _ in self._sources:
            source.begin()
        for token in self._already_computed:
            self._prediction.add(token)

    def use_continuation(self, continuation: Sequence[int], computed: Sequence[int]) -> None:
        """Use the continuation of the reused state as the prediction.

        ``computed`` are the prompt's tokens after the reused ones; every answer follows them.
        """
        self._prediction = PredictionSource(continuation)
        self._sources[0] = self._prediction, self._statistics.continuation_rates
        self._already_computed = computed[-len(continuation) :] if continuation else ()
        self.begin()

    def add(self, token: int) -> None:
        """Add the answer's next token, and record which sources had proposed it."""
        for source, rates in self._sources:
            if source.ahead:
                rates.record(source.kind(0), accepted=source.ahead[0] == token)
            source.add(token)

    def rejected(self, predicted: Sequence[int]) -> None:
        """Take the model's choices after a rejected draft's first `JACOBI_TOKENS` wrong tokens.

        Call it after the correct token was added.
        """
        self._jacobi.set_predicted(predicted)

    def propose(self, most: int, others: int = 1) -> list[int]:
        """Return a draft of up to ``most`` tokens, for a pass that computes ``others`` besides.

        Empty when no draft is expected to save time.
        """
        chosen: list[int] = []
        times = self._statistics.times
        best = 1 / times.of(others)
        for source, rates in self._sources:
            chance = expected = 1.0
            for count in range(1, min(most, MAX_AHEAD, len(source.ahead)) + 1):
                chance *= rates.of(source.kind(count - 1))
                if chance < _MIN_CHANCE:
                    break
                expected += chance
                tokens_per_time = expected / times.of(others + count)
                if tokens_per_time > best:
                    best, chosen = tokens_per_time, list(source.ahead[:count])
        return chosen


class _AcceptanceRates:
    """Measured share of drafted tokens that were accepted, for each kind of draft."""

    def __init__(self, assumed: Sequence[float]) -> None:
        """Start from ``assumed`` rates, which fade as measurements come in."""
        self._assumed = assumed
        self._accepted = [0.0] * len(assumed)
        self._drafted = [0.0] * len(assumed)

    def of(self, kind: int) -> float:
        """Return the rate of a kind, from 0 to 1."""
        prior = _PRIOR_WEIGHT * self._assumed[kind]
        return (prior + self._accepted[kind]) / (_PRIOR_WEIGHT + self._drafted[kind])

    def record(self, kind: int, accepted: bool) -> None:
        """Record whether a drafted token was accepted."""
        self._accepted[kind] = _DECAY * self._accepted[kind] + accepted
        self._drafted[kind] = _DECAY * self._drafted[kind] + 1
