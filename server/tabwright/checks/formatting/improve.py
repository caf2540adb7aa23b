"""Adapt a candidate to its document: insert imports, keep line ends, format Python."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from tabwright.checks.faults import EditCandidate
from tabwright.checks.formatting.black_process import format_edit
from tabwright.checks.imports.insertion import insert_imports
from tabwright.checks.imports.missing import missing_imports
from tabwright.checks.lines import diff_texts, line_end, split_lines
from tabwright.core.text import unix_line_ends

_END = re.compile(r"(?:\r\n|\n|\r)\Z")


async def improve(candidate: EditCandidate, imports: Sequence[str]) -> str:
    """Return the whole new text, with ``imports`` inserted and Python's new lines formatted.

    Python also gets the standard library imports that the edit's names need. A text that black
    cannot format stays as it is.
    """
    text = await asyncio.to_thread(_with_one_line_end, candidate.before, candidate.after)
    text = await asyncio.to_thread(insert_imports, text, imports, candidate.language_id)
    if candidate.language_id != "python":
        return text
    if not candidate.cell:  # names in a cell may come from other cells
        missing = await asyncio.to_thread(missing_imports, candidate.before, text)
        text = await asyncio.to_thread(insert_imports, text, missing, "python")
    return await format_edit(
        candidate.path, candidate.root, candidate.before, text, cell=candidate.cell
    )


def _with_one_line_end(before: str, after: str) -> str:
    """Return the text with the most frequent line end of the document in the changed lines."""
    end = line_end(before or after)
    lines = split_lines(after)
    if unix_line_ends(after) == after and end == "\n":
        return after
    for line in diff_texts(before, after).new_lines:
        lines[line - 1] = _END.sub(lambda _: end, lines[line - 1])
    return "".join(lines)
