"""Which actions a place offers, in which order; pure, and quick enough for every cursor move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tabwright.assists.registry import Assist, translation_targets
from tabwright.assists.request import ActionRequest
from tabwright.core.action import Diagnostic
from tabwright.core.prompting.families import family_by_name
from tabwright.core.task import ModelInfo

MOST_DIAGNOSTICS = 20
_OURS = "refactor.rewrite.tabwright"
_USUAL_CONTEXT = 32_768


@dataclass(frozen=True)
class Listed:
    """One action on offer; ``diagnostic`` is the index of the one it fixes, if it fixes one."""

    assist: Assist
    title: str
    diagnostic: int | None = None
    target: str = ""


def guessed(name: str) -> ModelInfo:
    """Guess a model's facts from its name, for listing actions before an engine was asked."""
    return ModelInfo(name, family_by_name(name), _USUAL_CONTEXT)


def listed(
    assists: Sequence[Assist],
    request: ActionRequest,
    diagnostics: Sequence[Diagnostic],
    only: Sequence[str],
) -> tuple[Listed, ...]:
    """What applies at ``request.span``: fixes of ``diagnostics`` first, then what rewrites.

    ``only`` names kinds of the protocol, each with all below it; none means all. A translation is
    offered to the likeliest language alone, unless ``only`` asks for our own kinds.
    """
    return tuple(
        found
        for assist in assists
        if assist.lsp_kind and _wanted(assist.lsp_kind, only)
        for found in _of(assist, request, diagnostics, only)
    )


def _of(
    assist: Assist, request: ActionRequest, diagnostics: Sequence[Diagnostic], only: Sequence[str]
) -> Iterator[Listed]:
    if assist.kind == "fix":
        for index, diagnostic in enumerate(diagnostics[:MOST_DIAGNOSTICS]):
            about = replace(request, span=diagnostic.span, diagnostics=(diagnostic,))
            title = assist.applies(about)
            if title is not None:
                yield Listed(assist, title, index)
        return
    targets: Sequence[str] = ("",)
    if assist.kind == "translate":
        all_of_them = any(kind.startswith(_OURS) for kind in only)
        targets = translation_targets(request.snapshot.language_id)[: None if all_of_them else 1]
    for target in targets:
        title = assist.applies(replace(request, target=target))
        if title is not None:
            yield Listed(assist, title, target=target)


def _wanted(kind: str, only: Sequence[str]) -> bool:
    return not only or any(not one or kind == one or kind.startswith(f"{one}.") for one in only)
