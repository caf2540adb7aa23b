"""All that an action's prepare may look at; plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tabwright.core.action import Diagnostic
from tabwright.core.prompting.context import Document
from tabwright.core.task import ModelInfo
from tabwright.core.text import Snapshot, Span


@dataclass(frozen=True)
class Turn:
    """An earlier instruction of the same conversation, and the text that came of it."""

    instruction: str
    text: str


@dataclass(frozen=True)
class Inputs:
    """A place in a document and what was said about it.

    ``target`` and ``declaration`` are a translation's language and, where the user wants one, the
    signature it must have. ``before`` and ``after`` are a notebook's other cells. ``attempt``
    counts the questions from 0: a later one may be put in another way.
    """

    snapshot: Snapshot
    span: Span
    model: ModelInfo
    diagnostics: tuple[Diagnostic, ...] = ()
    instruction: str = ""
    target: str = ""
    declaration: str = ""
    others: tuple[Document, ...] = field(default=())
    before: str = ""
    after: str = ""
    history: tuple[Turn, ...] = ()
    attempt: int = 0


FENCES: Mapping[str, str] = {
    "javascriptreact": "jsx",
    "typescriptreact": "tsx",
    "shellscript": "bash",
    "csharp": "csharp",
    "plaintext": "",
}


def fence(language_id: str) -> str:
    """The word behind a fence for a language."""
    return FENCES.get(language_id, language_id)
