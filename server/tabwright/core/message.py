"""Messages for the user: English that keeps its template and values, so that it can be translated.

A sentence that a user may see is a ``Message`` where it is created, in whatever package or process.
Its template is its id in the catalogue of translations (``tabwright.lsp.localisation``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

# Of a message from another process, which may be one that we do not control.
_MAX_TEMPLATE_CHARS = 600
_MAX_VALUE_CHARS = 2000
_MAX_VALUES = 8
_MAX_DEPTH = 8
_PLACEHOLDER = re.compile(r"\{(\d)\}")
_VERBATIM_TEMPLATE = "{0}"


class Message(str):
    """An English sentence that still knows its template and the values in it.

    ``values`` stand where the template has ``{0}``, ``{1}`` and so on. They are kept as text;
    one that is a Message, or an exception that was raised with one, stays a Message.
    """

    template: str
    values: tuple[str, ...]

    def __new__(cls, template: str, *values: object) -> Message:
        """The sentence, as plain English to whoever takes it for a text."""
        texts = tuple(str(value) for value in values)
        self = super().__new__(cls, template.format(*texts) if texts else template)
        self.template, self.values = template, texts
        return self

    def __getnewargs__(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.template, *self.values)

    def __str__(self) -> str:
        """The message itself, so that ``str(error)`` does not lose its template."""
        return self

    def map_text(self, change: Callable[[str], str]) -> Message:
        """The message with ``change`` applied to all text of others in it.

        Where that would not change the whole text alike, the text stays and the template goes.
        """
        values = [
            value.map_text(change) if isinstance(value, Message) else change(value)
            for value in self.values
        ]
        message, text = Message(self.template, *values), change(str.__str__(self))
        return message if message == text else verbatim(text)


class MessageError(Exception):
    """An exception whose text a user may come to read."""

    def __init__(self, message: Message) -> None:
        """Raise it with what the user is told."""
        super().__init__(message)
        self.message = message


def verbatim(text: str) -> Message:
    """The words of another program, or a name, as a message; it is never translated."""
    return text if isinstance(text, Message) else Message(_VERBATIM_TEMPLATE, text)


def joined(messages: Sequence[str]) -> Message:
    """Messages as one, with semicolons between them; there must be one at least."""
    return reduce(lambda left, right: Message("{0}; {1}", left, right), map(verbatim, messages))


def without_full_stop(sentence: str) -> Message:
    """A sentence without its full stop, to have another one put behind it."""
    message = verbatim(sentence)
    last = len(message.values) - 1
    if not message.endswith("."):
        return message
    if not message.template.endswith(f"{{{last}}}"):
        return verbatim(message.rstrip("."))
    last_value = message.values[last]
    last_value = (
        without_full_stop(last_value) if isinstance(last_value, Message) else last_value.rstrip(".")
    )
    return Message(message.template, *message.values[:last], last_value)


def to_json(message: Message) -> dict[str, Any]:
    """What lets another process rebuild a message: ``message`` in English, template and values."""
    values = [to_json(each) if isinstance(each, Message) else each for each in message.values]
    return {"message": str.__str__(message), "template": message.template, "values": values}


def from_json(data: Mapping[str, object]) -> Message:
    """The English text in ``said``, with template and values where these give just this text.

    Whoever sent it may be hostile. A template counts only within limits of size and depth, and with
    plain holes alone; then no translation says anything but what the English text does, and a
    template that is not in the catalogue has none.
    """
    text = data.get("message")
    text = text if isinstance(text, str) else ""
    message = _rebuild(data, _MAX_DEPTH)
    return message if message is not None and message == text else verbatim(text)


def _rebuild(data: Mapping[str, object], depth: int) -> Message | None:
    template, values = data.get("template"), data.get("values")
    if not isinstance(template, str) or not isinstance(values, list) or not depth:
        return None
    if len(template) > _MAX_TEMPLATE_CHARS or len(values) > _MAX_VALUES:
        return None
    placeholders = [int(number) for number in _PLACEHOLDER.findall(template)]
    # Each value stands in the text once, which bounds the text.
    if sorted(placeholders) != list(range(len(values))):
        return None
    if values and template.count("{") + template.count("}") != 2 * len(placeholders):
        return None
    texts: list[str] = []
    for value in values:
        text = _rebuild(value, depth - 1) if isinstance(value, Mapping) else value
        if not isinstance(text, str) or len(text) > _MAX_VALUE_CHARS:
            return None
        texts.append(text)
    return Message(template, *texts)
