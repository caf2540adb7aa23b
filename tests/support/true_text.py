"""Real files with a gap in them, the gap's own text as the model's answer, and that text spoilt.

The true text must come through: not refused, not changed but for where it ends. Whatever is done to
it, a file that parses with the gap still parses with the answer.
"""

from __future__ import annotations

import os
import random
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bench.lib import fit_cases
from bench.lib.fit_cases import FitCase
from bench.lib.parse_errors import errors, is_judged
from support.scripted_model import suggested

from tabwright.core.languages import LANGUAGES, by_path
from tabwright.core.text import apply, indent_of

ROOT = Path(__file__).parents[2]
# More folders to take files from, in the form of PATH.
FOLDERS = "TABWRIGHT_TRUE_TEXT"
_CHARACTERS = range(400, 12_000)
_LONGEST_LINE = 160
_FILES_LOOKED_AT = 60  # of each language
_FILES = 12
_MOST_LINES = 6
_CLOSERS = ("}", ")", "]", "end", "fi", "</div>")


@dataclass
class Tally:
    """What came of one language's files: answers of true text, and answers that were spoilt."""

    files: int = 0
    asked: int = 0
    refused: int = 0
    changed: int = 0
    cut: int = 0
    spoilt: int = 0
    worse: int = 0
    shown: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """True texts that did not come through."""
        return self.refused + self.changed + self.cut


@dataclass(frozen=True)
class Gap:
    """A file without some of its text: what stood there is ``true``."""

    language_id: str
    file: str
    head: str
    true: str
    tail: str
    invoked: bool

    def case(self, words: str) -> FitCase:
        """The gap as an input for a model that writes these words."""
        settings = {"trigger": "invoked"} if self.invoked else {}
        text = self.head + self.tail
        name = f"{self.file}:{self.head.count(chr(10)) + 1}"
        return FitCase(
            name=name,
            kind="true",
            language_id=self.language_id,
            file=Path(self.file).name,
            text=text,
            offset=len(self.head),
            settings=settings,
            model=(words,),
        )


async def survey(language_id: str, seed: int, rounds: int) -> Tally:
    """Try so many gaps of a language's files: each with its own text, and with it spoilt."""
    chance = random.Random(f"{language_id} {seed}")
    files = corpus()[language_id]
    tally = Tally(len(files))
    while tally.asked < rounds:
        gap = gap_in(*chance.choice(files), language_id, chance)
        if gap is not None:
            await _try_true(gap, chance, tally)
            await _try_spoilt(gap, chance, tally)
    return tally


async def _try_true(gap: Gap, chance: random.Random, tally: Tally) -> None:
    """The gap's own text, and often, as models do, some of what stands below it."""
    lines = gap.tail.split("\n")
    more = "\n".join(lines[: 1 + chance.choice((0, 0, 1, 4))])
    case = gap.case(gap.true + more)
    edits = await suggested(case)
    tally.asked += 1
    result = apply(case.text, edits[:1])
    middle = case.middle(result)
    if not edits:
        tally.refused += 1
    elif middle is None or not is_true(gap, middle):
        tally.changed += 1
    elif errors(case.text, gap.language_id) == 0 and errors(result, gap.language_id):
        tally.cut += 1  # the start alone, where the rest was needed
    else:
        return
    shown = edits[0].new_text if edits else None
    tally.shown.append(f"{case.name} invoked={gap.invoked}\n  true {gap.true!r}\n  came {shown!r}")


def is_true(gap: Gap, middle: str) -> bool:
    """Whether an answer is the true text, or, where that was not asked for by hand, its start.

    The start ends with a line; blanks at the end do not count.
    """
    kept, true = middle.rstrip(), gap.true.rstrip()
    if kept == true:
        return True
    return not gap.invoked and true.startswith(kept) and true[len(kept) :].lstrip(" \t")[:1] == "\n"


async def _try_spoilt(gap: Gap, chance: random.Random, tally: Tally) -> None:
    if errors(gap.head + gap.tail, gap.language_id):
        return  # where errors are, their number says little
    words = spoil(gap.true, chance)
    case = gap.case(words)
    edits = await suggested(case)
    tally.spoilt += 1
    if edits and errors(apply(case.text, edits[:1]), gap.language_id):
        tally.worse += 1
        tally.shown.append(
            f"{case.name} invoked={gap.invoked} does not parse\n  true {gap.true!r}\n"
            f"  wrote {words!r}\n  came {edits[0].new_text!r}"
        )


def gap_in(text: str, file: str, language_id: str, chance: random.Random) -> Gap | None:
    """A gap of some lines, or of the rest of a line and some more; None where none has words."""
    lines = text.split("\n")
    first = chance.randrange(len(lines))
    last = min(len(lines) - 2, first + chance.choice((0, 0, 0, 1, 2, _MOST_LINES)))
    line = lines[first]
    if last < first or not line.strip() or not lines[last].strip():
        return None
    start = len(indent_of(line))
    if chance.random() < 0.35 and len(line.rstrip()) > start + 2:
        start = chance.randrange(start + 1, len(line.rstrip()))
    gone = "\n".join(lines[first : last + 1])[start:]
    if not any(char.isalnum() for char in gone):
        return None
    head = "".join(f"{one}\n" for one in lines[:first]) + line[:start]
    tail = "\n" + "\n".join(lines[last + 1 :])
    return Gap(language_id, file, head, gone, tail, chance.random() < 0.4)


def spoil(text: str, chance: random.Random) -> str:
    """The text with a line left out, written twice, put in or indented in another way."""
    lines = text.split("\n")
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(len(lines))
        line = lines[at]
        match chance.randrange(6):
            case 0 if len(lines) > 1:
                del lines[at]
            case 1:
                lines.insert(at, line)
            case 2:
                closer = chance.choice(_CLOSERS)
                lines.insert(at + 1, indent_of(line)[: chance.choice((0, 4, 99))] + closer)
            case 3:
                lines[at] = chance.choice(("  ", "    ", "\t")) + line
            case 4:
                lines[at] = line[len(indent_of(line)) // 2 :]
            case _:
                lines[at] = line.rstrip("})]; ")
    return "\n".join(lines)


@cache
def corpus() -> dict[str, list[tuple[str, str]]]:
    """Texts and names of files that parse, by language: of installed packages, else our own cases.

    The same ones for the same packages.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    paths = _paths()
    own = _own_texts()
    for language_id in LANGUAGES:
        if not is_judged(language_id):
            continue
        listed = paths.get(language_id, [])
        picked = random.Random(language_id).sample(listed, min(_FILES_LOOKED_AT, len(listed)))
        texts = [*(_readable(Path(path), language_id) for path in picked)]
        files = [one for one in texts if one is not None][:_FILES]
        files += own.get(language_id, [])[: _FILES - len(files)]
        if files:
            found[language_id] = files
    return found


def _paths() -> dict[str, list[str]]:
    folders = [Path(path) for path in sys.path if path.endswith("site-packages")]
    folders += [ROOT / "editor-client" / "vscode" / "node_modules"]
    folders += [Path(path) for path in filter(None, os.environ.get(FOLDERS, "").split(os.pathsep))]
    found: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in names:
                found[by_path(name).id].append(os.path.join(parent, name))
    return {language_id: sorted(paths) for language_id, paths in found.items()}


def _readable(path: Path, language_id: str) -> tuple[str, str] | None:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    lines = text.split("\n")
    if len(text) not in _CHARACTERS or max(map(len, lines)) > _LONGEST_LINE or "\r" in text:
        return None
    return (text, path.name) if errors(text, language_id) == 0 else None


def _own_texts() -> dict[str, list[tuple[str, str]]]:
    """The texts of our own cases with the right answer in them."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for case in fit_cases.own():
        if case.offers and case.offers[0] != fit_cases.NOTHING:
            text = case.text[: case.offset] + case.offers[0] + case.text[case.offset :]
            if errors(text, case.language_id) == 0:
                found[case.language_id].append((text, f"{case.name}/{case.file}"))
    return found


def row(language_id: str, one: Tally) -> str:
    """One line about a language."""
    return (
        f"{language_id:16} {one.files:3} files, {one.asked} true texts: {one.refused} refused,"
        f" {one.changed} changed, {one.cut} cut short;"
        f" {one.spoilt} spoilt: {one.worse} broke the file"
    )
