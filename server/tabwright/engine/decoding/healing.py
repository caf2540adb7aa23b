"""Token healing: let the model choose again the token that the cursor cuts in half.

A prompt that ends in the middle of a word ends in tokens the model has never seen there ("retu" is
"ret" and "u", "return" is one token). The tokens of that word are taken back, and until its text
is produced again only tokens are allowed that begin with what is still owed, or that it begins
with (the idea is from the Guidance project; the figures for suffix-first prompts, where it decides,
are in ARCHITECTURE.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tabwright.engine.backends import Logits
from tabwright.engine.decoding.vocabulary import Vocabulary

_MOST_TOKENS = 12  # at the prompt's end among which its last word is looked for


class Healing:
    """What is still owed of the text taken back; nothing once it has been produced again."""

    def __init__(self, vocabulary: Vocabulary, owed: bytes = b"") -> None:
        self._vocabulary = vocabulary
        self.owed = owed

    def restrict(self, logits: Logits) -> Logits:
        """Return logits [vocabulary] in which only tokens that fit what is owed are possible."""
        if not self.owed:
            return logits
        fits = [n for n in self._vocabulary.tokens_that_fit(self.owed) if n < len(logits)]
        if not fits:
            return logits
        narrowed = np.full_like(logits, -np.inf)
        narrowed[fits] = logits[fits]
        return narrowed

    def pay(self, data: bytes) -> bytes:
        """Take a produced token's bytes; return those beyond what was owed."""
        if not self.owed:
            return data
        paid = min(len(self.owed), len(data))
        self.owed = self.owed[paid:]
        return data[paid:]


def take_back(vocabulary: Vocabulary, ids: Sequence[int]) -> tuple[list[int], Healing]:
    """Split off the last word of a prompt; a special token or a line end is left in place."""
    kept = list(ids)
    if not kept or kept[-1] in vocabulary.special_ids:
        return kept, Healing(vocabulary)
    owed = vocabulary.bytes_of(kept[-1])
    # After a line end nothing is cut in half: healing would only let the model write a blank line.
    if not owed or owed.endswith((b"\n", b"\r")):
        return kept, Healing(vocabulary)
    count = vocabulary.last_word(kept[-_MOST_TOKENS:])
    owed = b"".join(map(vocabulary.bytes_of, kept[-count:]))
    return kept[:-count], Healing(vocabulary, owed)
