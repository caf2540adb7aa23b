"""Every action the server offers: its title, when it applies, its ``prepare`` and ``finish``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from tabwright.assists import (
    document,
    edit,
    explain,
    fix,
    generate,
    simplify,
    translate,
    write_tests,
)
from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import selected_lines
from tabwright.assists.translate import TARGETS
from tabwright.core.action import Action, Kind, Proposal
from tabwright.core.languages import by_id
from tabwright.core.message import Message
from tabwright.core.task import Nothing
from tabwright.core.text import Span

_REWRITE = "refactor.rewrite.tabwright"
_MAX_TITLE_CHARS = 80
# Languages that are not programs, so that there is nothing to simplify or translate.
_NOT_PROGRAMS = frozenset(
    {
        *("plaintext", "markdown", "restructuredtext", "latex", "html", "xml", "css"),
        *("json", "jsonc", "yaml", "toml", "ini"),
    }
)


def _unchanged(action: Action, text: str) -> Action:
    return action


@dataclass(frozen=True)
class Assist:
    """One kind of action.

    ``applies`` is cheap and pure: it returns the title to show, None where the action does not
    apply. ``lsp_kind`` is the protocol's kind, "" for one that is never listed. ``named`` returns
    the action with the file name that the text of its new document requires.
    """

    kind: Kind
    title: Message
    lsp_kind: str
    applies: Callable[[ActionRequest], str | None]
    prepare: Callable[[ActionRequest], Action | Nothing]
    finish: Callable[[Action, str], Proposal | Nothing]
    named: Callable[[Action, str], Action] = _unchanged


def shortened(text: str, max_chars: int = _MAX_TITLE_CHARS) -> str:
    """Return the text on one line, cut at ``max_chars`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1].rstrip()}…"


def translation_targets(language_id: str) -> tuple[str, ...]:
    """Return the language ids that code in a language can be translated to, likeliest first."""
    if language_id in _NOT_PROGRAMS:
        return ()
    return tuple(target for target in TARGETS if target != language_id)


@lru_cache(maxsize=8)
def _cached_lines(request: ActionRequest) -> Span | Nothing:
    return selected_lines(request)


def _fix_title(request: ActionRequest) -> str | None:
    if not request.diagnostics:
        return None
    return Message("Fix: {0}", shortened(request.diagnostics[0].message, _MAX_TITLE_CHARS - 5))


def _generate_title(request: ActionRequest) -> str | None:
    intent = generate.intent_of(request)
    if intent is None:
        return None
    return (
        Message("Generate {0}", intent.name)
        if intent.name
        else Message("Generate what the comment asks for")
    )


def _simplify_title(request: ActionRequest) -> str | None:
    return _title_if_code(request, Message("Simplify"))


def _document_title(request: ActionRequest) -> str | None:
    return _title_if_code(request, Message("Document"))


def _title_if_code(request: ActionRequest, title: str) -> str | None:
    if request.snapshot.language_id in _NOT_PROGRAMS or isinstance(_cached_lines(request), Nothing):
        return None
    return title


def _tests_title(request: ActionRequest) -> str | None:
    if request.snapshot.language_id.removesuffix("react") not in write_tests.RUNNERS:
        return None
    lines = _cached_lines(request)
    if isinstance(lines, Nothing):
        return None
    prepared = write_tests.prepare(replace(request, span=lines))
    return None if isinstance(prepared, Nothing) else Message("Write tests")


def _translate_title(request: ActionRequest) -> str | None:
    if request.target not in translation_targets(request.snapshot.language_id):
        return None
    if isinstance(translate.prepare(request), Nothing):
        return None
    return Message("Translate to {0}", by_id(request.target).name)


def _not_listed(request: ActionRequest) -> str | None:
    """Return None: the action needs an instruction, which a listing does not have."""
    return None


ASSISTS: tuple[Assist, ...] = (
    Assist("fix", Message("Fix"), "quickfix", _fix_title, fix.prepare, fix.finish),
    Assist(
        "generate",
        Message("Generate"),
        f"{_REWRITE}.generate",
        _generate_title,
        generate.prepare,
        generate.finish,
    ),
    Assist(
        "simplify",
        Message("Simplify"),
        f"{_REWRITE}.simplify",
        _simplify_title,
        simplify.prepare,
        simplify.finish,
    ),
    Assist(
        "document",
        Message("Document"),
        f"{_REWRITE}.document",
        _document_title,
        document.prepare,
        document.finish,
    ),
    Assist(
        "tests",
        Message("Write tests"),
        f"{_REWRITE}.tests",
        _tests_title,
        write_tests.prepare,
        write_tests.finish,
    ),
    Assist(
        "translate",
        Message("Translate"),
        f"{_REWRITE}.translate",
        _translate_title,
        translate.prepare,
        translate.finish,
        translate.with_file_name,
    ),
    Assist("edit", Message("Edit"), f"{_REWRITE}.edit", _not_listed, edit.prepare, edit.finish),
    Assist("explain", Message("Explain"), "", _not_listed, explain.prepare, explain.finish),
)
