"""The client's view of an engine: request, answer, usage, errors and the `Engine` protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tabwright.core.message import MessageError
from tabwright.core.prompting.prompt import Prompt
from tabwright.core.task import ModelInfo

MODEL_MISSING, NOT_ALLOWED = "model_missing", "not_allowed"
OnText = Callable[[int, str], None]
"""Called with the index of a candidate and the text that was added to it."""


@dataclass(frozen=True)
class Request:
    """One completion to compute; ``max_tokens`` 0 only warms up the engine's cache.

    ``avoid`` holds rejected answers: the new one must begin differently from each. ``prediction``
    is a text that the answer will resemble, such as the code to edit; it only saves time. ``seed``
    makes sampled answers to one prompt differ.
    """

    model: str
    prompt: Prompt
    max_tokens: int
    stop: tuple[str, ...] = ()
    suffix_stop: str = ""
    heal: bool = True
    temperature: float = 0.0
    seed: int = 0
    n: int = 1
    lane: str = "newest"
    session: str = ""
    avoid: tuple[str, ...] = ()
    prediction: str = ""


@dataclass(frozen=True)
class Usage:
    """Cost of an answer: tokens, and milliseconds of each stage (0 where it is unknown)."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reused_tokens: int = 0
    computed_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0


@dataclass(frozen=True)
class Answer:
    """The candidates' texts, why each ended (``stop``, ``length``, ``cancelled``), and usage."""

    texts: tuple[str, ...]
    finish: tuple[str, ...]
    usage: Usage


class EngineError(MessageError):
    """A request to the engine failed; the message says what the user can do.

    ``problem`` is the kind of failure, which decides what the user is advised and offered.
    """

    problem = "engine"


class ModelNotFound(EngineError):
    """The engine does not have the model."""

    problem = MODEL_MISSING


class NotAllowed(EngineError):
    """The user has not allowed the engine's address; nothing was sent."""

    problem = NOT_ALLOWED


class EngineUnavailable(EngineError):
    """No engine could be reached, or the connection ended before the answer was complete."""

    problem = "unavailable"


class Engine(Protocol):
    """Something that completes prompts: the local process or a remote server."""

    async def generate(self, request: Request, on_text: OnText | None = None) -> Answer:
        """Compute an answer; cancelling the awaiting task closes the connection at once."""
        ...

    async def model_info(self, name: str) -> ModelInfo:
        """Name, family and context length (tokens) of a model; raises ModelNotFound."""
        ...

    async def status(self) -> dict[str, object]:
        """Return the engine's status; raises EngineUnavailable when it cannot be reached."""
        ...

    async def aclose(self) -> None:
        """Close the connections; a local engine process keeps running for other windows."""
        ...


@runtime_checkable
class HidesKeys(Protocol):
    """An engine from which keys are hidden."""

    def hidden_keys(self, session: str) -> tuple[str, ...]:
        """Return the kinds of keys hidden in the last request of a session; () when none."""
        ...
