"""What needs no model: a diagnostic that ruff or black mends by rule, at once."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from tabwright.checks.faults import CheckOptions, EditCandidate
from tabwright.checks.formatting.worker import lines_formatted
from tabwright.checks.lines import line_of
from tabwright.checks.tools import ruff_rules
from tabwright.checks.tools.child import ToolFailed
from tabwright.checks.tools.programs import bundled
from tabwright.checks.tools.reports import number_at, text_at
from tabwright.core.action import Diagnostic
from tabwright.core.text import Edit, Span, apply, line_starts

logger = logging.getLogger(__name__)

_TOO_LONG = "E501"
# "Line too long (135/100)" and "Line too long (135 > 88)": the limit is the second.
_LIMIT = re.compile(r"(?<!\d)\d++\D{1,5}(\d++)\)")


async def repaired(candidate: EditCandidate, options: CheckOptions) -> str:
    """The document with the first of ``candidate.diagnostics`` mended; "" when no rule mends it.

    Only ``candidate.before`` is looked at, and only Python is known. Raises nothing but
    CancelledError: what cannot be asked mends nothing.
    """
    if candidate.language_id != "python" or not candidate.diagnostics:
        return ""
    given = candidate.diagnostics[0]
    own = given if ruff_rules.is_own(given) else ruff_rules.twin(given)
    if own is None or not ruff_rules.is_rule(own.code):
        return ""
    if own.code == _TOO_LONG:
        line, limit = line_of(candidate.before, own.span.start), _LIMIT.search(own.message)
        most = int(limit[1]) if limit else None
        return await lines_formatted(candidate.path, candidate.root, candidate.before, line, most)
    ruff = bundled("ruff", candidate.folder)
    if ruff is None:
        return ""
    try:
        found = await ruff_rules.asked(ruff, candidate.before, _selection(own), candidate, options)
    except ToolFailed as error:
        logger.info("no repair by rule: ruff %s", error)
        return ""
    return _mended(candidate.before, own, found)


def _selection(diagnostic: Diagnostic) -> tuple[str, ...]:
    return ("--isolated", "--select", diagnostic.code)


def _mended(text: str, diagnostic: Diagnostic, found: Sequence[dict[str, object]]) -> str:
    """The text with the edits of the finding that is nearest to the diagnostic on its line."""
    starts = line_starts(text)

    def offset(item: object, *path: str) -> int:
        row = min(max(number_at(item, *path, "row"), 1), len(starts))
        return min(starts[row - 1] + max(number_at(item, *path, "column"), 1) - 1, len(text))

    first, last = (line_of(text, at) for at in (diagnostic.span.start, diagnostic.span.end))
    here = [
        item
        for item in found
        if isinstance(item.get("fix"), dict) and first <= number_at(item, "location", "row") <= last
    ]
    here.sort(key=lambda item: abs(offset(item, "location") - diagnostic.span.start))
    for item in here:
        fix = item["fix"]
        given = fix.get("edits") if isinstance(fix, dict) else None
        edits = []
        for one in given if isinstance(given, list) else []:
            span = Span(offset(one, "location"), offset(one, "end_location"))
            edits.append(Edit(span, text_at(one, "content")))
        if edits:
            done = apply(text, edits)
            return done if text[:1].isspace() else done.lstrip("\r\n")
    return ""
