"""Token healing: let the model choose again the tokens of a word that the cursor cuts in half.

A prompt that ends inside a word ends in tokens that the model has never seen there ("retu" is
"ret" and "u", "return" is one token). The tokens of that word are removed from the prompt. Until
their text, the pending text, is generated again, only tokens are allowed that start with the
pending text or that are a prefix of it (the idea is from the Guidance project).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tabwright.engine.backends import Logits
from tabwright.engine.decoding.vocabulary import Vocabulary

_MAX_TOKENS = 12  # tokens at the prompt's end in which its last word is searched


class Healing:
    """The pending text of a prompt; empty once it has been generated again."""

    def __init__(self, vocabulary: Vocabulary, pending: bytes = b"") -> None:
        self._vocabulary = vocabulary
        self.pending = pending

    def restrict(self, logits: Logits) -> Logits:
        """Mask logits [vocabulary] so that only tokens that fit the pending text are possible."""
        if not self.pending:
            return logits
        fits = [n for n in self._vocabulary.tokens_that_fit(self.pending) if n < len(logits)]
        if not fits:
            return logits
        narrowed = np.full_like(logits, -np.inf)
        narrowed[fits] = logits[fits]
        return narrowed

    def consume(self, data: bytes) -> bytes:
        """Take the bytes of a generated token; return those after the pending text."""
        if not self.pending:
            return data
        paid = min(len(self.pending), len(data))
        self.pending = self.pending[paid:]
        return data[paid:]


def remove_last_word(vocabulary: Vocabulary, ids: Sequence[int]) -> tuple[list[int], Healing]:
    """Remove the last word from a prompt, but no special token and no line end."""
    kept = list(ids)
    if not kept or kept[-1] in vocabulary.special_ids:
        return kept, Healing(vocabulary)
    pending = vocabulary.bytes_of(kept[-1])
    # No word is cut after a line end: healing would only let the model generate a blank line.
    if not pending or pending.endswith((b"\n", b"\r")):
        return kept, Healing(vocabulary)
    count = vocabulary.last_word(kept[-_MAX_TOKENS:])
    pending = b"".join(map(vocabulary.bytes_of, kept[-count:]))
    return kept[:-count], Healing(vocabulary, pending)
