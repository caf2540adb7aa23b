"""Find snippets in other files that resemble the text around the cursor, by Jaccard similarity."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_COMMON_WORDS = frozenset(
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
WINDOW_LINES = 50
MAX_SIMILARITY = 0.5
STEP_LINES = 25
_MAX_FILE_CHARS = 200_000


def identifier_words(text: str) -> frozenset[str]:
    """Return the lower-case words of a text's identifiers; camelCase and snake_case are split."""
    return frozenset(word.lower() for word in _WORD.findall(text)) - _COMMON_WORDS


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Return the number of shared words over all words, 0 to 1; 0 if both are empty."""
    union_size = len(left | right)
    return len(left & right) / union_size if union_size else 0.0


def best_window(text: str, target_words: frozenset[str], max_chars: int) -> tuple[float, str]:
    """Return the similarity and text of the WINDOW_LINES lines most similar to ``target_words``.

    Longer windows are cut at a line end within ``max_chars``. Windows over MAX_SIMILARITY are
    skipped, because a model repeats them. ``(0.0, "")`` if nothing fits.
    """
    best = (0.0, "")
    for window, window_words in _windows(text[:_MAX_FILE_CHARS], max_chars):
        score = jaccard(window_words, target_words)
        if best[0] < score <= MAX_SIMILARITY:
            best = (score, window)
    return best


@lru_cache(maxsize=32)
def _windows(text: str, max_chars: int) -> Sequence[tuple[str, frozenset[str]]]:
    lines = [line + "\n" for line in text.removesuffix("\n").split("\n")]
    found = []
    for start in range(0, max(1, len(lines) - STEP_LINES), STEP_LINES):
        window = "".join(lines[start : start + WINDOW_LINES])[:max_chars]
        if len(window) == max_chars:
            window = window[: window.rfind("\n") + 1]
        if window.strip():
            found.append((window, identifier_words(window)))
    return found
