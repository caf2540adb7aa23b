"""Choose the text around the cursor for the prompt, so that typing changes little of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tabwright.core.prompting.similar import best_window, identifier_words
from tabwright.core.text import line_span

_MAX_SNIPPETS = 2
_MIN_SIMILARITY = 0.08
_COMPARED_WORDS = 50
WINDOW_HEAD_CHARS = 200  # characters by which the start of a window is recognized
_CODE = re.compile(r"[\w+\-*/=<.@&|%#]")


@dataclass(frozen=True)
class Document:
    """Another file that the privacy rules allow; ``uri`` is "" if it is not open."""

    path: str
    language_id: str
    text: str
    uri: str = ""


@dataclass(frozen=True)
class Window:
    """The text before and after the cursor for a prompt, and snippets of other files."""

    prefix: str
    suffix: str
    snippets: tuple[Document, ...] = ()


@dataclass(frozen=True)
class Budget:
    """The maximum number of characters of each part of a window."""

    prefix_chars: int = 4000
    suffix_chars: int = 1500
    snippet_chars: int = 1200


def build_window(
    text: str,
    offset: int,
    budget: Budget,
    *,
    others: Sequence[Document] = (),
    before: str = "",
    after: str = "",
    previous: Window | None = None,
) -> Window:
    """Return the window around ``offset``; takes time by the budget, not by the text's length.

    ``before`` and ``after`` are a notebook's other cells. ``previous`` is the last window of the
    same document; its start, suffix and snippets are kept where they still fit, for the KV cache.
    """
    prefix = _prefix(text, offset, budget.prefix_chars, before, previous)
    rest, following = _suffix(text, offset, budget.suffix_chars, after)
    if previous is not None:
        following = _pinned_following(previous.suffix, rest, following)
    suffix = rest + following
    kept = _kept_snippets(prefix, previous, others)
    if kept is None:
        kept = _snippets(prefix, suffix, others, budget.snippet_chars)
    return Window(prefix, suffix, kept)


def _prefix(text: str, offset: int, chars: int, before: str, previous: Window | None) -> str:
    if before:
        # The cells count as one text, so that block boundaries do not move in the notebook.
        before = before if before.endswith("\n") else before + "\n"
        text, offset = before + text[:offset], len(before) + offset
    step = max(1, chars // 2)
    kept = _kept_start(text, offset, chars, previous)
    if kept is not None:
        return text[kept:offset]
    if offset <= chars:
        return text[:offset]
    # The start moves in whole blocks, so that it stays while the user types, then to a line start.
    start = (offset - step) // step * step
    newline = text.find("\n", start - 1, start + step // 2)
    return text[newline + 1 if newline >= 0 else start : offset]


def _kept_start(text: str, offset: int, chars: int, previous: Window | None) -> int | None:
    """Return the start of the last window if its text is still there and its length still fits."""
    head = previous.prefix[:WINDOW_HEAD_CHARS] if previous is not None else ""
    if len(head) < WINDOW_HEAD_CHARS:
        return None
    latest = offset - chars // 4
    found = text.find(head, max(0, offset - chars), max(0, latest) + WINDOW_HEAD_CHARS)
    return found if 0 <= found <= latest else None


def _suffix(text: str, offset: int, chars: int, after: str) -> tuple[str, str]:
    """Return the rest of the cursor's line, and the text from its line end on.

    The latter is cut by its own length, so that it stays the same while the line is typed.
    """
    line = text[offset : offset + chars]
    end = min((at for at in (line.find("\n"), line.find("\r")) if at >= 0), default=len(line))
    rest = line[:end]
    if end == chars:
        return rest, ""
    following = text[offset + end : offset + end + chars + 1]
    if after and len(following) <= chars:
        separator = "" if following.endswith("\n") else "\n"
        following += separator + after[: chars + 1 - len(following)]
    if len(following) <= chars:
        return rest, following
    cut = following.rfind("\n", 0, chars)
    return rest, following[: cut + 1] if cut >= chars // 2 else following[:chars]


def _pinned_following(old_suffix: str, rest: str, following: str) -> str:
    """Return the previous following text if it is nearly the same and the line end is unchanged."""
    old_line = line_span(old_suffix, 0).end
    old_rest, old = old_suffix[:old_line], old_suffix[old_line:]
    if old == following or not _differ_in_closers_only(old_rest, rest):
        return following
    left, right = old.split(None, _COMPARED_WORDS), following.split(None, _COMPARED_WORDS)
    left, right = left[:_COMPARED_WORDS], right[:_COMPARED_WORDS]
    if not left or not right or left[0] != right[0]:
        return following
    different = abs(len(left) - len(right))
    different += sum(a != b for a, b in zip(left, right, strict=False))
    return old if different < max(len(left), len(right)) / 10 else following


def _differ_in_closers_only(old: str, new: str) -> bool:
    return old == new or not (_CODE.search(old) or _CODE.search(new))


def _kept_snippets(
    prefix: str, previous: Window | None, others: Sequence[Document]
) -> tuple[Document, ...] | None:
    if previous is None or not previous.snippets:
        return None
    shared = min(len(prefix), len(previous.prefix), WINDOW_HEAD_CHARS)
    if prefix[:shared] != previous.prefix[:shared]:
        return None
    open_paths = {other.path for other in others}
    if not all(snippet.path in open_paths for snippet in previous.snippets):
        return None
    return previous.snippets


def _snippets(
    prefix: str, suffix: str, others: Sequence[Document], chars: int
) -> tuple[Document, ...]:
    if not others or chars <= 0:
        return ()
    around = identifier_words(prefix[-2000:] + suffix[:500])
    scored = []
    for other in others:
        score, text = best_window(other.text, around, chars // _MAX_SNIPPETS)
        if score >= _MIN_SIMILARITY:
            scored.append((score, Document(other.path, other.language_id, text)))
    scored.sort(key=lambda pair: pair[0])
    return tuple(document for _, document in scored[-_MAX_SNIPPETS:])  # best last
