"""Which text around the cursor goes into a prompt, chosen so that typing changes little of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tabwright.core.similar import best_window, words
from tabwright.core.text import line_span

_MOST_SNIPPETS = 2
_LEAST_SIMILAR = 0.08
_TOO_SIMILAR = 0.5
_PINNED_WORDS = 50
_HEAD = 200


@dataclass(frozen=True)
class Document:
    """Another open file, already allowed by the privacy rules."""

    path: str
    language_id: str
    text: str


@dataclass(frozen=True)
class Window:
    """The text before and after the cursor that a prompt is made of; snippets go in front."""

    prefix: str
    suffix: str
    snippets: tuple[Document, ...] = ()


@dataclass(frozen=True)
class Budget:
    """Most characters of each part of a window."""

    prefix_chars: int = 4000
    suffix_chars: int = 1500
    snippet_chars: int = 1200


def build(
    text: str,
    offset: int,
    budget: Budget,
    *,
    others: Sequence[Document] = (),
    before: str = "",
    after: str = "",
    previous: Window | None = None,
) -> Window:
    """The window around ``offset``; costs what the budget allows, whatever the text's length.

    ``before`` and ``after`` are a notebook's other cells. ``previous`` is the last window of the
    same document: its start, suffix and snippets are kept where they still fit.
    """
    prefix = _prefix(text, offset, budget.prefix_chars, before, previous)
    suffix = _suffix(text, offset, budget.suffix_chars, after)
    if previous is not None and _still_fits(previous.suffix, suffix):
        suffix = previous.suffix
    kept = _kept_snippets(prefix, previous, others)
    if kept is None:
        kept = _snippets(prefix, suffix, others, budget.snippet_chars)
    return Window(prefix, suffix, kept)


def _prefix(text: str, offset: int, chars: int, before: str, previous: Window | None) -> str:
    base = len(before)
    full = before + text[:offset] if before else text
    end = base + offset
    step = max(1, chars // 2)
    earliest, latest = max(0, end - chars), max(0, end - step)
    kept = _kept_start(full, earliest, latest, previous) if previous is not None else None
    if kept is not None:
        return full[kept:end]
    if earliest == 0 and end <= chars:
        return full[:end]
    start = latest // step * step  # jumps by whole blocks, so it stays while the user types
    newline = full.find("\n", start, min(start + step // 2, end))
    return full[newline + 1 if newline >= 0 else start : end]


def _kept_start(full: str, earliest: int, latest: int, previous: Window | None) -> int | None:
    if previous is None:
        return None
    head = previous.prefix[:_HEAD]
    if len(head) < _HEAD:
        return None
    found = full.find(head, earliest, latest + _HEAD)
    return found if 0 <= found <= latest else None


def _suffix(text: str, offset: int, chars: int, after: str) -> str:
    suffix = text[offset : offset + chars + 1]
    if after and len(suffix) <= chars:
        suffix += after[: chars + 1 - len(suffix)]
    if len(suffix) <= chars:
        return suffix
    cut = suffix.rfind("\n", 0, chars)
    return suffix[: cut + 1] if cut >= chars // 2 else suffix[:chars]


def _still_fits(old: str, new: str) -> bool:
    if old == new:
        return True
    span_old, span_new = line_span(old, 0), line_span(new, 0)
    if old[: span_old.end] != new[: span_new.end]:
        return False
    left, right = old.split(None, _PINNED_WORDS), new.split(None, _PINNED_WORDS)
    left, right = left[:_PINNED_WORDS], right[:_PINNED_WORDS]
    if not left or not right or left[0] != right[0]:
        return False
    longest = max(len(left), len(right))
    different = sum(a != b for a, b in zip(left, right, strict=False))
    different += abs(len(left) - len(right))
    return different < longest / 10


def _kept_snippets(
    prefix: str, previous: Window | None, others: Sequence[Document]
) -> tuple[Document, ...] | None:
    if previous is None or not previous.snippets:
        return None
    shared = min(len(prefix), len(previous.prefix), _HEAD)
    if prefix[:shared] != previous.prefix[:shared]:
        return None
    open_now = {other.path for other in others}
    if not all(snippet.path in open_now for snippet in previous.snippets):
        return None
    return previous.snippets


def _snippets(
    prefix: str, suffix: str, others: Sequence[Document], chars: int
) -> tuple[Document, ...]:
    if not others or chars <= 0:
        return ()
    around = words(prefix[-2000:] + suffix[:500])
    scored = []
    for other in others:
        score, text = best_window(other.text, around, chars // _MOST_SNIPPETS)
        if _LEAST_SIMILAR <= score <= _TOO_SIMILAR:
            scored.append((score, Document(other.path, other.language_id, text)))
    scored.sort(key=lambda pair: pair[0])
    return tuple(document for _, document in scored[-_MOST_SNIPPETS:])  # best last
