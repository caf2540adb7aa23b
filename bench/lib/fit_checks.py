"""What must hold of an answer within its file; each fault has a word, which the reports count."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from bench.lib.fit_cases import NOTHING, FitCase
from bench.lib.parse_errors import errors, nodes, tree

EMPTY, WANTED_NOTHING, PARSES, DEPTH = "empty", "wanted-nothing", "parses", "depth"
UNIT, CLOSERS, LANGUAGE, REPEATED, OFFER = "unit", "closers", "language", "repeated", "offer"
FAULTS = (EMPTY, WANTED_NOTHING, PARSES, DEPTH, UNIT, CLOSERS, LANGUAGE, REPEATED, OFFER)
# Faults that nobody can see without the grammar of the language.
BY_GRAMMAR = frozenset({PARSES, CLOSERS})

_WORD = re.compile(r"\w+")
_BLOCK_ENDS = ("end", "fi", "done", "esac", "end_tag")
_NOT_CODE = re.compile(r"string|template|heredoc|comment|raw_text|text$|block_scalar|jsx_text")
_OPENS = re.compile(r"[{(\[:]\s*$|\b(?:then|do)\s*$")
_STAYS = re.compile(
    r"[)\]}]|(?:case|default|public|private|protected|else|elif|end|fi|done)\b|\w+:$|</"
)
_LONGEST_CYCLE = 8


@dataclass(frozen=True)
class Fitted:
    """An answer put into its case: ``result`` is the whole text with it."""

    case: FitCase
    result: str
    start: int
    answer: str

    @cached_property
    def lines(self) -> list[str]:
        return self.result.split("\n")

    @cached_property
    def rows(self) -> range:
        """The lines, from 0, that the answer touches."""
        first = self.result.count("\n", 0, self.start)
        return range(first, first + self.answer.count("\n") + 1)

    @cached_property
    def head(self) -> str:
        """The cursor's line before the cursor."""
        return self.result[self.result.rfind("\n", 0, self.start) + 1 : self.start]


def faults(case: FitCase, result: str | None, start: int = 0, answer: str = "") -> list[str]:
    """What does not hold; ``result`` is the text with the answer at ``start``, None: no answer."""
    if result is None or not answer.strip():
        may = NOTHING in case.offers or case.settings.get("empty") == "ok"
        return [] if may else [EMPTY]
    if case.wants_nothing:
        return [WANTED_NOTHING]
    fitted = Fitted(case, result, start, answer)
    found = {
        PARSES: not _parses(fitted),
        DEPTH: not _has_depth(fitted),
        UNIT: not _keeps_unit(fitted),
        CLOSERS: not _closers_stand_right(fitted),
        LANGUAGE: not _speaks(fitted),
        REPEATED: _repeats(fitted),
        OFFER: bool(case.offers) and case.middle(result) not in case.offers,
    }
    return [name for name, is_there in found.items() if is_there]


def _parses(fitted: Fitted) -> bool:
    case = fitted.case
    wanted = case.settings.get("parses", "clean")
    if wanted == "unknown":
        return True
    after = errors(fitted.result, case.language_id)
    if not after:
        return True
    return wanted != "clean" and after <= (errors(case.text, case.language_id) or 0)


def may_parse(case: FitCase) -> bool:
    """Whether a right answer leaves a file that parses, and whether that can be told here."""
    wanted = case.settings.get("parses", "clean")
    before = errors(case.text, case.language_id)
    return before is not None and (wanted == "clean" or (wanted == "as-before" and before == 0))


def _has_depth(fitted: Fitted) -> bool:
    """Whether the first line with text begins where it should."""
    written = [number for number in fitted.rows if fitted.lines[number].strip()]
    if not written:
        return True
    first = written[0]
    blank_head = not fitted.head.strip()
    given = fitted.case.settings.get("depth")
    if given == "any":
        return True
    if given is not None:
        wanted = int(given)
    elif blank_head and fitted.head and first == fitted.rows[0]:
        wanted = len(fitted.head)
    else:
        return True
    if first == fitted.rows[0] and not blank_head:  # the line was begun: the next one counts
        if len(written) == 1:
            return True
        first = written[1]
    return len(_indent(fitted.lines[first])) == wanted


def _keeps_unit(fitted: Fitted) -> bool:
    """Whether the answer's lines are indented by the file's unit, by its tabs or spaces."""
    unit = unit_of(fitted.case)
    inside = _rows_inside_texts(fitted)
    above: list[str] = []
    if not unit:  # the text has no indentation yet: the answer's own first step is the unit
        steps = [_indent(fitted.lines[row]) for row in fitted.rows if _indent(fitted.lines[row])]
        unit = steps[0] if steps else " "
        unit = "\t" if "\t" in unit else unit
    for number, line in enumerate(fitted.lines):
        if number > fitted.rows[-1]:
            return True
        if not line.strip() or number in inside:
            continue
        own = number in fitted.rows and (number > fitted.rows[0] or not fitted.head.strip())
        if own and not _is_indented_right(line, above, unit):
            return False
        above.append(line)
    return True


def _is_indented_right(line: str, above: Sequence[str], unit: str) -> bool:
    indent = _indent(line)
    if indent and ("\t" in indent) != (unit == "\t"):
        return False
    upper = above[-1] if above else ""
    more = len(indent) - len(_indent(upper))
    bare = line.strip()
    if more > 0 and _OPENS.search(upper):
        return more == len(unit) or (upper.rstrip().endswith("(") and more == 2 * len(unit))
    if more > 0:
        return more % len(unit) == 0 or _is_aligned(upper, len(indent))
    if more == 0:
        block = upper.rstrip().endswith("{")
        return not block or bool(_STAYS.match(bare)) or upper.lstrip().startswith("namespace")
    return any(len(_indent(one)) == len(indent) for one in above) or not above


def _is_aligned(upper: str, column: int) -> bool:
    """Whether a column is that behind a bracket or sign of the line above, as in alignments."""
    return 0 < column <= len(upper) and (upper[column - 1] in "([{ =" or upper[column] in "./?:&|*")


def unit_of(case: FitCase) -> str:
    """The case's unit of indentation: a tab, or so many blanks; "" where its text has none."""
    if "unit" in case.settings:
        given = case.settings["unit"]
        return "\t" if given == "tab" else " " * int(given)
    lines = [line for line in case.text.split("\n") if line.strip() or _indent(line)]
    indented = [line for line in lines if _indent(line)]
    if sum(line[0] == "\t" for line in indented) * 2 > len(indented):
        return "\t"
    more = Counter(
        len(_indent(lower)) - len(_indent(upper))
        for upper, lower in pairwise(lines)
        if len(_indent(lower)) - len(_indent(upper)) > 1 and upper.strip()
    )
    return " " * (min(more, key=lambda step: (-more[step], step)) if more else 0)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _rows_inside_texts(fitted: Fitted) -> set[int]:
    """Lines that begin inside a string, a comment or running text: their depth is their own."""
    parsed = tree(fitted.result, fitted.case.language_id)
    if parsed is None:
        return set()
    return {
        row
        for node in nodes(parsed.root_node)
        if node.start_point[0] < node.end_point[0] and _NOT_CODE.search(node.type)
        for row in range(node.start_point[0] + 1, node.end_point[0] + 1)
    }


def _closers_stand_right(fitted: Fitted) -> bool:
    """Whether each closer of a block that the answer wrote stands at its opener's depth.

    A closer whose opener is on an earlier line has nothing but closers before it on its line.
    """
    parsed = tree(fitted.result, fitted.case.language_id)
    if parsed is None:
        return True
    lines = [line.encode() for line in fitted.lines]
    for node in nodes(parsed.root_node):
        opener = next((child for child in node.children if child.type == "{"), None)
        for child in node.children:
            is_brace = child.type == "}" and opener is not None
            if not (is_brace or child.type in _BLOCK_ENDS) or child.is_missing:
                continue
            row, column = child.start_point
            above = (opener if is_brace and opener else node).start_point[0]
            if above == row or row not in fitted.rows or not _wrote(fitted, row, column):
                continue
            before = lines[row][:column].decode(errors="replace")
            if before.strip(" \t)]}"):
                if is_brace:
                    return False
                continue
            if len(_indent(fitted.lines[row])) != len(_indent(fitted.lines[above])):
                return False
    return True


def _wrote(fitted: Fitted, row: int, column: int) -> bool:
    """Whether what stands at a place (the column in bytes) is the answer's."""
    line = fitted.lines[row].encode()[:column].decode(errors="replace")
    at = sum(len(one) + 1 for one in fitted.lines[:row]) + len(line)
    return fitted.start <= at < fitted.start + len(fitted.answer)


def _speaks(fitted: Fitted) -> bool:
    never, has = fitted.case.settings.get("never"), fitted.case.settings.get("has")
    if never and re.search(never, fitted.answer):
        return False
    return not has or bool(re.search(has, fitted.answer))


def _repeats(fitted: Fitted) -> bool:
    """Whether the answer says again what stands below or elsewhere, or loops."""
    lines = [line.rstrip() for line in fitted.lines]
    own = [lines[number] for number in fitted.rows]
    if not fitted.head.strip():
        written = [line for line in own if line.strip()]
    else:
        written = [line for line in own[1:] if line.strip()]
    if _loops([line.strip() for line in written]):
        return True
    following = [line for line in lines[fitted.rows[-1] + 1 :] if line.strip()]
    if written and following and _is_said_again(written[-1], following[0]):
        return True
    known = [line.strip() for line in fitted.case.text.split("\n") if len(line.strip()) > 3]
    said = [line.strip() for line in written if len(line.strip()) > 3]
    return any(
        known[at : at + 3] == said[begin : begin + 3]
        for begin in range(len(said) - 2)
        for at in range(len(known) - 2)
    )


def _is_said_again(line: str, following: str) -> bool:
    words = len(_WORD.findall(line))
    return line == following and (words > 1 or line.strip().startswith("</"))


def _loops(lines: Sequence[str]) -> bool:
    """Whether a cycle of up to eight lines that hold words comes three times on end."""
    for width in range(1, min(_LONGEST_CYCLE, len(lines) // 3) + 1):
        for at in range(len(lines) - 3 * width + 1):
            cycle = list(lines[at : at + width])
            rounds = [list(lines[at + turn * width : at + (turn + 1) * width]) for turn in (1, 2)]
            if rounds == [cycle, cycle] and any(len(_WORD.findall(one)) > 1 for one in cycle):
                return True
    return False


def spread(cases: Sequence[FitCase], limit: int | None) -> Iterator[FitCase]:
    """``limit`` of the cases, evenly spread; all of them when there are not more."""
    if limit is None or limit >= len(cases):
        yield from cases
        return
    for index in range(limit):
        yield cases[index * len(cases) // limit]
