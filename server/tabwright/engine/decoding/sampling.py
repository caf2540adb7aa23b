"""How the next token is chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabwright.engine.backends import Logits

_USUAL_TEMPERATURE = 0.6  # of answers that must differ where none was named
_MOST_TOKENS = 200  # the likeliest, among which one is drawn


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen: greedy at temperature 0, else nucleus sampling."""

    temperature: float = 0.0
    top_p: float = 0.95
    seed: int = 0

    @property
    def draws(self) -> bool:
        """Whether other tokens than the likeliest can come of it."""
        return self.temperature > 0

    def of(self, index: int) -> Sampling:
        """That of one answer among several: each is drawn by a chance of its own.

        Without a temperature the first is the likeliest answer, and the others are drawn.
        """
        if not index:
            return self
        return Sampling(self.temperature or _USUAL_TEMPERATURE, self.top_p, self.seed + index)


def choose(logits: Logits, sampling: Sampling, random: np.random.Generator) -> int:
    """Pick a token from logits [vocabulary]: the likeliest, or by nucleus sampling
    (arXiv 1904.09751)."""
    if not sampling.draws:
        return int(logits.argmax())
    scaled = (logits - logits.max()) / sampling.temperature
    weights = np.exp(scaled)
    likely = min(_MOST_TOKENS, len(weights))
    order = np.argpartition(-weights, likely - 1)[:likely]
    order = order[np.argsort(-weights[order])]
    share = np.cumsum(weights[order]) / weights.sum()
    kept = order[: int(np.searchsorted(share, sampling.top_p)) + 1]
    chances = weights[kept] / weights[kept].sum()
    return int(random.choice(kept, p=chances))
