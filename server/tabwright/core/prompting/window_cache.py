"""The windows of earlier requests in one document, so that a revisit needs no new prefill.

A new window is small at first, because all of it must be computed before the first answer. The
window with the whole budget is computed in the background afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tabwright.core.prompting.context import WINDOW_HEAD_CHARS, Budget, Window, build_window
from tabwright.core.text import line_span

_MAX_WINDOWS = 8
_SMALL_BUDGET = Budget(prefix_chars=1200, suffix_chars=500, snippet_chars=0)


@dataclass(frozen=True)
class CachedWindow:
    """A window that the engine has computed, and the budget it was built with."""

    window: Window
    budget: Budget


class WindowCache:
    """The last windows of one document, the newest last; not thread-safe."""

    def __init__(self) -> None:
        """Create an empty cache."""
        self._windows: tuple[CachedWindow, ...] = ()

    def find(
        self, text: str, offset: int, before: str = "", after: str = ""
    ) -> CachedWindow | None:
        """Return the newest window that ``build_window`` would begin with at this cursor, or None.

        ``before`` and ``after`` are a notebook's other cells.
        """
        for cached in reversed(self._windows):
            budget, previous = cached.budget, cached.window
            window = build_window(
                text, offset, budget, before=before, after=after, previous=previous
            )
            if _same_head(window, previous):
                return cached
        return None

    def add(self, window: Window, budget: Budget) -> None:
        """Add a window built with ``budget``; it replaces those with the same start."""
        others = (one for one in self._windows if not _same_head(one.window, window))
        self._windows = (*others, CachedWindow(window, budget))[-_MAX_WINDOWS:]

    def clear(self) -> None:
        """Remove all windows."""
        self._windows = ()


def small_budget(budget: Budget, text: str) -> Budget:
    """Return the budget of the first window in a text; never larger than ``budget``.

    A text that nearly fits gets the whole budget at once (without snippets), as little is saved.
    """
    smaller = Budget(
        min(budget.prefix_chars, _SMALL_BUDGET.prefix_chars),
        min(budget.suffix_chars, _SMALL_BUDGET.suffix_chars),
        _SMALL_BUDGET.snippet_chars,
    )
    fits_nearly_whole = len(text) <= 2 * (smaller.prefix_chars + smaller.suffix_chars)
    return replace(budget, snippet_chars=0) if fits_nearly_whole else smaller


def _same_head(one: Window, other: Window) -> bool:
    """Tell whether two prompts begin alike: the suffix after the cursor's line, then the prefix.

    Of the prefixes the first WINDOW_HEAD_CHARS characters are compared, as far as both have them.
    """
    length = min(len(one.prefix), len(other.prefix), WINDOW_HEAD_CHARS)
    return _following(one) == _following(other) and one.prefix[:length] == other.prefix[:length]


def _following(window: Window) -> str:
    return window.suffix[line_span(window.suffix, 0).end :]
