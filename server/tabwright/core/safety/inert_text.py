"""Make untrusted text safe to display: no hidden characters, terminal codes, command links."""

from __future__ import annotations

import re

# Control characters except tab and line ends, and characters that are invisible or change the
# display order.
_HIDDEN_RANGES = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN = re.compile(f"[{_HIDDEN_RANGES}]")
# Joiners and variation selectors are harmless only within emoji and some scripts.
_JOINERS = re.compile("[\u200c\u200d\ufe00-\ufe0f]")
_ESCAPES = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,16}[@-~]|\x1b[\]PX^_][^\x07\x1b\x9c\n]{0,2000}(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]{0,4}[0-~]|\x9b[0-?]{0,64}[ -/]{0,16}[@-~]"
)
_LINK = re.compile(r"\]\((?!https?://)")
_SPACES = re.compile(r"[\t\r\n\v\f\x85\u2028\u2029]+")
_MAX_CHARACTERS = 4000


def without_hidden(text: str) -> str:
    """Return the text without terminal codes and hidden characters; keep line ends and tabs."""
    if text.isascii() and text.isprintable():
        return text
    text = _HIDDEN.sub("", _ESCAPES.sub("", text))
    return (
        text if text.isascii() else _JOINERS.sub(lambda found: _allowed_joiner(text, found), text)
    )


def inert_line(text: str) -> str:
    """Return the text as one line for a title or label; see ``inert_message``."""
    return inert_message(_SPACES.sub(" ", text))


def inert_message(text: str) -> str:
    """Return the text as a message of at most 4,000 characters.

    Editors turn ``[text](command:name)`` in messages into links; only http and https links remain.
    """
    text = without_hidden(text)
    if len(text) > _MAX_CHARACTERS:
        text = f"{text[:_MAX_CHARACTERS]}…"
    return _LINK.sub("] (", text) if "](" in text else text


def hidden_character_in(text: str, known: str) -> str:
    """Return the first hidden character of ``text`` that ``known`` does not have, else "".

    Such characters make code look different from what is compiled (CVE-2021-42574).
    """
    if text.isascii() and _HIDDEN.search(text) is None:
        return ""
    for found in _HIDDEN.finditer(text):
        if found[0] not in known and found[0] not in "\x0c":
            return found[0]
    for found in _JOINERS.finditer(text):
        if found[0] not in known and not _allowed_joiner(text, found):
            return found[0]
    return ""


def _allowed_joiner(text: str, found: re.Match[str]) -> str:
    """Return the joiner if it follows a non-ASCII character, else ""."""
    before = text[found.start() - 1 : found.start()] if found.start() else ""
    return found[0] if before and (not before.isascii() or found[0] == "\ufe0f") else ""
