"""What is asked of a model for one action, and what may come back; plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tabwright.core.prompting.prompt import Prompt
from tabwright.core.text import Snapshot, Span

Kind = Literal["generate", "fix", "edit", "translate", "simplify", "document", "explain", "tests"]


@dataclass(frozen=True)
class Diagnostic:
    """A fault that some tool reported; ``related`` holds further sentences about it.

    ``source`` names the tool ("Pyright", "Ruff", "ts"), ``code`` its rule; each may be "".
    """

    span: Span
    message: str
    source: str = ""
    code: str = ""
    related: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action:
    """One question about a stretch of a document, with all that ``finish`` needs.

    ``span`` is what the answer may replace: whole lines of ``snapshot.text`` with their ends, or an
    empty span where lines are put in. ``language_id`` is the answer's language. ``opening`` is the
    start of the answer that the prompt already holds, ``draft`` a text the answer will resemble
    (most often the lines of ``span``). ``new_document`` is the file name of a document of its own
    that the answer goes into, "" for an edit in place. ``indent`` is the indentation of the lines
    of an edit, ``instruction`` what the user said, as far as they said anything.
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
    """An answer as it would stand in the document.

    ``text`` replaces ``action.span``, or is the whole new document. ``imports`` are lines that
    belong where imports go.
    """

    text: str
    imports: tuple[str, ...] = ()
