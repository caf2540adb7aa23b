"""Choose the next token: greedy or nucleus sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabwright.engine.backends import Logits

_DEFAULT_TEMPERATURE = 0.6  # for several answers when the request gives no temperature
_MAX_TOKENS = 200  # most likely tokens among which one is sampled


@dataclass(frozen=True)
class Sampling:
    """Sampling parameters: greedy at temperature 0, else nucleus sampling."""

    temperature: float = 0.0
    top_p: float = 0.95
    seed: int = 0

    @property
    def is_random(self) -> bool:
        """Whether a token other than the most likely one can be chosen."""
        return self.temperature > 0

    def for_answer(self, index: int) -> Sampling:
        """Return the parameters of one answer among several, each with a seed of its own.

        Without a temperature the first answer is greedy and the others are sampled.
        """
        if not index:
            return self
        return Sampling(self.temperature or _DEFAULT_TEMPERATURE, self.top_p, self.seed + index)


def choose(logits: Logits, sampling: Sampling, random: np.random.Generator) -> int:
    """Choose a token from logits [vocabulary]: greedy, or nucleus sampling (arXiv 1904.09751)."""
    if not sampling.is_random:
        return int(logits.argmax())
    scaled = (logits - logits.max()) / sampling.temperature
    weights = np.exp(scaled)
    likely = min(_MAX_TOKENS, len(weights))
    order = np.argpartition(-weights, likely - 1)[:likely]
    order = order[np.argsort(-weights[order])]
    share = np.cumsum(weights[order]) / weights.sum()
    kept = order[: int(np.searchsorted(share, sampling.top_p)) + 1]
    chances = weights[kept] / weights[kept].sum()
    return int(random.choice(kept, p=chances))
