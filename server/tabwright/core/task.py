"""The request to the model for one completion; plain frozen data."""

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
    """Settings of completion; lengths in tokens, ``multiline`` one of auto, always, never."""

    max_tokens: int = 192
    line_tokens: int = 64
    multiline: str = "auto"
    candidates: int = 3
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True)
class Task:
    """One request to the model, with all that ``finish`` needs to validate the answer.

    ``heal``: the engine may remove the prompt's last word and generate it again (token healing).
    ``suffix_stop``: the engine may end an answer where this text begins ("" for none).
    ``answer_start`` is the start of the answer if the prompt already contains it and only the rest
    is requested. ``closer`` closes the pair around the cursor, where the answer ends ("" for none).
    ``budget`` is the window's budget before it was reduced to fit the model.
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
    closer: str = ""


@dataclass(frozen=True)
class Nothing:
    """No result, with the reason as a short sentence."""

    reason: Message
