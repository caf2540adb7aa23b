"""What is asked of a model for one completion, and what may come back; plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field

from tabwright.core.message import Message
from tabwright.core.prompting.context import Budget, Window
from tabwright.core.prompting.prompt import Family, Prompt
from tabwright.core.text import Snapshot


@dataclass(frozen=True)
class ModelInfo:
    """A model as the prompt builder sees it; ``context_length`` in tokens."""

    name: str
    family: Family
    context_length: int


@dataclass(frozen=True)
class Options:
    """What the user may set; lengths in tokens, ``multiline`` one of auto, always, never."""

    max_tokens: int = 192
    line_tokens: int = 64
    multiline: str = "auto"
    candidates: int = 3
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True)
class Task:
    """One question to a model, with all that ``finish`` needs to judge the answer.

    ``heal``: the engine may take the prompt's last token back. ``suffix_stop``: the engine may
    end an answer where this text begins ("" = nothing to look for). ``written`` is the start of the
    answer when the prompt has it already and only the rest is asked for. ``budget`` is what the
    window was cut by, before it was made to fit the model.
    """

    snapshot: Snapshot
    offset: int
    window: Window
    budget: Budget
    prompt: Prompt
    family: Family
    stop: tuple[str, ...]
    suffix_stop: str
    heal: bool
    max_tokens: int
    n: int
    multiline: bool
    invoked: bool
    answer_start: str = ""


@dataclass(frozen=True)
class Nothing:
    """No answer, with a short sentence that says why."""

    reason: Message
