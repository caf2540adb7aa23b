"""Simplify code without changing its behaviour."""

from __future__ import annotations

from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import fit_answer, rewrite_action, selected_lines
from tabwright.core.action import Action, Proposal
from tabwright.core.message import Message
from tabwright.core.task import Nothing

_INSTRUCTION = (
    "Simplify this code: fewer lines, less nesting, plain standard constructs. Keep its names, "
    "signatures and behaviour exactly as they are. Return only the simplified code:"
)


def prepare(request: ActionRequest) -> Action | Nothing:
    """Return the action that simplifies the selected code, or why there is none."""
    span = selected_lines(request)
    return (
        span
        if isinstance(span, Nothing)
        else rewrite_action("simplify", request, span, _INSTRUCTION)
    )


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """Return the simplified code, or why there is none."""
    proposal = fit_answer(action, answer)
    if isinstance(proposal, Proposal):
        old = action.snapshot.text[action.span.start : action.span.end]
        if len(proposal.text.split()) > len(old.split()) * 1.2:
            return Nothing(Message("the model's code is longer than yours"))
    return proposal
