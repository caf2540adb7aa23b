"""Snippets of other open files that resemble the text around the cursor, by Jaccard similarity."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_COMMON = frozenset(
    {
        "if",
        "else",
        "for",
        "while",
        "in",
        "is",
        "not",
        "and",
        "or",
        "def",
        "class",
        "return",
        "new",
        "import",
        "from",
        "self",
        "this",
        "none",
        "null",
        "true",
        "false",
        "let",
        "const",
        "var",
        "function",
        "try",
        "except",
        "catch",
        "the",
        "a",
        "of",
        "to",
    }
)
LINES = 50
TOO_SIMILAR = 0.5
STEP = 25
_LONGEST_FILE = 200_000


def words(text: str) -> frozenset[str]:
    """The words of identifiers in ``text``: camelCase and snake_case split, lower case."""
    return frozenset(word.lower() for word in _WORD.findall(text)) - _COMMON


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Shared words over all words, 0 to 1; 0 when both are empty."""
    together = len(left | right)
    return len(left & right) / together if together else 0.0


def best_window(text: str, about: frozenset[str], max_chars: int) -> tuple[float, str]:
    """The window of LINES lines of ``text`` most like ``about``, with its similarity.

    Longer windows are cut at a line end within ``max_chars``. Windows too like it are passed over:
    a model repeats them. ``(0.0, "")`` when nothing fits.
    """
    best = (0.0, "")
    for window, its_words in _windows(text[:_LONGEST_FILE], max_chars):
        score = jaccard(its_words, about)
        if best[0] < score <= TOO_SIMILAR:
            best = (score, window)
    return best


@lru_cache(maxsize=32)
def _windows(text: str, max_chars: int) -> Sequence[tuple[str, frozenset[str]]]:
    lines = [line + "\n" for line in text.removesuffix("\n").split("\n")]
    found = []
    for start in range(0, max(1, len(lines) - STEP), STEP):
        window = "".join(lines[start : start + LINES])[:max_chars]
        if len(window) == max_chars:
            window = window[: window.rfind("\n") + 1]
        if window.strip():
            found.append((window, words(window)))
    return found
