"""Fix a diagnostic: rewrite the block around it so that the diagnostic disappears."""

from __future__ import annotations

import re

from tabwright.assists.fix_advice import fix_advice
from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import fenced, fit_answer, rewrite_action
from tabwright.core.action import Action, Diagnostic, Proposal
from tabwright.core.message import Message
from tabwright.core.postprocess.replies import extract_code
from tabwright.core.syntax.regions import definitions, enclosing_block, logical_lines
from tabwright.core.task import Nothing
from tabwright.core.text import Span, line_span, unix_line_ends

_SMALL_FILE_CHARS = 2_000
_MAX_RELATED = 4
_MAX_EXTRA_LINES = 20
_MAX_HEADERS = 6
_MAX_HEADER_CHARS = 400
_NAME = re.compile(r"[^\W\d]\w+")
_REPLACE_ALL = "Fix that error and change nothing else. Return the whole of the code:"
_REPLACE_LINES = (
    "Only the following has to change. Write what replaces it, so that the error is gone, and "
    "nothing else of the code:"
)


def prepare(request: ActionRequest) -> Action | Nothing:
    """Return the action that fixes the first diagnostic, or why there is none.

    A small file is shown and rewritten whole, because the cause may be anywhere in it; of a larger
    file the enclosing block. Every second attempt shows the same code but replaces only the lines
    of the diagnostic, so that the model cannot simply repeat what it was shown.
    """
    if not request.diagnostics:
        return Nothing(Message("there is no diagnostic here"))
    diagnostic = request.diagnostics[0]
    text, language_id = request.snapshot.text, request.snapshot.language_id
    diagnostic_span = _clamped_span(diagnostic, text)
    block = _block(text, diagnostic_span, language_id)
    if not text[block.start : block.end].strip():
        return Nothing(Message("there is no code at the diagnostic"))
    lines = logical_lines(text, Span(diagnostic_span.start, diagnostic_span.start), language_id)
    problem = _describe(diagnostic, text, diagnostic_span) + _other_definitions(request, lines)
    if request.attempt % 2 and len(lines) < len(block) and text[lines.start : lines.end].strip():
        context = f"{fenced(unix_line_ends(text[block.start : block.end]), language_id)}\n\n"
        return rewrite_action(
            "fix", request, lines, f"{problem}\n\n{_REPLACE_LINES}", context=context
        )
    return rewrite_action("fix", request, block, f"{problem}\n\n{_REPLACE_ALL}")


def _clamped_span(diagnostic: Diagnostic, text: str) -> Span:
    start = min(diagnostic.span.start, len(text))
    return Span(start, max(start, min(diagnostic.span.end, len(text))))


def _block(text: str, diagnostic_span: Span, language_id: str) -> Span:
    """Return the code to show: all of a small file, else the block around the diagnostic."""
    if len(text) <= _SMALL_FILE_CHARS:
        return Span(0, len(text))
    return enclosing_block(text, diagnostic_span, language_id)


def _describe(diagnostic: Diagnostic, text: str, diagnostic_span: Span) -> str:
    line = line_span(text, diagnostic_span.start)
    tool = " ".join(part for part in (diagnostic.source, diagnostic.code) if part)
    problem = [f"{tool} reports in this code" if tool else "This code has an error"]
    problem[0] += f": {unix_line_ends(diagnostic.message).strip()}"
    problem += [
        f"  {unix_line_ends(context).strip()}" for context in diagnostic.related[:_MAX_RELATED]
    ]
    problem.append(f"The line: `{text[line.start : line.end].strip()}`")
    advice = fix_advice(diagnostic)
    if advice:
        problem.append(f"How it is usually fixed: {advice}")
    return "\n".join(problem)


def _other_definitions(request: ActionRequest, lines: Span) -> str:
    """Return how other files define the names on the lines of the diagnostic."""
    names = set(_NAME.findall(request.snapshot.text[lines.start : lines.end]))
    headers = [
        one.header.strip()
        for other in request.others
        for one in definitions(other.text, other.language_id)
        if one.name in names and len(one.header) <= _MAX_HEADER_CHARS
    ]
    if not headers:
        return ""
    definitions_text = "\n".join(headers[:_MAX_HEADERS])
    code = fenced(unix_line_ends(definitions_text), request.snapshot.language_id)
    return f"\nDefined in other files:\n{code}"


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """Return the fixed code, or why there is none."""
    proposal = fit_answer(action, answer)
    if isinstance(proposal, Nothing):
        return proposal
    old = action.snapshot.text.count("\n", action.span.start, action.span.end)
    if proposal.text.count("\n") > 2 * old + _MAX_EXTRA_LINES:
        return Nothing(Message("the model's code is much longer than a fix"))
    if _repeats_context(action, extract_code(answer, opened=True)):
        return Nothing(Message("the model repeated the code around the error"))
    return proposal


def _first_line(code: str) -> str:
    return code.strip().partition("\n")[0].strip()


def _repeats_context(action: Action, answer: str) -> bool:
    """Tell whether an answer begins like the code that was only shown as context."""
    text = action.snapshot.text
    diagnostic_span = _clamped_span(action.diagnostics[0], text)
    block = _block(text, diagnostic_span, action.language_id)
    above = _first_line(text[block.start : block.end])
    return above != _first_line(text[action.span.start : action.span.end]) and above == _first_line(
        answer
    )
