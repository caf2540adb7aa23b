"""The candidate to check, the options, and the faults that checks find; frozen data."""

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
    """One problem of a candidate, with a message for the user.

    ``line`` counts from 1 in the changed document, 0 when it is unknown. A fault of kind "checker"
    names what could not be checked, and why. ``advice`` is what the user can do about it, which is
    too long for a title.
    """

    kind: FaultKind
    message: Message
    line: int = 0
    advice: Message | None = None

    @property
    def weight(self) -> int:
        """How serious the fault is; 0 for what could not be checked."""
        return _WEIGHTS[self.kind]


@dataclass(frozen=True)
class EditCandidate:
    """A document before and after an edit, and the faults that were found in it.

    ``path`` is the document's path ("" when it has none; the file on disk may differ from both
    texts), ``root`` the workspace's ("" when unknown). ``changed`` is the changed span of
    ``after``. ``diagnostics``, with spans in ``before``, are those that the edit should remove.
    ``cell``: a notebook cell, whose names may come from other cells. ``replaced`` is the span of
    ``before`` that the model was asked to rewrite. ``new_document`` is the name of the document
    that the candidate creates, whose ``before`` is empty; "" for an edit in place.
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
        """The changed lines of ``after``, or the whole new document."""
        return self.after[self.changed.start : self.changed.end]

    @property
    def weight(self) -> int:
        """The sum of the faults' weights; 0 when nothing was found."""
        return sum(fault.weight for fault in self.faults)


@dataclass(frozen=True)
class CheckOptions:
    """Which checks run: examples, the project's own tools, and the time limit of each tool.

    ``trusted``: the user trusts the folder. Otherwise no tool of the project runs, and ruff
    does not read the settings in that folder.
    """

    run_examples: bool = False
    tools: bool = True
    trusted: bool = False
    timeout_s: float = 10.0


def folder_of(root: str, path: str) -> str:
    """Return the folder whose trust covers a document: its root, else its own; "" for none."""
    return root or os.path.dirname(path)


def worst_first(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Return the faults without duplicates, by weight and then by line."""
    return tuple(sorted(dict.fromkeys(faults), key=lambda fault: (-fault.weight, fault.line)))
