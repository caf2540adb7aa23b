"""One action that the user chose, on one state of a document."""

from __future__ import annotations

from dataclasses import dataclass

from tabwright.core.action import Diagnostic
from tabwright.core.message import Message
from tabwright.core.text import Snapshot, Span

STALE = Message("the document has changed since; ask again")
CLOSED = Message("the document is not open")


class Unusable(Exception):
    """What came from the client names nothing that can be done; the message says why."""


@dataclass(frozen=True)
class Wish:
    """One action on one state of a document: all that is taken before the first await."""

    kind: str
    snapshot: Snapshot
    span: Span
    path: str = ""
    before: str = ""
    after: str = ""
    cell: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()
    instruction: str = ""
    target: str = ""
    declaration: str = ""
