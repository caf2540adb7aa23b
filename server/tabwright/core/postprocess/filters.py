"""The filters that turn a model's answer into a suggestion; pure, applied in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from tabwright.core.languages import by_id
from tabwright.core.message import Message
from tabwright.core.postprocess.cuts import best_cut
from tabwright.core.postprocess.indentation import fitted_indentation
from tabwright.core.prompting.control_tokens import control_start
from tabwright.core.safety.inert_text import hidden_character_in
from tabwright.core.syntax.blocks import block_exit, statement_end
from tabwright.core.syntax.fit import Fit, closers_on_own_lines, fit
from tabwright.core.syntax.pairs import end_in_pair, ends_with_line
from tabwright.core.syntax.validate import (
    head_of_line,
    imbalance,
    missing_closers,
    parses_with,
    rest_of_line,
    text_below,
)
from tabwright.core.task import Task
from tabwright.core.text import indent_of, unix_line_ends

REPEATS_SUFFIX = Message("the answer repeated the lines below")
REPEATS_ITSELF = Message("the model repeated itself")
HIDDEN_CHARACTERS = Message("the answer has invisible characters that the file does not have")
BLANK = Message("the model had nothing to add")
DOES_NOT_FIT = Message("no answer fits the code around it")
_MAX_SHORTER = 10  # how many shorter answers are tried; each costs a parse
_WITH_ENDINGS = 2  # of the first of them, also with a sign that ends a statement

_LOOP_ROUNDS = 6
_MAX_ROUND_CHARS = 80
_MAX_VARIANTS = 16  # of a line's end; each variant is parsed
_FENCE = re.compile(r"^[ \t]*+```", re.MULTILINE)
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class FilterState:
    """An answer between two filters: ``text`` replaces the document from the cursor to ``end``.

    ``complete``: the model ended the answer itself, so its last line is not cut.
    """

    text: str
    end: int
    complete: bool = True


@dataclass(frozen=True)
class Rejected:
    """An answer that is not shown, with the reason as a short sentence."""

    reason: Message


Filter = Callable[[FilterState, Task], FilterState | Rejected]


def cut_specials(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """End the answer at the first special token that an engine returned as text.

    Tokens of the model's own family always count, others only if the document does not have them.
    """
    text = unix_line_ends(candidate.text)
    found = [text.find(token.removeprefix("▁")) for token in task.family.specials]
    ends = [at for at in (*found, control_start(text, task.snapshot.text)) if at is not None]
    ends = [at for at in ends if at >= 0]
    return replace(candidate, text=text[: min(ends)] if ends else text)


def cut_at_closer(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Inside a pair, end the answer where it closes the pair, which the document does already."""
    if not task.closer:
        return candidate
    text = candidate.text
    end = end_in_pair(text, task.closer, by_id(task.snapshot.language_id))
    if end is None:
        return candidate
    rest = rest_of_line(task)
    if ends_with_line(task) and "\n" not in text[:end]:
        # The answer closes the pair itself and goes on: what it wrote replaces the line's end.
        line = text.split("\n", 1)[0].rstrip()
        whole = replace(candidate, text=line, end=task.offset + len(rest.rstrip()))
        found = fit(task, whole.text, whole.end)
        more = line[end:].strip() != rest.strip() and is_subsequence(rest.strip(), line[end:])
        if more and (found is None or found.is_whole):
            return whole
    text = text[:end]
    if "\n" in text.strip(" \t") and not text.rstrip(" \t").endswith("\n"):
        own_line = "\n" in candidate.text[len(text.rstrip()) : end] or text.startswith("\n")
        text = text.rstrip() + "\n" + indent_of(head_of_line(task)) if own_line else text
    return replace(candidate, text=text, complete=True)


def cut_fence(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """End the answer at a Markdown fence, which an instruction-tuned model may write."""
    if task.snapshot.language_id == "markdown":
        return candidate
    found = _FENCE.search(candidate.text)
    if found is None:
        return candidate
    return replace(candidate, text=candidate.text[: found.start()], complete=True)


def cut_leading_blank(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Remove empty lines at the answer's start if the cursor's line is empty."""
    if head_of_line(task).strip() or rest_of_line(task).strip() or task.invoked:
        return candidate
    head = head_of_line(task)
    text = re.sub(r"\A(?:[ \t]*+\n)+", "", candidate.text)
    if text != candidate.text and head and text.startswith(head):
        text = text[len(head) :]
    return replace(candidate, text=text)


def cut_second_indent(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Remove indentation that the answer repeats after the cursor's own indentation."""
    head = head_of_line(task)
    if head and not head.strip() and candidate.text.startswith(head):
        with_indent, without_indent = candidate.text, candidate.text[len(head) :]
        if parses_with(task, with_indent, candidate.end) is False and parses_with(
            task, without_indent, candidate.end
        ):
            return replace(candidate, text=without_indent)
    return candidate


def fit_indentation(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Give the lines the file's unit of indentation and the cursor's depth, closers their lines."""
    text = fitted_indentation(task, candidate.text)
    return replace(candidate, text=closers_on_own_lines(task, text, candidate.end))


def cut_loop(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Cut an answer that loops after the first round; refuse it if nothing else remains."""
    at = loop_start(candidate.text)
    if at is None:
        return candidate
    kept = candidate.text[:at]
    return replace(candidate, text=kept) if "\n" in kept.strip() else Rejected(REPEATS_ITSELF)


def cut_to_statement(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Keep the first statement of an answer if several lines were not requested.

    Keep only its first line if the file parses with that and not with the whole statement.
    """
    if task.multiline:
        return candidate
    text = candidate.text
    end = statement_end(task, text + "\n")
    if end is not None:
        complete = candidate.complete or end < len(text)
        candidate = replace(candidate, text=text[:end], complete=complete)
    elif not candidate.complete and "\n" in text.rstrip():
        candidate = replace(candidate, text=text[: text.rstrip().rfind("\n")], complete=True)
    first, newline, _ = candidate.text.lstrip("\n").partition("\n")
    whole = not newline or parses_with(task, candidate.text, candidate.end)
    if whole or not parses_with(task, first, candidate.end):
        return candidate
    found = fit(task, first, candidate.end)
    if found is not None and not found.is_whole:
        return candidate
    return replace(candidate, text=first, complete=True)


def cut_block(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """End an answer of several lines where it leaves the block at the cursor."""
    if not task.multiline or task.closer:
        return candidate
    at = block_exit(task, candidate.text)
    if at is None:
        return candidate
    return replace(candidate, text=candidate.text[:at], complete=True)


def cut_suffix(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """End an answer of several lines where the suffix begins, or where the file still parses."""
    if not task.multiline or task.closer:
        return candidate
    text = best_cut(task, candidate.text, complete=candidate.complete)
    return Rejected(REPEATS_SUFFIX) if text is None else replace(candidate, text=text)


def fit_line(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Correct closing brackets: those after the cursor, and those missing or doubled in one line.

    The first variant that parses wins, else the one with the fewest unpaired brackets.
    """
    rest = rest_of_line(task)
    in_pair = task.closer and (not ends_with_line(task) or "\n" in candidate.text)
    if in_pair or (task.invoked and rest.strip(" \t)]}>\"'`:;,{")):
        return candidate
    variants = list(dict.fromkeys(_variants(candidate, task, rest)))
    if len(variants) == 1:
        return candidate
    for variant in variants:
        if parses_with(task, variant.text, variant.end):
            return variant
    plain = [variant for variant in variants if variant.text == candidate.text or rest.strip()]
    return min(plain, key=lambda variant: imbalance(task, variant.text, variant.end))


def _variants(candidate: FilterState, task: Task, rest: str) -> list[FilterState]:
    text, bare = candidate.text, rest.strip()
    line_end = task.offset + len(rest.rstrip())
    if not bare:
        variants = [candidate]
    elif text.rstrip().endswith(bare):
        variants = [replace(candidate, text=text.rstrip()[: -len(bare)]), candidate]
    elif is_subsequence(rest.rstrip(), text):
        variants = [replace(candidate, end=line_end), candidate]
    else:
        variants = [candidate]
    if "\n" in text:
        return variants
    shorter = text.rstrip()
    while shorter[-1:] in (")", "]", "}") and len(variants) < _MAX_VARIANTS:
        shorter = shorter[:-1].rstrip()
        variants.append(replace(candidate, text=shorter))
    if not bare:
        missing = missing_closers(task, head_of_line(task) + text)
        closed = text.rstrip() + missing
        variants += [replace(candidate, text=closed), replace(candidate, text=closed + ":")]
    return variants


def is_subsequence(part: str, text: str) -> bool:
    """Tell whether ``part`` is a subsequence of ``text``, as editors require to replace it."""
    rest = iter(text)
    return all(char in rest for char in part)


def fit_structure(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Make the document parse no worse than before: close what the answer opens, or shorten it.

    Tried in this order: the answer; closed; up to a closer that the document has already; its first
    lines, as many as possible, each closed.
    """
    first = fit(task, candidate.text, candidate.end)
    if first is None or first.is_whole:
        return candidate
    best, best_fit = candidate, first
    for number, text in enumerate(_shorter_answers(candidate.text, first)):
        found = fit(task, text, candidate.end) if number else first
        if found is None or not text.strip():
            continue
        if found.missing:
            text = _closed(text, found.missing)
            found = fit(task, text, candidate.end)
        for ending in ("", ";", ",") if number < _WITH_ENDINGS else ("",):
            ended = fit(task, text + ending, candidate.end) if ending else found
            if ended is not None and ended.is_whole and ended.errors <= first.errors:
                return replace(candidate, text=text + ending, complete=True)
        if found is not None and (not found.parses, found.errors) < (
            not best_fit.parses,
            best_fit.errors,
        ):
            best, best_fit = replace(candidate, text=text, complete=True), found
    return best if best_fit.parses else Rejected(DOES_NOT_FIT)


def _shorter_answers(text: str, found: Fit) -> Iterator[str]:
    yield text
    if text.rstrip().endswith(","):
        yield text.rstrip().removesuffix(",")
    if found.extra is not None:
        yield text[: found.extra].rstrip()
    lines = text.split("\n")
    for count in range(len(lines) - 1, max(0, len(lines) - _MAX_SHORTER), -1):
        yield "\n".join(lines[:count]).rstrip()


def _closed(text: str, closers: str) -> str:
    return text.rstrip() + closers if closers.startswith("\n") else text + closers


def trim_end(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Remove blanks and empty lines at the end if only closers follow on the line."""
    kept = candidate.text.rstrip()
    if task.closer and "\n" in candidate.text:
        return candidate
    if rest_of_line(task).strip() and (task.invoked or "\n" in candidate.text[len(kept) :]):
        return candidate
    return replace(candidate, text=kept)


def refuse_blank(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Refuse an answer of only whitespace."""
    return candidate if candidate.text.strip() else Rejected(BLANK)


def refuse_repetition(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Refuse an answer that repeats the next lines.

    Texts are equal if 95 % of their characters are; a single line must also have the same words.
    """
    if task.invoked and rest_of_line(task).strip():
        return candidate
    written = [line for line in (head_of_line(task) + candidate.text).split("\n") if line.strip()]
    if len(written) > 1 and head_of_line(task).strip():
        written = written[1:]
    following = [line for line in text_below(task).split("\n")[1:] if line.strip()][: len(written)]
    ours, theirs = "\n".join(written).strip(), "\n".join(following).strip()
    if len(following) < len(written) or len(_WORDS.findall(ours)) < 2:
        return candidate
    if len(written) == 1:
        same = indent_of(written[0]) == indent_of(following[0])
        same_words = same and _WORDS.findall(ours) == _WORDS.findall(theirs)
        return Rejected(REPEATS_SUFFIX) if same_words and _nearly_equal(ours, theirs) else candidate
    return Rejected(REPEATS_SUFFIX) if _nearly_equal(ours, theirs) else candidate


def _nearly_equal(left: str, right: str) -> bool:
    return SequenceMatcher(None, left, right, autojunk=False).ratio() >= 0.95


def refuse_hidden_characters(candidate: FilterState, task: Task) -> FilterState | Rejected:
    """Refuse an answer with hidden characters that the document does not have."""
    char = hidden_character_in(candidate.text, task.snapshot.text)
    return Rejected(HIDDEN_CHARACTERS) if char else candidate


def match_line_ends(candidate: FilterState, task: Task) -> FilterState | Rejected:
    r"""Write ``\r\n`` where the document does."""
    near = task.snapshot.text[max(0, task.offset - 4000) : task.offset + 4000]
    if "\r\n" not in near:
        return candidate
    return replace(candidate, text=candidate.text.replace("\n", "\r\n"))


FILTERS: tuple[Filter, ...] = (
    cut_specials,
    cut_fence,
    cut_at_closer,
    cut_leading_blank,
    fit_indentation,
    cut_to_statement,
    cut_block,
    cut_loop,
    cut_suffix,
    trim_end,
    cut_second_indent,
    fit_line,
    fit_structure,
    refuse_blank,
    refuse_repetition,
    refuse_hidden_characters,
    match_line_ends,
)


def loop_start(text: str) -> int | None:
    """Return the offset where a text that ends in a loop first repeats itself, or None.

    A loop is six equal pieces of three or more characters, or three equal lines with words; a ruler
    of one character is not a loop.
    """
    for width in range(3, min(_MAX_ROUND_CHARS, len(text) // _LOOP_ROUNDS) + 1):
        unit = text[-width:]
        if len(set(unit)) > 1 and text.endswith(unit * _LOOP_ROUNDS):
            start = len(text) - width
            while text.endswith(unit, 0, start):
                start -= width
            return start + width
    lines = text.split("\n")
    offset = 0
    for number, line in enumerate(lines[:-2]):
        same = line == lines[number + 1] == lines[number + 2]
        if same and len(_WORDS.findall(line)) > 1 and number + 2 < len(lines):
            return offset + len(line)
        offset += len(line) + 1
    return None
