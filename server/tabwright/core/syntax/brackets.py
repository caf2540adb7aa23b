"""Count open brackets in code, ignoring strings and comments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tabwright.core.languages import Language

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_LONG_QUOTES = ('"""', "'''", "`")


@dataclass(frozen=True)
class BracketScan:
    """The open brackets of a text, innermost last, and the quote of a string open at its end.

    ``unmatched`` holds the offsets of closers without an opener in the text.
    """

    open: tuple[str, ...]
    unmatched: tuple[int, ...]
    quote: str = ""

    @property
    def imbalance(self) -> int:
        """The number of brackets without a partner."""
        return len(self.open) + len(self.unmatched)

    @property
    def missing(self) -> str:
        """The closers for all open brackets, innermost first."""
        return "".join(CLOSER_OF[opener] for opener in reversed(self.open))


@lru_cache(maxsize=16)
def _pattern(language: Language) -> re.Pattern[str]:
    alternatives = []
    if language.block_comment:
        start, end = (re.escape(sign) for sign in language.block_comment)
        alternatives.append(f"{start}(?s:.)*?(?:{end}|\\Z)")
    if language.line_comment:
        alternatives.append(re.escape(language.line_comment) + r"[^\n]*")
    for quote in sorted(language.quotes, key=len, reverse=True):
        sign = re.escape(quote)
        if quote in _LONG_QUOTES:
            alternatives.append(f"{sign}(?s:\\\\.|(?!{sign}).)*(?:{sign})?")
        else:
            alternatives.append(f"{sign}(?:\\\\[^\\n]|[^{sign}\\\\\\n])*{sign}?")
    alternatives.append(r"[()\[\]{}]")
    return re.compile("|".join(alternatives))


def scan(text: str, language: Language) -> BracketScan:
    """Find the unpaired brackets of ``text`` outside strings and comments, in linear time."""
    stack: list[str] = []
    unmatched: list[int] = []
    quote = ""
    for found in _pattern(language).finditer(text):
        piece = found[0]
        if piece in CLOSER_OF:
            stack.append(piece)
        elif piece in ")]}":
            if stack and CLOSER_OF[stack[-1]] == piece:
                stack.pop()
            else:
                unmatched.append(found.start())
        elif found.end() == len(text):
            quote = _open_quote(piece, language)
    return BracketScan(tuple(stack), tuple(unmatched), quote)


def _open_quote(piece: str, language: Language) -> str:
    for quote in sorted(language.quotes, key=len, reverse=True):
        if piece.startswith(quote):
            inside = piece[len(quote) :]
            closed = inside.endswith(quote) and not _escaped(inside[: -len(quote)])
            return "" if closed else quote
    return ""


def _escaped(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1
