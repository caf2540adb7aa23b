"""The server's own sentences in the client's language: English inside, translated at the edge.

Sentences are made in many places, some in other processes, and stay English there: the log, the
tests and all comparisons see that. What goes to the client goes through its Language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from tabwright.core.message import Message
from tabwright.core.safety.inert_text import inert_line, inert_message

_CHINESE = Path(__file__).with_name("words_zh_cn.json")
_SIMPLIFIED = re.compile(r"zh(?:[-_](?:hans(?:[-_].*)?|cn|sg|my))?", re.IGNORECASE)
_HOLE = re.compile(r"\{(\d+)([?!]?)\}")
# Sentences of ours are short; the words of others must not cost time.
_LONGEST_COMPOSED = 400
_MOST_READINGS = 30
# What an answer to a command tells a user; all else in it is code, names and figures.
_TOLD = frozenset({"detail", "faults", "message", "problem", "reason", "title"})
_INSIDE = frozenset({"action", "engine"})


@dataclass(frozen=True)
class _Entry:
    """A template, as the text between its holes and the marks of these, and its translation."""

    parts: tuple[str, ...]
    marks: tuple[str, ...]
    translation: str

    @property
    def is_composing(self) -> bool:
        """Whether it is only known by the sentences in its holes."""
        return "!" in self.marks

    def readings(self, text: str) -> Iterator[tuple[str, ...]]:
        """The values with which the template reads as ``text``, in each way that there is."""
        first, last = self.parts[0], self.parts[-1]
        is_long_enough = len(text) >= len(first) + len(last)
        if is_long_enough and text.startswith(first) and text.endswith(last):
            inside = text[len(first) : len(text) - len(last)]
            yield from _split(inside, self.parts[1:-1])


def _split(text: str, between: Sequence[str]) -> Iterator[tuple[str, ...]]:
    if not between:
        yield (text,)
        return
    at = text.find(between[0])
    is_found = True
    while at >= 0 and is_found:
        # What the text after the first place lacks, it lacks after later ones.
        is_found = False
        for rest in _split(text[at + len(between[0]) :], between[1:]):
            yield (text[:at], *rest)
            is_found = True
        at = text.find(between[0], at + 1)


class Language:
    """What a client is spoken to in; without a table that is English.

    The table has English templates with ``{0}`` where a value stands as it is, such as a name or
    another tool's message, and ``{0?}`` where the value may be a sentence of ours. Where the value
    must be one, since the rest of the template would fit any text, it is ``{0!}``.
    """

    def __init__(self, table: Mapping[str, str] | None = None) -> None:
        """Translate by ``table``; what it lacks stays English."""
        self._table = table or {}

    def say(self, template: str, *values: object) -> str:
        """A template in the client's language, with its values."""
        entry = self._by_template.get(template)
        return self._filled(entry, values) if entry else template.format(*values)

    def tell(self, sentence: str) -> str:
        """An English sentence in the client's language; as it is where it is not known.

        It comes without links and hidden characters: names and words of others in it are text.
        """
        return inert_message(self._told(sentence))

    def title(self, sentence: str) -> str:
        """The same as one line, for a title, a label or a button."""
        return inert_line(self._told(sentence))

    def _told(self, sentence: str) -> str:
        if not self._table:
            return sentence
        if isinstance(sentence, Message):
            return self.say(sentence.template, *sentence.values)
        return self._known(sentence) or sentence

    def answer(self, found: Mapping[str, object]) -> dict[str, object]:
        """What a command answers, with the sentences in it translated."""
        return {key: self._member(key, value) for key, value in found.items()}

    def _member(self, key: str, value: object) -> object:
        if key in _INSIDE and isinstance(value, Mapping):
            return self.answer(value)
        if key in _TOLD and isinstance(value, str):
            return self.title(value) if key == "title" else self.tell(value)
        if key in _TOLD and isinstance(value, list):
            return [self.tell(each) if isinstance(each, str) else each for each in value]
        return value

    def _known(self, sentence: str) -> str:
        """The translation of a sentence, "" when it has none."""
        whole = self._by_template.get(sentence)
        if whole is not None and len(whole.parts) == 1:
            return whole.translation
        return self._plain(sentence) or self._composed(sentence)

    def _plain(self, sentence: str) -> str:
        """By a template whose own words tell that it is the one."""
        for entry in self._by_length:
            if not entry.is_composing:
                for values in entry.readings(sentence):
                    return self._filled(entry, values)
        return ""

    def _composed(self, sentence: str) -> str:
        """By a template that joins sentences; one level of them, so that this ends soon."""
        if len(sentence) > _LONGEST_COMPOSED:
            return ""
        for entry in self._by_length:
            if entry.is_composing:
                for values in islice(entry.readings(sentence), _MOST_READINGS):
                    if self._fits(entry, values):
                        return self._filled(entry, values)
        return ""

    def _fits(self, entry: _Entry, values: Sequence[str]) -> bool:
        marked = zip(entry.marks, values, strict=True)
        return all(
            value in self._by_template or bool(self._plain(value))
            for mark, value in marked
            if mark == "!"
        )

    def _filled(self, entry: _Entry, values: Sequence[object]) -> str:
        spoken = [
            self._told(value) if mark and isinstance(value, str) else value
            for mark, value in zip(entry.marks, values, strict=True)
        ]
        return entry.translation.format(*spoken)

    @cached_property
    def _by_template(self) -> Mapping[str, _Entry]:
        """The entries by their templates without marks; made when something is first said."""
        found: dict[str, _Entry] = {}
        for key, translation in self._table.items():
            split = _HOLE.split(key)
            found[_HOLE.sub(r"{\1}", key)] = _Entry(
                tuple(split[::3]), tuple(split[2::3]), translation
            )
        return found

    @cached_property
    def _by_length(self) -> Sequence[_Entry]:
        """Those with holes; those with the most words of their own first."""
        with_holes = [each for each in self._by_template.values() if each.marks]
        return sorted(with_holes, key=lambda each: -sum(map(len, each.parts)))


ENGLISH = Language()


def language_of(locale: str | None) -> Language:
    """The language of a locale as clients name it: zh-cn, zh_CN.UTF-8, zh-Hans, de, None.

    Simplified Chinese or English; raises nothing for a locale of any other form.
    """
    name = (locale or "").strip().partition(".")[0].partition("@")[0]
    if _SIMPLIFIED.fullmatch(name) is None:
        return ENGLISH
    table: dict[str, str] = json.loads(_CHINESE.read_text("utf-8"))
    return Language(table)
