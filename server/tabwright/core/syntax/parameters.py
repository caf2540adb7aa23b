"""Parse the parameters of functions in the notation of each language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Style = Literal["bare", "colon", "type first", "type last"]

_MAX_CHARS = 4_000
_CLOSERS = {")": "(", "]": "[", "}": "{", ">": "<"}
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\]){0,500}+\"|'(?:\\.|[^'\\]){0,500}+'|->|=>|<=|>=")
_MODIFIERS = re.compile(
    r"(?:@\w+(?:\([^()]*\))?\s++|\b(?:public|private|protected|readonly|final|mut"
    r"|ref|out|in|params|vararg|noinline|crossinline|required|covariant|this(?=\s++\w)"
    r"|val|var|inout|borrowing|consuming)\s++)+"
)
_LAST_NAME = re.compile(r"(?<![\w$])(?P<name>[\w$]++)(?P<array>(?:\s*+\[[^\[\]]*+\])*+)\s*+$")


@dataclass(frozen=True)
class Parameter:
    """One parameter; ``type`` may be ""; the name keeps its sign (``*args``, ``...rest``)."""

    name: str
    type: str = ""


def split(text: str, separator: str = ",") -> list[str]:
    """Split ``text`` at separators outside brackets and strings; reads 4,000 characters at most."""
    parts: list[str] = []
    stack: list[str] = []
    text = text[:_MAX_CHARS]
    start = at = 0
    while at < len(text):
        quoted = _QUOTED.match(text, at)
        if quoted:
            at = quoted.end()
            continue
        char = text[at]
        if char in "([{<":
            stack.append(char)
        elif char in _CLOSERS and stack and stack[-1] == _CLOSERS[char]:
            stack.pop()
        elif char == separator and not stack:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    parts.append(text[start:])
    return [part.strip() for part in parts]


def parse(text: str, style: Style) -> tuple[Parameter, ...]:
    """Parse the text between the round brackets."""
    pieces = [" ".join(piece.split()) for piece in split(text)]
    found = [
        _PARSERS[style](piece) for piece in pieces if piece and piece not in ("void", "/", "*")
    ]
    return _with_shared_types(found) if style == "type last" else tuple(found)


def _without_default(piece: str) -> str:
    return split(piece, "=")[0]


def _bare(piece: str) -> Parameter:
    return Parameter(_without_default(piece))


def _colon(piece: str) -> Parameter:
    head = _without_default(piece)
    name, *type_ = split(head, ":")
    name = _MODIFIERS.sub("", name).strip()
    # Of Swift's "label name: Type" the body uses the name.
    label = re.fullmatch(r"[\w]+ ([\w]+)", name)
    name = label[1] if label else name.removesuffix("?")
    return Parameter(name, ":".join(type_).strip())


def _type_first(piece: str) -> Parameter:
    head = _without_default(piece)
    head = _MODIFIERS.sub("", head + " ").strip() or head
    found = _LAST_NAME.search(head)
    if found is None:
        return Parameter(head)
    before = head[: found.start()].rstrip("$").strip()
    if not before and not piece.lstrip("&.").startswith("$"):
        return Parameter(found["name"])
    type_ = before + found["array"].replace(" ", "")
    return Parameter(found["name"], type_.strip())


def _type_last(piece: str) -> Parameter:
    name, _, type_ = piece.partition(" ")
    return Parameter(name, type_.strip())


def _with_shared_types(found: list[Parameter]) -> tuple[Parameter, ...]:
    """Give each parameter without a type the type of the next one, as in Go's ``a, b int``."""
    if not any(parameter.type for parameter in found):
        return tuple(Parameter("", parameter.name) for parameter in found)
    resolved: list[Parameter] = []
    type_ = ""
    for parameter in reversed(found):
        type_ = parameter.type or type_
        resolved.append(Parameter(parameter.name, type_))
    return tuple(reversed(resolved))


_PARSERS = {"bare": _bare, "colon": _colon, "type first": _type_first, "type last": _type_last}
