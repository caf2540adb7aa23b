"""Fix this error: the block around a diagnostic, rewritten so that the diagnostic goes away."""

from __future__ import annotations

from tabwright.assists.inputs import Inputs
from tabwright.assists.recipes import recipe
from tabwright.assists.rewriting import fitted, rewrite
from tabwright.core.action import Action, Diagnostic, Proposal
from tabwright.core.regions import enclosing_block
from tabwright.core.task import Nothing
from tabwright.core.text import Span, line_span, unix_line_ends

_SMALL_FILE = 2_000
_MOST_RELATED = 4


def prepare(inputs: Inputs) -> Action | Nothing:
    """What to ask to have the first diagnostic fixed.

    A small file is shown and rewritten whole, since the fault's cause may stand anywhere in it;
    of a larger one the enclosing block.
    """
    if not inputs.diagnostics:
        return Nothing("there is no diagnostic here")
    diagnostic = inputs.diagnostics[0]
    text = inputs.snapshot.text
    start = min(diagnostic.span.start, len(text))
    place = Span(start, max(start, min(diagnostic.span.end, len(text))))
    span = enclosing_block(text, place, inputs.snapshot.language_id)
    if len(text) <= _SMALL_FILE:
        span = Span(0, len(text))
    if not text[span.start : span.end].strip():
        return Nothing("there is no code at the diagnostic")
    return rewrite("fix", inputs, span, _words(diagnostic, text, place))


def _words(diagnostic: Diagnostic, text: str, place: Span) -> str:
    line = line_span(text, place.start)
    tool = " ".join(part for part in (diagnostic.source, diagnostic.code) if part)
    said = [f"{tool} reports in this code" if tool else "This code has an error"]
    said[0] += f": {unix_line_ends(diagnostic.message).strip()}"
    said += [f"  {unix_line_ends(about).strip()}" for about in diagnostic.related[:_MOST_RELATED]]
    said.append(f"The line: `{text[line.start : line.end].strip()}`")
    advice = recipe(diagnostic)
    if advice:
        said.append(f"How it is usually fixed: {advice}")
    said.append("\nFix that error and change nothing else. Return the whole of the code:")
    return "\n".join(said)


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """The fix, or why there is none."""
    return fitted(action, answer)
