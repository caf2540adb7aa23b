"""The windows that were asked about in one document, so that a revisit costs nothing.

A new one is small at first, since all of it must be computed before the first
answer; the whole budget follows once the engine has computed it with nobody waiting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tabwright.core.prompting.context import WINDOW_HEAD_CHARS, Budget, Window, build_window
from tabwright.core.text import line_span

_MAX_WINDOWS = 8
_SMALL_BUDGET = Budget(prefix_chars=1200, suffix_chars=500, snippet_chars=0)


@dataclass(frozen=True)
class CachedWindow:
    """A window whose tokens the engine has, and the budget it was cut by."""

    window: Window
    budget: Budget


class WindowCache:
    """The last windows of one document, the newest last. Not to be used by two threads at once."""

    def __init__(self) -> None:
        """Start with none."""
        self._windows: tuple[CachedWindow, ...] = ()

    def find(
        self, text: str, offset: int, before: str = "", after: str = ""
    ) -> CachedWindow | None:
        """The newest window that `build` would begin with here, most of whose tokens are computed.

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
        """Keep a window that was cut by ``budget``; one that begins alike, as it was before
        something was typed, goes."""
        others = (one for one in self._windows if not _same_head(one.window, window))
        self._windows = (*others, CachedWindow(window, budget))[-_MAX_WINDOWS:]

    def clear(self) -> None:
        """Forget all."""
        self._windows = ()


def small_budget(budget: Budget, text: str) -> Budget:
    """The budget of a first window in a text, no larger than the whole one.

    A text that fits into it nearly whole gets it at once: little would be saved.
    """
    smaller = Budget(
        min(budget.prefix_chars, _SMALL_BUDGET.prefix_chars),
        min(budget.suffix_chars, _SMALL_BUDGET.suffix_chars),
        _SMALL_BUDGET.snippet_chars,
    )
    fits_nearly_whole = len(text) <= 2 * (smaller.prefix_chars + smaller.suffix_chars)
    return replace(budget, snippet_chars=0) if fits_nearly_whole else smaller


def _same_head(one: Window, other: Window) -> bool:
    """Whether what stands first in a prompt is the same: what follows the cursor's line, and then
    the start of the window, as far as both have one.
    """
    length = min(len(one.prefix), len(other.prefix), WINDOW_HEAD_CHARS)
    return _following(one) == _following(other) and one.prefix[:length] == other.prefix[:length]


def _following(window: Window) -> str:
    return window.suffix[line_span(window.suffix, 0).end :]
