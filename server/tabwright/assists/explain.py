"""Explain the selection, or the block around the cursor, in Markdown."""

from __future__ import annotations

from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import dedented_code, fenced, file_context, selected_lines
from tabwright.core.action import Action, Proposal
from tabwright.core.languages import by_id
from tabwright.core.message import Message
from tabwright.core.postprocess.replies import extract_prose
from tabwright.core.prompting.chat import ChatMessage, chat, stop_texts
from tabwright.core.task import Nothing

_SYSTEM = "You are a careful programmer who explains code briefly and exactly, in Markdown."
_MAX_TOKENS = 400


def prepare(request: ActionRequest) -> Action | Nothing:
    """Return the action that explains the selected code, or why there is none."""
    span = selected_lines(request)
    if isinstance(span, Nothing):
        return span
    code, indent = dedented_code(request, span)
    language_id = request.snapshot.language_id
    instruction = request.instruction.strip() or (
        "Explain what this code does, how it does it, and what a reader should watch out for."
    )
    question = (
        f"{file_context(request, span)}{instruction}\n\n"
        f"The code, in {by_id(language_id).name}:\n{fenced(code, language_id)}"
    )
    family = request.model.family
    return Action(
        kind="explain",
        snapshot=request.snapshot,
        span=span,
        language_id="markdown",
        prompt=chat(family, [ChatMessage("system", _SYSTEM), ChatMessage("user", question)]),
        stop=stop_texts(family),
        max_tokens=_MAX_TOKENS,
        indent=indent,
        new_document="explanation.md",
        instruction=request.instruction,
    )


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """Return the explanation as Markdown, or why there is none."""
    text = extract_prose(answer)
    return Proposal(f"{text}\n") if text else Nothing(Message("the model's answer is empty"))
