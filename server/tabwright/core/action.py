"""The request to the model for one action, and the proposed result; plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tabwright.core.prompting.prompt import Prompt
from tabwright.core.text import Snapshot, Span

Kind = Literal["generate", "fix", "edit", "translate", "simplify", "document", "explain", "tests"]


@dataclass(frozen=True)
class Diagnostic:
    """A problem that a tool reported; ``related`` holds further messages about it.

    ``source`` is the tool ("Pyright", "Ruff", "ts"), ``code`` its rule; each may be "".
    """

    span: Span
    message: str
    source: str = ""
    code: str = ""
    related: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action:
    """One request to the model about part of a document, with all that ``finish`` needs.

    ``span`` is what the answer may replace: whole lines of ``snapshot.text`` with their line ends,
    or an empty span where lines are inserted. ``language_id`` is the answer's language. ``opening``
    is the start of the answer, which the prompt already contains; ``draft`` is a text that the
    answer will resemble (mostly the lines of ``span``). ``new_document`` is the file name of the
    new document for the answer, "" for an edit in place. ``indent`` is the indentation of the
    edited lines, ``instruction`` the user's instruction, if any.
    """

    kind: Kind
    snapshot: Snapshot
    span: Span
    language_id: str
    prompt: Prompt
    stop: tuple[str, ...]
    max_tokens: int
    opening: str = ""
    draft: str = ""
    indent: str = ""
    new_document: str = ""
    instruction: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """An answer as text for the document.

    ``text`` replaces ``action.span``, or is the whole new document. ``imports`` are import
    lines to insert among the document's imports.
    """

    text: str
    imports: tuple[str, ...] = ()
