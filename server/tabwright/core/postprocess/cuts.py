"""Choose where to end an answer of several lines.

A model often continues into the suffix or beyond it. Each possible end gets a rank; the highest one
with which the document parses wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from tabwright.core.languages import by_id
from tabwright.core.postprocess.overlap import overlaps
from tabwright.core.syntax.blocks import CONTINUES_BLOCK, JUMP_STATEMENT, depth
from tabwright.core.syntax.brackets import scan
from tabwright.core.syntax.validate import (
    head_of_line,
    imbalance,
    missing_closers,
    next_line,
    parses_with,
    rest_of_line,
    text_below,
)
from tabwright.core.task import Task
from tabwright.core.text import indent_of

_MAX_TRIES = 40
_CERTAIN_CHARS = 12
_MIN_SIMILARITY = 0.75
_DEFINES = re.compile(r"(async +def|def|class|function|fn|func|@\w)\b")


@dataclass(frozen=True, order=True)
class Cut:
    """One way to end the answer; higher ranks win, then higher weights."""

    rank: int
    weight: int
    text: str


def best_cut(task: Task, text: str, *, complete: bool) -> str | None:
    """Return the best way to end ``text``; None if all of it repeats the text below the cursor.

    ``complete``: the model ended the answer itself; otherwise the last line may be cut off.
    """
    cuts = _ranked(task, text, complete)
    if cuts and not cuts[0].text.strip() and cuts[0].rank >= 60:
        return None
    cuts = [cut for cut in cuts if cut.text.strip()][:_MAX_TRIES]
    if not cuts:
        return text
    for cut in cuts:
        if parses_with(task, cut.text, task.offset):
            return cut.text
    # Nothing parses, or the language cannot be parsed: unpaired brackets are the best indication.
    return min(cuts, key=lambda cut: _fault_count(task, cut.text)).text


def _fault_count(task: Task, text: str) -> int:
    """Count unpaired brackets, plus one if the next line would be indented too deep."""
    last = text.rstrip().rpartition("\n")[2]
    following = next_line(task)
    misfit = "\n" in text.strip() and not rest_of_line(task).strip() and bool(following)
    misfit = misfit and depth(last) < depth(following) and last.rstrip()[-1:] not in tuple(":{([,")
    return imbalance(task, text, task.offset) + misfit


def _ranked(task: Task, text: str, complete: bool) -> list[Cut]:
    best: dict[str, Cut] = {}
    for cut in _cuts(task, text, complete):
        if cut.text not in best or best[cut.text] < cut:
            best[cut.text] = cut
    return sorted(best.values(), key=lambda cut: (-cut.rank, -cut.weight, len(cut.text)))


def _cuts(task: Task, text: str, complete: bool) -> Iterator[Cut]:
    suffix = text_below(task)
    whole = 50 if complete else 5
    yield Cut(whole, 0, text)
    yield from _suffix_starts(text, suffix, complete)
    closed = rest_of_line_start(task, text)
    if closed is not None:
        yield Cut(53, 0, text[:closed])
    yield from _similar_lines(task, text, suffix)
    yield from _line_ends(text, suffix)
    for closers in {missing_closers(task, text), missing_closers(task, head_of_line(task) + text)}:
        yield Cut(2, 0, text.rstrip() + closers)
        first = text.rstrip().split("\n", 1)[0]
        yield Cut(1, 0, first + missing_closers(task, head_of_line(task) + first))


def rest_of_line_start(task: Task, text: str) -> int | None:
    """Return where the answer repeats the rest of the cursor's line, outside its own brackets."""
    rest = rest_of_line(task).rstrip()
    if not rest or rest[0] not in ")]}":
        return None
    language = by_id(task.snapshot.language_id)
    at = text.find(f"{rest}\n")
    while at >= 0:
        before = scan(text[:at], language)
        if not before.open and not before.unmatched and not before.quote:
            return at
        at = text.find(f"{rest}\n", at + 1)
    return None


def _suffix_starts(text: str, suffix: str, complete: bool) -> Iterator[Cut]:
    for found in overlaps(text, suffix):
        head = text[: found.start]
        inside_word = _is_word(suffix[:1]) and _is_word(head[-1:])
        ends_in_suffix = found.reaches_end or found.whole_suffix
        if found.whole_line and (
            found.shared_chars >= _CERTAIN_CHARS or (ends_in_suffix and found.shared_chars >= 3)
        ):
            rank = 60
        elif found.reaches_end and (found.shared_chars >= 3 or inside_word):
            rank = 55
        elif found.whole_line and found.shared_chars >= 4:
            rank = 35
        elif found.reaches_end and not complete and suffix[:1] == "\n":
            rank = 30  # cut off inside a line that begins like the next line
        else:
            # One or two equal brackets may be chance, so such a cut wins only if the text parses:
            # the last one if the model ended there, else the first, as the model went past it.
            ends = found.reaches_end and complete
            yield Cut(21 if ends else 20, found.start if ends else -found.start, head)
            continue
        yield Cut(rank, found.shared_chars, head)


def _similar_lines(task: Task, text: str, suffix: str) -> Iterator[Cut]:
    if suffix[:1] != "\n" and suffix.split("\n", 1)[0].strip():
        return
    target = next((line for line in suffix.split("\n") if line.strip()), "")
    if not target:
        return
    bare = target.strip()
    matcher = SequenceMatcher(b=bare, autojunk=False)
    offset = 0
    for number, line in enumerate(text.split("\n")):
        if number and line.strip() and depth(line) == depth(target):
            matcher.set_seq1(line.strip())
            similarity = round(100 * matcher.ratio()) if len(bare) >= 8 else 0
            if similarity >= 100 * _MIN_SIMILARITY:
                yield Cut(45, similarity, text[: offset - 1])
            elif _makes_unreachable(line, bare):
                at_end = "\n" not in text[offset:].rstrip()
                yield Cut(52 if at_end else 40, -offset, text[: offset - 1])
            elif _defines_both(line, bare):
                yield Cut(40, -offset, text[: offset - 1])
        elif number and line.strip() and depth(line) < depth(target):
            yield Cut(25, -offset, text[: offset - 1])
        offset += len(line) + 1


def _makes_unreachable(line: str, following: str) -> bool:
    joins = CONTINUES_BLOCK.match(following) or _DEFINES.match(following)
    return bool(JUMP_STATEMENT.match(line.strip())) and not joins


def _defines_both(line: str, following: str) -> bool:
    return bool(_DEFINES.match(line.strip()) and _DEFINES.match(following))


def _line_ends(text: str, suffix: str) -> Iterator[Cut]:
    rest = suffix.split("\n", 1)[0]
    for found in re.finditer("\n", text):
        yield Cut(10, found.start(), text[: found.start()])
        if rest.strip():
            yield Cut(10, found.start(), text[: found.end()])
            indent = indent_of(text[found.end() :])
            yield Cut(9, found.start(), text[: found.end()] + indent)
    if rest.strip():
        first = text.split("\n", 1)[0]
        for edge in list(re.finditer(r"\b|(?<=\W)(?=\W)", first))[::-1][:16]:
            yield Cut(4, edge.start(), first[: edge.start()])
        yield Cut(3, 0, text.rstrip() + "\n")
        yield Cut(3, 0, text.rstrip() + "\n" + indent_of(text.rsplit("\n", 1)[-1]))


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
