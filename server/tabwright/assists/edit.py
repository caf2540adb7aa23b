"""Edit the selection, or the block around the cursor, by the user's instruction."""

from __future__ import annotations

import re

from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import dedented_code, fit_answer, rewrite_action, selected_lines
from tabwright.core.action import Action, Proposal
from tabwright.core.message import Message
from tabwright.core.syntax.signatures import signature_at
from tabwright.core.task import Nothing
from tabwright.core.text import Span

_REPAIR_WORD = re.compile(
    r"\b(fix|bug|bugs|wrong|broken|repair|correct)\b|修复|修正|错误", re.IGNORECASE
)
_NO_INSTRUCTION = Message("the instruction is empty: say what to change")


def prepare(request: ActionRequest) -> Action | Nothing:
    """Return the action that applies the instruction to the selected code, or why there is none.

    A small model that sees a bug mostly repeats it. So the further candidates of a repair are
    generated from the function's header and docstring alone.
    """
    instruction = request.instruction.strip()
    if not instruction:
        return Nothing(_NO_INSTRUCTION)
    span = selected_lines(request)
    if isinstance(span, Nothing):
        return span
    if request.attempt and _REPAIR_WORD.search(instruction):
        header = _documented_header(request, span)
        if header:
            prompt_instruction = (
                "Complete this function so that it does what its docstring says, for every input."
            )
            return rewrite_action(
                "edit", request, span, prompt_instruction, opening=header, from_scratch=True
            )
    prompt_instruction = (
        f"{instruction}\n\nReturn the whole of this code with that change and nothing else changed:"
    )
    return rewrite_action("edit", request, span, prompt_instruction)


def _documented_header(request: ActionRequest, span: Span) -> str:
    """Return a Python function's header and docstring; "" for code that is not one with both."""
    code, _ = dedented_code(request, span)
    signature = signature_at(code, 0, request.snapshot.language_id)
    if signature is None or not signature.doc.strip() or request.snapshot.language_id != "python":
        return ""
    return code[: signature.rest.start]


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """Return the edited code, or why there is none."""
    return fit_answer(action, answer)
