"""The n-gram table: which token followed the same two or three tokens in recent text.

It learns from all recent prompts and answers of a model, so it captures what the model and the
project repeat. After Token Recycling (arXiv 2408.08696), but with the tokens that really followed
instead of the candidates of the model's output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CONTEXT_LENGTHS = (3, 2)  # tokens before the next one that are looked up, the longest first
MAX_WEIGHT = 4
_MAX_LEARNED = 2048  # tokens learned in one call, which takes a few milliseconds
_MAX_ENTRIES = 30_000  # new entries before the oldest as many are dropped


class NgramEntry(NamedTuple):
    """The usual next token after a context of ``length`` tokens.

    ``weight`` is how many times more often than others it was seen, at most `MAX_WEIGHT`.
    """

    token: int
    length: int
    weight: int


class NgramTable:
    """The usual next token after each context of 2 or 3 tokens; only the worker may use it."""

    def __init__(self) -> None:
        self._recent: dict[tuple[int, ...], NgramEntry] = {}
        self._old: dict[tuple[int, ...], NgramEntry] = {}

    def learn(self, ids: Sequence[int]) -> None:
        """Add the n-grams of a text; of a long text only the end."""
        ids = ids[-_MAX_LEARNED:]
        for length in CONTEXT_LENGTHS:
            for end in range(length, len(ids)):
                self._add(tuple(ids[end - length : end]), ids[end])

    def next_token(self, last: Sequence[int]) -> NgramEntry | None:
        """Return the entry of the longest known context at the end of ``last``."""
        for length in CONTEXT_LENGTHS:
            found = self._find(tuple(last[-length:]))
            if found is not None:
                return found
        return None

    def _find(self, context: tuple[int, ...]) -> NgramEntry | None:
        return self._recent.get(context) or self._old.get(context)

    def _add(self, context: tuple[int, ...], token: int) -> None:
        known = self._find(context)
        if known is None or (known.token != token and known.weight == 1):
            entry = NgramEntry(token, len(context), 1)
        else:
            weight = known.weight + (1 if known.token == token else -1)
            entry = known._replace(weight=min(weight, MAX_WEIGHT))
        self._recent[context] = entry
        if len(self._recent) >= _MAX_ENTRIES:
            self._recent, self._old = {}, self._recent
