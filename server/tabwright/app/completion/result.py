"""The result of one completion request: the suggestions, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass

from tabwright.client.engine import Usage
from tabwright.core.message import Message
from tabwright.core.text import Edit

MODEL, CACHE, IN_FLIGHT, NONE = "model", "cache", "in flight", "none"
SHOWN = Message("shown")
SUPERSEDED = Message("a newer request came")
KEPT_OUT = Message("this file is kept from the model")


@dataclass(frozen=True)
class CompletionResult:
    """Edits, best first, and a sentence on why just these.

    ``source`` is "model", "cache", "in flight" or "none". ``problem`` names a kind of failure that
    the user should hear of, "" when nothing is wrong.
    """

    edits: tuple[Edit, ...] = ()
    reason: str = SHOWN
    detail: str = ""
    source: str = NONE
    usage: Usage | None = None
    problem: str = ""
    ms: float = 0.0


def nothing(
    reason: str, detail: str = "", *, problem: str = "", source: str = NONE
) -> CompletionResult:
    """A result without suggestions."""
    return CompletionResult(reason=reason, detail=detail, problem=problem, source=source)
