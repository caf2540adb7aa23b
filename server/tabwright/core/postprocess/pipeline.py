"""Run the filters on a model's answer, and decide when generation can stop."""

from __future__ import annotations

from tabwright.core.languages import by_id
from tabwright.core.postprocess.cuts import rest_of_line_start
from tabwright.core.postprocess.filters import FILTERS, Filter, FilterState, Rejected, loop_start
from tabwright.core.postprocess.indentation import fitted_indentation, unfitted_offset
from tabwright.core.postprocess.overlap import overlaps
from tabwright.core.syntax.blocks import block_exit, statement_end
from tabwright.core.syntax.fit import fit
from tabwright.core.syntax.pairs import end_in_pair, ends_with_line
from tabwright.core.syntax.validate import text_below
from tabwright.core.task import Task
from tabwright.core.text import unix_line_ends

__all__ = ["FILTERS", "Filter", "FilterState", "Rejected", "clean", "should_stop"]

_CERTAIN_CHARS = 16


def clean(text: str, task: Task, *, complete: bool = True) -> FilterState | Rejected:
    """Run one raw answer through all filters in order.

    ``complete``: False if the engine stopped at the token limit, so the last line may be cut off.
    """
    candidate = FilterState(text, task.offset, complete)
    for each in FILTERS:
        result = each(candidate, task)
        if isinstance(result, Rejected):
            return result
        candidate = result
    return candidate


def should_stop(task: Task, partial_text: str) -> int | None:
    """Return where to cut an answer that is still being generated, or None to continue.

    Cheap enough to call for every streamed piece. An answer of one statement is cut at its end; one
    of several lines where it leaves the block, loops, or repeats the text after the cursor.
    """
    text = unix_line_ends(partial_text)
    if text != partial_text:
        found = should_stop(task, text)
        return None if found is None else _offset_before(partial_text, found)
    fitted = fitted_indentation(task, text)
    if fitted != text:
        found = _stop_in(task, fitted)
        return None if found is None else unfitted_offset(text, fitted, found)
    return _stop_in(task, text)


def _stop_in(task: Task, text: str) -> int | None:
    if task.closer:
        end = end_in_pair(text, task.closer, by_id(task.snapshot.language_id))
        line_end = text.find("\n") if not task.multiline else -1
        if end is not None and ends_with_line(task) and "\n" not in text[:end]:
            end = None if (line_end := text.find("\n", end)) < 0 else line_end
        ends = [at for at in (end, line_end) if at is not None and at >= 0]
        return min(ends, default=None)
    if not task.multiline:
        return statement_end(task, text)
    stops: list[int | None] = [
        block_exit(task, text),
        loop_start(text),
        _suffix_start(task, text),
        _blank_line(task, text),
    ]
    known = [end for end in stops if end is not None]
    return min(known) if known else None


def _suffix_start(task: Task, text: str) -> int | None:
    for found in overlaps(text, text_below(task)):
        ends_in_suffix = found.reaches_end or (found.whole_suffix and found.shared_chars > 2)
        has_whole_line = "\n" in text[found.start :].strip()
        if found.whole_line and (
            found.shared_chars >= _CERTAIN_CHARS or (ends_in_suffix and has_whole_line)
        ):
            return found.start
    return rest_of_line_start(task, text)


def _blank_line(task: Task, text: str) -> int | None:
    """Return the first empty line that stands in nothing that is still open."""
    if task.stop or task.invoked:
        return None
    at = text.find("\n\n", len(text) - len(text.lstrip("\n")))
    while at >= 0:
        found = fit(task, text[:at], task.offset)
        if found is None or found.is_whole:
            return at
        at = text.find("\n\n", at + 2)
    return None


def _offset_before(text: str, offset: int) -> int:
    r"""Convert an offset in the text with ``\n`` line ends to one in the text with ``\r``."""
    at = 0
    for _ in range(offset):
        at += 2 if text.startswith("\r\n", at) else 1
    return at
