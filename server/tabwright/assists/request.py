"""The request for one action, with all that its answer may use; plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tabwright.core.action import Diagnostic
from tabwright.core.prompting.context import Document
from tabwright.core.prompting.families import family_by_name
from tabwright.core.task import ModelInfo
from tabwright.core.text import Snapshot, Span


@dataclass(frozen=True)
class Turn:
    """An earlier instruction of the same conversation, and the text it resulted in."""

    instruction: str
    text: str


UNKNOWN_MODEL = ModelInfo("", family_by_name(""), 32_768)


@dataclass(frozen=True)
class ActionRequest:
    """One action on one state of a document, with all that its answer may use.

    ``snapshot`` is the text that the action works on. If an edit continues another that the editor
    has not applied, ``unedited`` is the editor's own document. ``target`` and ``declaration`` are a
    translation's language and, if the user gave one, the signature it must have. ``others`` are
    other files, ``path`` is the document's ("" if it has none; of a cell its notebook's), ``root``
    the enclosing workspace folder. ``model`` is the model that will answer, as far as it is known.
    ``attempt`` counts the candidates from 0; a later one may use another prompt.
    """

    snapshot: Snapshot
    span: Span
    model: ModelInfo = UNKNOWN_MODEL
    kind: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    instruction: str = ""
    target: str = ""
    declaration: str = ""
    others: tuple[Document, ...] = ()
    history: tuple[Turn, ...] = ()
    unedited: Snapshot | None = None
    path: str = ""
    root: str = ""
    cell: bool = False
    attempt: int = 0

    @property
    def document(self) -> Snapshot:
        """The document as the editor has it; edits apply to this one."""
        return self.snapshot if self.unedited is None else self.unedited


FENCES: Mapping[str, str] = {
    "javascriptreact": "jsx",
    "typescriptreact": "tsx",
    "shellscript": "bash",
    "csharp": "csharp",
    "plaintext": "",
}


def fence(language_id: str) -> str:
    """Return the info string of a Markdown fence for a language."""
    return FENCES.get(language_id, language_id)
