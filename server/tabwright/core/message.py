"""Messages for the user: English text that keeps its template and values for translation.

A sentence that a user may see is a ``Message`` where it is created, in whatever package or process.
Its template is its id in the catalogue of translations (``tabwright.lsp.localisation``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

# Limits for a message from another process, which may be hostile.
_MAX_TEMPLATE_CHARS = 600
_MAX_VALUE_CHARS = 2000
_MAX_VALUES = 8
_MAX_DEPTH = 8
_PLACEHOLDER = re.compile(r"\{(\d)\}")
_VERBATIM_TEMPLATE = "{0}"


class Message(str):
    """An English sentence that keeps its template and the values in it.

    ``values`` replace ``{0}``, ``{1}`` and so on in the template. They are kept as text; a value
    that is a Message, or an exception with one, stays a Message.
    """

    template: str
    values: tuple[str, ...]

    def __new__(cls, template: str, *values: object) -> Message:
        """Format the template; as a str the result is the English sentence."""
        texts = tuple(str(value) for value in values)
        self = super().__new__(cls, template.format(*texts) if texts else template)
        self.template, self.values = template, texts
        return self

    def __getnewargs__(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.template, *self.values)

    def __str__(self) -> str:
        """Return the message itself, so that ``str(error)`` keeps its template."""
        return self

    def map_text(self, change: Callable[[str], str]) -> Message:
        """Return the message with ``change`` applied to the text of its values.

        If ``change`` of the whole sentence gives another text, that text is returned verbatim.
        """
        values = [
            value.map_text(change) if isinstance(value, Message) else change(value)
            for value in self.values
        ]
        message, text = Message(self.template, *values), change(str.__str__(self))
        return message if message == text else verbatim(text)


class MessageError(Exception):
    """An exception whose text may be shown to a user."""

    def __init__(self, message: Message) -> None:
        """Create it with the message for the user."""
        super().__init__(message)
        self.message = message


def verbatim(text: str) -> Message:
    """Return text of another program, or a name, as a message that is never translated."""
    return text if isinstance(text, Message) else Message(_VERBATIM_TEMPLATE, text)


def joined(messages: Sequence[str]) -> Message:
    """Join one or more messages with semicolons."""
    return reduce(lambda left, right: Message("{0}; {1}", left, right), map(verbatim, messages))


def without_full_stop(sentence: str) -> Message:
    """Return a sentence without its full stop, so that another one can follow."""
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
    """Return the JSON form of a message: ``message`` in English, ``template`` and ``values``."""
    values = [to_json(each) if isinstance(each, Message) else each for each in message.values]
    return {"message": str.__str__(message), "template": message.template, "values": values}


def from_json(data: Mapping[str, object]) -> Message:
    """Rebuild a message from its JSON form; the sender may be hostile.

    Template and values count only within limits of size and depth, with plain placeholders, and if
    they give exactly the English text; otherwise that text is returned verbatim. So a translation
    never says anything else than the English text.
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
    # Each value is used once, which bounds the length of the text.
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
