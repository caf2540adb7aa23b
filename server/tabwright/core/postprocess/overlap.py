"""Find where an answer begins to repeat the text after the cursor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Overlap:
    """From offset ``start`` on, the answer equals the suffix for ``shared_chars`` characters.

    Blanks do not count. ``reaches_end``: the answer ends before they differ. ``whole_line``: the
    suffix's first line with text is repeated completely; ``whole_suffix``: all of the suffix is.
    """

    start: int
    shared_chars: int
    reaches_end: bool
    whole_line: bool
    whole_suffix: bool = False


def overlaps(answer: str, suffix: str) -> Iterator[Overlap]:
    """Yield every offset where the answer equals the suffix for at least one character.

    Blank lines and the width of gaps inside a line may differ, the indentation may not.
    """
    first = suffix.strip().split("\n", 1)[0]
    need = sum(not char.isspace() for char in first)
    if not need:
        return
    for at in range(len(answer)):
        if answer[at] == suffix[0] or (answer[at].isspace() and suffix[0].isspace()):
            shared, to_end, all_of_it = _shared(answer, at, suffix)
            if shared:
                yield Overlap(at, shared, to_end, shared >= need, all_of_it)


def _shared(answer: str, at: int, suffix: str) -> tuple[int, bool, bool]:
    count, left, right = 0, at, 0
    while left < len(answer) and right < len(suffix):
        if answer[left].isspace() or suffix[right].isspace():
            next_left, next_right = _gap(answer, left), _gap(suffix, right)
            if next_left == len(answer):
                return count, True, not suffix[right:].strip()
            if not _same_gap(answer[left:next_left], suffix[right:next_right]):
                return count, False, False
            left, right = next_left, next_right
        elif answer[left] == suffix[right]:
            count, left, right = count + 1, left + 1, right + 1
        else:
            return count, False, False
    return count, not answer[left:].strip(), not suffix[right:].strip()


def _gap(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _same_gap(left: str, right: str) -> bool:
    if "\n" in left or "\n" in right:
        return (
            "\n" in left and "\n" in right and left.rpartition("\n")[2] == right.rpartition("\n")[2]
        )
    return bool(left) == bool(right)
