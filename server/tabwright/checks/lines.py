"""Compare texts by lines: which lines an edit changed, and where the others moved.

Line numbers count from 1.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property

from tabwright.core.text import Span, line_starts

_LONGEST_DIFF = 2000


@dataclass(frozen=True)
class ChangedBlock:
    """Lines ``old_start`` to ``old_end`` (exclusive) that were replaced by the new ones."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


@dataclass(frozen=True)
class LineChanges:
    """The blocks of lines that differ between two texts, in order."""

    blocks: tuple[ChangedBlock, ...]

    @cached_property
    def old_lines(self) -> frozenset[int]:
        """Lines of the old text that were removed or replaced."""
        return frozenset(line for one in self.blocks for line in range(one.old_start, one.old_end))

    @cached_property
    def new_lines(self) -> frozenset[int]:
        """Lines of the new text that were added or replaced."""
        return frozenset(line for one in self.blocks for line in range(one.new_start, one.new_end))

    def new_line_of(self, line: int) -> int:
        """Return the new number of an old line: in a changed block the nearest, 0 if deleted."""
        shift = 0
        for block in self.blocks:
            if line < block.old_start:
                break
            if line < block.old_end:
                if block.new_start == block.new_end:
                    return 0
                return min(block.new_start + line - block.old_start, block.new_end - 1)
            shift = block.new_end - block.old_end
        return line + shift


def split_lines(text: str) -> list[str]:
    r"""Return the text's lines with their ends (``\r\n``, ``\n`` or ``\r``), no empty last one."""
    starts = line_starts(text)
    ends = (*starts[1:], len(text))
    return [text[start:end] for start, end in zip(starts, ends, strict=True) if start < end]


def line_end(text: str) -> str:
    r"""Return the line end that most lines of the text have; ``\n`` where there is none."""
    windows = text.count("\r\n")
    unix = text.count("\n") - windows
    alone = text.count("\r") - windows
    return max((unix, "\n"), (windows, "\r\n"), (alone, "\r"), key=lambda pair: pair[0])[1]


def terminate_line(lines: list[str], number: int, end: str) -> None:
    """Append ``end`` to line ``number``, from 1, if it has no line end; 0 changes nothing."""
    if number and not lines[number - 1].endswith(("\n", "\r")):
        lines[number - 1] += end


def diff_texts(before: str, after: str) -> LineChanges:
    """Compare two texts by lines; a part of over 2,000 lines that differs is one block."""
    return diff_lines(split_lines(before), split_lines(after))


def diff_lines(old: list[str], new: list[str]) -> LineChanges:
    """Compare two lists of lines, as ``diff_texts`` does."""
    limit = min(len(old), len(new))
    head = next((i for i in range(limit) if old[i] != new[i]), limit)
    limit -= head
    tail = next((i for i in range(limit) if old[-1 - i] != new[-1 - i]), limit)
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if not middle_old and not middle_new:
        return LineChanges(())
    if max(len(middle_old), len(middle_new)) > _LONGEST_DIFF:
        return LineChanges(
            (ChangedBlock(head + 1, len(old) - tail + 1, head + 1, len(new) - tail + 1),),
        )
    matcher = difflib.SequenceMatcher(None, middle_old, middle_new, autojunk=False)
    offset = head + 1
    return LineChanges(
        tuple(
            ChangedBlock(i1 + offset, i2 + offset, j1 + offset, j2 + offset)
            for tag, i1, i2, j1, j2 in matcher.get_opcodes()
            if tag != "equal"
        )
    )


def line_of(text: str, offset: int) -> int:
    """Return the number of the line that contains ``offset``."""
    head = text[:offset]
    return len(line_starts(head)) - (head.endswith("\r") and text[offset : offset + 1] == "\n")


def span_of_lines(text: str, first: int, end: int) -> Span:
    """Return the span of lines ``first`` to ``end`` (exclusive), with their line ends."""
    starts = (*line_starts(text), len(text))
    last = len(starts) - 1
    return Span(starts[min(first - 1, last)], starts[min(end - 1, last)])
