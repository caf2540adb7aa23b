"""Fix this error: the block around a diagnostic, rewritten so that the diagnostic goes away."""

from __future__ import annotations

import re

from tabwright.assists.fix_advice import fix_advice
from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import fenced, fitted, rewrite
from tabwright.core.action import Action, Diagnostic, Proposal
from tabwright.core.message import Message
from tabwright.core.postprocess.replies import code_in
from tabwright.core.syntax.regions import definitions, enclosing_block, logical_lines
from tabwright.core.task import Nothing
from tabwright.core.text import Span, line_span, unix_line_ends

_SMALL_FILE = 2_000
_MOST_RELATED = 4
_MOST_MORE = 20
_MOST_HEADERS = 6
_LONGEST_HEADER = 400
_NAME = re.compile(r"[^\W\d]\w+")
_WHOLE = "Fix that error and change nothing else. Return the whole of the code:"
_LINES = (
    "Only the following has to change. Write what replaces it, so that the error is gone, and "
    "nothing else of the code:"
)


def prepare(request: ActionRequest) -> Action | Nothing:
    """What to ask to have the first diagnostic fixed.

    A small file is shown and rewritten whole, since the fault's cause may stand anywhere in it;
    of a larger one the enclosing block. Every second attempt shows the same, but takes back the
    lines of the fault alone: there the model cannot just repeat what it was shown.
    """
    if not request.diagnostics:
        return Nothing(Message("there is no diagnostic here"))
    diagnostic = request.diagnostics[0]
    text, language_id = request.snapshot.text, request.snapshot.language_id
    place = _place(diagnostic, text)
    block = _block(text, place, language_id)
    if not text[block.start : block.end].strip():
        return Nothing(Message("there is no code at the diagnostic"))
    lines = logical_lines(text, Span(place.start, place.start), language_id)
    said = _said(diagnostic, text, place) + _elsewhere(request, lines)
    if request.attempt % 2 and len(lines) < len(block) and text[lines.start : lines.end].strip():
        about = f"{fenced(unix_line_ends(text[block.start : block.end]), language_id)}\n\n"
        return rewrite("fix", request, lines, f"{said}\n\n{_LINES}", about=about)
    return rewrite("fix", request, block, f"{said}\n\n{_WHOLE}")


def _place(diagnostic: Diagnostic, text: str) -> Span:
    start = min(diagnostic.span.start, len(text))
    return Span(start, max(start, min(diagnostic.span.end, len(text))))


def _block(text: str, place: Span, language_id: str) -> Span:
    """What is shown: all of a small file, of another the block around the place."""
    if len(text) <= _SMALL_FILE:
        return Span(0, len(text))
    return enclosing_block(text, place, language_id)


def _said(diagnostic: Diagnostic, text: str, place: Span) -> str:
    line = line_span(text, place.start)
    tool = " ".join(part for part in (diagnostic.source, diagnostic.code) if part)
    said = [f"{tool} reports in this code" if tool else "This code has an error"]
    said[0] += f": {unix_line_ends(diagnostic.message).strip()}"
    said += [f"  {unix_line_ends(about).strip()}" for about in diagnostic.related[:_MOST_RELATED]]
    said.append(f"The line: `{text[line.start : line.end].strip()}`")
    advice = fix_advice(diagnostic)
    if advice:
        said.append(f"How it is usually fixed: {advice}")
    return "\n".join(said)


def _elsewhere(request: ActionRequest, lines: Span) -> str:
    """How other files define the names on the lines of the fault."""
    names = set(_NAME.findall(request.snapshot.text[lines.start : lines.end]))
    headers = [
        one.header.strip()
        for other in request.others
        for one in definitions(other.text, other.language_id)
        if one.name in names and len(one.header) <= _LONGEST_HEADER
    ]
    if not headers:
        return ""
    shown = "\n".join(headers[:_MOST_HEADERS])
    return (
        f"\nDefined in other files:\n{fenced(unix_line_ends(shown), request.snapshot.language_id)}"
    )


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """The fix, or why there is none."""
    proposal = fitted(action, answer)
    if isinstance(proposal, Nothing):
        return proposal
    old = action.snapshot.text.count("\n", action.span.start, action.span.end)
    if proposal.text.count("\n") > 2 * old + _MOST_MORE:
        return Nothing(Message("the model wrote far more than a fix"))
    if _repeats_more(action, code_in(answer, opened=True)):
        return Nothing(Message("the model repeated the code around the error"))
    return proposal


def _first(code: str) -> str:
    return code.strip().partition("\n")[0].strip()


def _repeats_more(action: Action, answer: str) -> bool:
    """Whether an answer begins as the code does that was only shown."""
    text = action.snapshot.text
    place = _place(action.diagnostics[0], text)
    block = _block(text, place, action.language_id)
    above = _first(text[block.start : block.end])
    return above != _first(text[action.span.start : action.span.end]) and above == _first(answer)
