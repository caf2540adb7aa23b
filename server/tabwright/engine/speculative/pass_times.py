"""How much longer a pass of the model takes for several tokens than for one, learnt as it runs."""

from __future__ import annotations

_EACH = 0.1  # of a pass: what one more token is taken to cost before anything was measured
_NEW = 0.2  # weight of a measurement
_FORGET = 0.002  # share of what was learnt that goes with a pass, so that no slow one lasts


class PassTimes:
    """Times of passes over 1 to ``most`` tokens, in those of a pass over one.

    Machines differ: with VNNI eight tokens cost half as much again as one, with plain AVX2 four
    cost twice as much as one.
    """

    def __init__(self, most: int) -> None:
        self._ratios = [1 + _EACH * count for count in range(most)]
        self._each = _EACH
        self._alone = 0.0  # seconds of a pass over one token, as the machine is loaded now

    def note(self, tokens: int, seconds: float) -> None:
        """Learn from a pass over so many tokens."""
        if tokens == 1:
            self._alone += (seconds - self._alone) * (_NEW if self._alone else 1)
        elif self._alone and tokens <= len(self._ratios):
            ratio = min(max(seconds / self._alone, 1), tokens)
            self._ratios[tokens - 1] += _NEW * (ratio - self._ratios[tokens - 1])
            self._each += _NEW / 2 * ((ratio - 1) / (tokens - 1) - self._each)
        self._each += _FORGET * (_EACH - self._each)
        for index, known in enumerate(self._ratios):
            self._ratios[index] += _FORGET * (1 + self._each * index - known)

    def of(self, tokens: int) -> float:
        """The time of a pass over so many tokens, no less than that of a smaller one."""
        beyond = max(0, tokens - len(self._ratios))
        return max(self._ratios[:tokens]) + beyond * self._each
