"""Make a candidate fit its document: imports in place, line ends kept, Python formatted."""

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
    """The whole new text, with ``imports`` where they go and Python's new lines formatted.

    Python gets the imports from the standard library, too, that the edit's names need.
    What cannot be formatted is left as it is.
    """
    text = await asyncio.to_thread(_with_one_line_end, candidate.before, candidate.after)
    text = await asyncio.to_thread(insert_imports, text, imports, candidate.language_id)
    if candidate.language_id != "python":
        return text
    if not candidate.cell:  # its names may come from other cells
        lacking = await asyncio.to_thread(missing_imports, candidate.before, text)
        text = await asyncio.to_thread(insert_imports, text, lacking, "python")
    return await format_edit(
        candidate.path, candidate.root, candidate.before, text, cell=candidate.cell
    )


def _with_one_line_end(before: str, after: str) -> str:
    """The text with the changed lines ended as most of the document's lines are."""
    end = line_end(before or after)
    lines = split_lines(after)
    if unix_line_ends(after) == after and end == "\n":
        return after
    for line in diff_texts(before, after).new_lines:
        lines[line - 1] = _END.sub(lambda _: end, lines[line - 1])
    return "".join(lines)
