"""What is checked, how, and what may be wrong with it; plain frozen data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tabwright.core.action import Diagnostic
from tabwright.core.message import Message
from tabwright.core.text import Span

FaultKind = Literal["syntax", "example", "diagnostic", "new diagnostic", "name", "risk", "checker"]

_WEIGHTS: Mapping[FaultKind, int] = {
    "syntax": 100,
    "example": 60,
    "diagnostic": 40,
    "new diagnostic": 20,
    "name": 10,
    "risk": 3,
    "checker": 0,
}


_NOWHERE = Span(0, 0)


@dataclass(frozen=True)
class Fault:
    """One thing that speaks against a candidate, said in plain words.

    ``line`` counts from 1 in the changed document, 0 when it is unknown. A fault of kind "checker"
    says what could not be checked, and why. ``advice``: what the user can do about it, which a
    title has no room for.
    """

    kind: FaultKind
    message: Message
    line: int = 0
    advice: Message | None = None

    @property
    def weight(self) -> int:
        """How much it speaks against a candidate; 0 where nothing was found out."""
        return _WEIGHTS[self.kind]


@dataclass(frozen=True)
class EditCandidate:
    """A document with and without an edit, and the faults that were found in that.

    ``path`` is the document's path ("" when it has none; what the disk holds may differ from both
    texts), ``root`` the workspace's ("" when unknown). ``changed`` is the changed part of
    ``after``. ``diagnostics``, with spans in ``before``, are those that the edit should remove.
    ``cell``: a cell of a notebook, whose names may come from other cells. ``replaced`` is the span
    that the model was asked about. ``new_document`` is the name of a document of its own that the
    candidate makes, whose ``before`` is empty; "" for an edit in place.
    """

    path: str
    root: str
    language_id: str
    before: str
    after: str
    changed: Span
    diagnostics: tuple[Diagnostic, ...] = ()
    cell: bool = False
    replaced: Span = _NOWHERE
    new_document: str = ""
    faults: tuple[Fault, ...] = ()

    @property
    def folder(self) -> str:
        """See ``folder_of``."""
        return folder_of(self.root, self.path)

    @property
    def text(self) -> str:
        """The lines that came of the question, or the whole new document."""
        return self.after[self.changed.start : self.changed.end]

    @property
    def weight(self) -> int:
        """All that speaks against it; 0 when nothing was found."""
        return sum(fault.weight for fault in self.faults)


@dataclass(frozen=True)
class CheckOptions:
    """What the user may set: examples and the project's own tools run, seconds for each tool.

    ``trusted``: the user trusts the folder. Otherwise no tool of the project runs, and ruff
    reads no settings that lie there.
    """

    run_examples: bool = False
    tools: bool = True
    trusted: bool = False
    timeout_s: float = 10.0


def folder_of(root: str, path: str) -> str:
    """The folder that a document is trusted by: its root, else its own; "" where it has none."""
    return root or os.path.dirname(path)


def worst_first(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """The faults once each, by weight and then by line."""
    return tuple(sorted(dict.fromkeys(faults), key=lambda fault: (-fault.weight, fault.line)))
