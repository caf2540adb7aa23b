"""Repair a diagnostic by rule, without a model: with ruff's fix of its rule, or with black."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from tabwright.checks.faults import CheckOptions, EditCandidate
from tabwright.checks.formatting.black_process import break_long_line
from tabwright.checks.lines import line_of
from tabwright.checks.tools import ruff_rules
from tabwright.checks.tools.child_process import ToolFailed
from tabwright.checks.tools.find_program import find_bundled
from tabwright.checks.tools.reports import number_at, text_at
from tabwright.core.action import Diagnostic
from tabwright.core.text import Edit, Span, apply, line_starts

logger = logging.getLogger(__name__)

_LINE_TOO_LONG = "E501"
# "Line too long (135/100)" and "Line too long (135 > 88)": the limit is the second.
_LIMIT = re.compile(r"(?<!\d)\d++\D{1,5}(\d++)\)")


async def repair(candidate: EditCandidate, options: CheckOptions) -> str:
    """Return the document with the first of ``candidate.diagnostics`` fixed; "" if no rule does.

    Reads only ``candidate.before``, and supports only Python. Raises nothing but CancelledError: a
    tool that fails fixes nothing.
    """
    if candidate.language_id != "python" or not candidate.diagnostics:
        return ""
    first = candidate.diagnostics[0]
    wanted = first if ruff_rules.is_from_ruff(first) else ruff_rules.as_ruff_diagnostic(first)
    if wanted is None or not ruff_rules.is_ruff_code(wanted.code):
        return ""
    if wanted.code == _LINE_TOO_LONG:
        line, match = line_of(candidate.before, wanted.span.start), _LIMIT.search(wanted.message)
        limit = int(match[1]) if match else None
        return await break_long_line(candidate.path, candidate.root, candidate.before, line, limit)
    ruff = find_bundled("ruff", candidate.folder)
    if ruff is None:
        return ""
    try:
        reports = await ruff_rules.run_ruff(
            ruff,
            candidate.before,
            ("--isolated", "--select", wanted.code),
            candidate,
            options,
        )
    except ToolFailed as error:
        logger.info("no repair by rule: ruff %s", error)
        return ""
    return _apply_fix(candidate.before, wanted, reports)


def _apply_fix(text: str, diagnostic: Diagnostic, reports: Sequence[dict[str, object]]) -> str:
    """Return the text with ruff's fix for the report nearest to the diagnostic on its lines."""
    starts = line_starts(text)

    def offset(item: object, *path: str) -> int:
        row = min(max(number_at(item, *path, "row"), 1), len(starts))
        return min(starts[row - 1] + max(number_at(item, *path, "column"), 1) - 1, len(text))

    first, last = (line_of(text, at) for at in (diagnostic.span.start, diagnostic.span.end))
    on_lines = [
        item
        for item in reports
        if isinstance(item.get("fix"), dict) and first <= number_at(item, "location", "row") <= last
    ]
    on_lines.sort(key=lambda item: abs(offset(item, "location") - diagnostic.span.start))
    for item in on_lines:
        fix = item["fix"]
        json_edits = fix.get("edits") if isinstance(fix, dict) else None
        edits = []
        for one in json_edits if isinstance(json_edits, list) else []:
            span = Span(offset(one, "location"), offset(one, "end_location"))
            edits.append(Edit(span, text_at(one, "content")))
        if edits:
            fixed = apply(text, edits)
            return fixed if text[:1].isspace() else fixed.lstrip("\r\n")
    return ""
