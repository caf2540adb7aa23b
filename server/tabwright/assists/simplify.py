"""Simplify: the same behaviour in plainer code."""

from __future__ import annotations

from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import fitted, lines_of, rewrite
from tabwright.core.action import Action, Proposal
from tabwright.core.message import Message
from tabwright.core.task import Nothing

_WORDS = (
    "Simplify this code: fewer lines, less nesting, plain standard constructs. Keep its names, "
    "signatures and behaviour exactly as they are. Return only the simplified code:"
)


def prepare(request: ActionRequest) -> Action | Nothing:
    """What to ask to have the code at a place said more simply."""
    span = lines_of(request)
    return span if isinstance(span, Nothing) else rewrite("simplify", request, span, _WORDS)


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """The simpler code, or why there is none."""
    proposal = fitted(action, answer)
    if isinstance(proposal, Proposal):
        old = action.snapshot.text[action.span.start : action.span.end]
        if len(proposal.text.split()) > len(old.split()) * 1.2:
            return Nothing(Message("the model's code is longer than yours"))
    return proposal
