"""One answer as it is written: its chance, what healing owes it, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabwright.engine.backends import Logits
from tabwright.engine.decoding.healing import Healing
from tabwright.engine.decoding.sampling import Sampling, choose
from tabwright.engine.decoding.stops import StopText
from tabwright.engine.decoding.vocabulary import Vocabulary


@dataclass(frozen=True)
class Delta:
    """A piece of one answer; the last one of an answer says why it ended."""

    index: int
    text: str
    finish_reason: str | None = None
    stop_reason: str | None = None


class Writing:
    """Turns the tokens of one answer into its pieces; ``tokens`` counts those that are text."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        index: int,
        sampling: Sampling,
        text: StopText,
        owed: bytes = b"",
    ) -> None:
        """The answer of an ``index`` among its like; ``owed`` is what healing took back."""
        self.index = index
        self.tokens = 0
        self._vocabulary = vocabulary
        self._sampling = sampling
        self._random = np.random.default_rng(sampling.seed)
        self._healing = Healing(vocabulary, owed)
        self._text = text

    @property
    def ended(self) -> bool:
        """Whether the answer takes no further token."""
        return self._text.reason is not None

    @property
    def wants_exact(self) -> bool:
        """Whether more than the likeliest token matters: one is drawn, or few are possible."""
        return self._sampling.draws or bool(self._healing.owed)

    def pick(self, logits: Logits) -> int:
        """The next token, from logits [vocabulary]."""
        return choose(self._healing.restrict(logits), self._sampling, self._random)

    def take(self, token: int) -> Delta:
        """Add a token; the piece is empty where nothing is settled yet."""
        data = self._vocabulary.bytes_of(token)
        if not data:  # special, or no token at all: the model is done
            self._text.reason = "eos"
            return Delta(self.index, "")
        self.tokens += 1
        return Delta(self.index, self._text.feed(self._healing.pay(data)))

    def end(self) -> Delta:
        """The last piece, with why the answer ended."""
        stopped_by = self._text.reason
        rest = "" if stopped_by in ("text", "suffix") else self._text.feed(b"", final=True)
        reason = stopped_by or self._text.reason or "length"
        return Delta(self.index, rest, "length" if reason == "length" else "stop", reason)
