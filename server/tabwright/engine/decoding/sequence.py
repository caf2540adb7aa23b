"""The state of one answer while it is decoded: its random generator, healing and stop texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabwright.engine.backends import Logits
from tabwright.engine.decoding.healing import Healing
from tabwright.engine.decoding.sampling import Sampling, choose
from tabwright.engine.decoding.stops import StopDetector
from tabwright.engine.decoding.vocabulary import Vocabulary


@dataclass(frozen=True)
class Delta:
    """A piece of one answer's text; the last piece has the reason why the answer ended."""

    index: int
    text: str
    finish_reason: str | None = None
    stop_reason: str | None = None


class SequenceState:
    """Chooses the tokens of one answer and turns them into pieces of text.

    ``tokens`` counts the tokens that are text.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        index: int,
        sampling: Sampling,
        text: StopDetector,
        pending: bytes = b"",
    ) -> None:
        """Start the answer number ``index`` of a request; ``pending`` is the text to heal."""
        self.index = index
        self.tokens = 0
        self._vocabulary = vocabulary
        self._sampling = sampling
        self._random = np.random.default_rng(sampling.seed)
        self._healing = Healing(vocabulary, pending)
        self._text = text

    @property
    def ended(self) -> bool:
        """Whether the answer is complete."""
        return self._text.reason is not None

    @property
    def wants_exact(self) -> bool:
        """Whether logits other than the largest matter: for sampling and for token healing."""
        return self._sampling.is_random or bool(self._healing.pending)

    def pick(self, logits: Logits) -> int:
        """Choose the next token from logits [vocabulary]."""
        return choose(self._healing.restrict(logits), self._sampling, self._random)

    def take(self, token: int) -> Delta:
        """Add a token; return the new text, empty while it may be part of a stop text."""
        data = self._vocabulary.bytes_of(token)
        if not data:  # a special or unknown token: the model ended the answer
            self._text.reason = "eos"
            return Delta(self.index, "")
        self.tokens += 1
        return Delta(self.index, self._text.feed(self._healing.consume(data)))

    def end(self) -> Delta:
        """Return the last piece, with the reason why the answer ended."""
        stopped_by = self._text.reason
        rest = "" if stopped_by in ("text", "suffix") else self._text.feed(b"", final=True)
        reason = stopped_by or self._text.reason or "length"
        return Delta(self.index, rest, "length" if reason == "length" else "stop", reason)
