"""Measured times of passes of the model, as a function of the number of tokens in a pass."""

from __future__ import annotations

_DEFAULT_STEP = 0.1  # assumed cost of one more token, as a share of a pass over one token
_WEIGHT = 0.2  # weight of a new measurement in the moving average
_DECAY = 0.002  # per pass, towards the default, so that one slow pass has no lasting effect


class PassTimes:
    """Times of passes over 1 to ``most`` tokens, as multiples of a pass over one token.

    They depend on the machine: with VNNI a pass over eight tokens takes 1.5 times as long as one
    over one token, with plain AVX2 a pass over four takes twice as long.
    """

    def __init__(self, most: int) -> None:
        self._ratios = [1 + _DEFAULT_STEP * count for count in range(most)]
        self._step = _DEFAULT_STEP
        self._single_s = 0.0  # seconds of a pass over one token, at the machine's present load

    def note(self, tokens: int, seconds: float) -> None:
        """Record the time of a pass over this many tokens."""
        if tokens == 1:
            self._single_s += (seconds - self._single_s) * (_WEIGHT if self._single_s else 1)
        elif self._single_s and tokens <= len(self._ratios):
            ratio = min(max(seconds / self._single_s, 1), tokens)
            self._ratios[tokens - 1] += _WEIGHT * (ratio - self._ratios[tokens - 1])
            self._step += _WEIGHT / 2 * ((ratio - 1) / (tokens - 1) - self._step)
        self._step += _DECAY * (_DEFAULT_STEP - self._step)
        for index, known in enumerate(self._ratios):
            self._ratios[index] += _DECAY * (1 + self._step * index - known)

    def of(self, tokens: int) -> float:
        """Return the expected time of a pass over this many tokens; it never falls with them."""
        beyond = max(0, tokens - len(self._ratios))
        return max(self._ratios[:tokens]) + beyond * self._step
