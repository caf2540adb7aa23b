"""What the server tells its client, in the client's language; inside, all is English.

A ``Message`` is translated here, where it leaves the server, by its template. The log, the tests
and all comparisons see English.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from tabwright.core.message import Message
from tabwright.core.safety.inert_text import inert_line, inert_message

DOMAIN, FOLDER = "tabwright", Path(__file__).with_name("locale")
_SIMPLIFIED = re.compile(r"zh(?:[-_](?:hans(?:[-_].*)?|cn|sg|my))?", re.IGNORECASE)
# What an answer to a command tells a user; all else in it is code, names and figures.
_TRANSLATED_KEYS = frozenset({"detail", "faults", "message", "problem", "reason", "title"})
_NESTED_KEYS = frozenset({"action", "engine"})


class Translator:
    """Translate messages into one client's language; the catalogue is read at the first message."""

    def __init__(self, locale: str = "") -> None:
        """Translate by the catalogue of ``locale``; without one all stays English."""
        self._locale = locale

    def tell(self, sentence: str) -> str:
        """A sentence in the client's language; as it is when it is no Message, or not known.

        It comes without links and hidden characters: names and words of others in it are text.
        """
        return inert_message(self._translated(sentence))

    def title(self, sentence: str) -> str:
        """The same as one line, for a title, a label or a button."""
        return inert_line(self._translated(sentence))

    def answer(self, found: Mapping[str, object]) -> dict[str, object]:
        """What a command answers, with the sentences in it translated."""
        return {key: self._member(key, value) for key, value in found.items()}

    def _member(self, key: str, value: object) -> object:
        if key in _NESTED_KEYS and isinstance(value, Mapping):
            return self.answer(value)
        if key in _TRANSLATED_KEYS and isinstance(value, str):
            return self.title(value) if key == "title" else self.tell(value)
        if key in _TRANSLATED_KEYS and isinstance(value, list):
            return [self.tell(each) if isinstance(each, str) else each for each in value]
        return value

    def _translated(self, sentence: str) -> str:
        if not self._locale or not isinstance(sentence, Message):
            return str.__str__(sentence)
        # gettext answers "" with the catalogue's header.
        template = sentence.template and self._catalogue.gettext(sentence.template)
        values = [self._translated(value) for value in sentence.values]
        return template.format(*values) if values else template

    @cached_property
    def _catalogue(self) -> gettext.NullTranslations:
        return gettext.translation(DOMAIN, FOLDER, [self._locale])


ENGLISH = Translator()


def language_of(locale: str | None) -> Translator:
    """The language of a locale as clients name it: zh-cn, zh_CN.UTF-8, zh-Hans, de, None.

    Simplified Chinese or English; raises nothing for a locale of any other form.
    """
    name = (locale or "").strip().partition(".")[0].partition("@")[0]
    return ENGLISH if _SIMPLIFIED.fullmatch(name) is None else Translator("zh_CN")
