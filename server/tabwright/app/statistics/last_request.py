"""The report on past requests: the reason for the last result, and the counts."""

from __future__ import annotations

from collections.abc import Mapping

from tabwright.app.completion.query import CACHE, IN_FLIGHT, MODEL, NONE, CompletionResult, nothing
from tabwright.core.message import Message

_USAGE = (
    "prompt_tokens",
    "completion_tokens",
    "reused_tokens",
    "computed_tokens",
    "queue_ms",
    "prefill_ms",
    "decode_ms",
)


class LastRequestReport:
    """Remembers the last result, and counts where answers came from."""

    def __init__(self) -> None:
        """Start without any request."""
        self._action: dict[str, object] | None = None
        self._last: tuple[CompletionResult, str, tuple[int, int]] | None = None
        self._counts = {MODEL: 0, CACHE: 0, IN_FLIGHT: 0, NONE: 0}

    def note(self, result: CompletionResult, uri: str, position: tuple[int, int]) -> None:
        """Remember a result; ``position`` is the client's line and character."""
        self._last = result, uri, position
        self._counts[result.source] += 1

    def note_refusal(
        self, reason: Message, detail: Message, uri: str, position: tuple[int, int]
    ) -> None:
        """Remember why nothing was offered at a place; counts as no request."""
        self._last = nothing(reason, detail), uri, position

    def note_action(self, figures: Mapping[str, object]) -> None:
        """Remember the outcome of the last action."""
        self._action = dict(figures)

    def why(self) -> dict[str, object]:
        """Explain the last request's result; unknown figures are None."""
        if self._last is None:
            empty = {"reason": Message("nothing was asked yet"), "detail": "", "source": NONE}
            return {**empty, "action": self._action}
        result, uri, (line, character) = self._last
        found: dict[str, object] = {
            "reason": result.reason,
            "detail": result.detail,
            "uri": uri,
            "position": {"line": line, "character": character},
            "ms": round(result.ms, 1),
            "shown": len(result.edits),
            "source": result.source,
            "action": self._action,
        }
        return {**found, **{key: getattr(result.usage, key, None) for key in _USAGE}}

    def figures(self) -> dict[str, object]:
        """Return the counts; ``no_model_share``: the share of answers given without the model."""
        free = self._counts[CACHE] + self._counts[IN_FLIGHT]
        answered = free + self._counts[MODEL]
        return {
            "last_ms": round(self._last[0].ms, 1) if self._last else None,
            "requests": sum(self._counts.values()),
            "sources": dict(self._counts),
            "no_model_share": round(free / answered, 3) if answered else None,
        }
