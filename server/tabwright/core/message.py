"""Messages for the user: English that keeps its template and values for translation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce


class Said(str):
    """An English sentence that still knows its template, for when it has parts that vary.

    ``values`` stand where the template has ``{0}``, ``{1}`` and so on; they may be sentences.
    """

    template: str
    values: tuple[object, ...]

    def __new__(cls, template: str, *values: object) -> Said:
        """The sentence, as plain English to whoever takes it for a text."""
        self = super().__new__(cls, template.format(*values))
        self.template, self.values = template, values
        return self


def joined(sentences: Sequence[str]) -> str:
    """Sentences as one, with semicolons between them."""
    return reduce(lambda left, right: Said("{0}; {1}", left, right), sentences)


def without_stop(sentence: str) -> str:
    """A sentence without its full stop, to have another one put behind it."""
    return sentence.rstrip(".") if sentence.endswith(".") else sentence
