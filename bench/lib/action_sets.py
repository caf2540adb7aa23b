"""The sets that code actions are measured on, as buffers, questions and checks."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.lib import language_frames, run_languages, scoring
from bench.lib.scoring import Verdict
from bench.lib.sets import DataMissing

GENERATE, FIX, DIAGNOSTICS = "generate", "fix", "diagnostics"
TARGETS = {"translate-js": "javascript", "translate-java": "java", "translate-cpp": "cpp"}
ACTION_KINDS = (GENERATE, FIX, DIAGNOSTICS, *TARGETS)
NAMES = {"javascript": "JavaScript", "java": "Java", "cpp": "C++"}
INSTRUCTION = "Fix the bug"

_FILES = {
    GENERATE: "humaneval-dev.jsonl.gz",
    FIX: "humanevalpack-python-dev.jsonl.gz",
    DIAGNOSTICS: "fix-diagnostics-dev.jsonl.gz",
    "translate-js": "humanevalpack-js-dev.jsonl.gz",
    "translate-java": "humanevalpack-java-dev.jsonl.gz",
    "translate-cpp": "humanevalpack-cpp-dev.jsonl.gz",
}
_DECLARED = {
    "javascript": re.compile(r"^const (\w+) =", re.MULTILINE),
    "java": re.compile(r"^    public [\w<>, \[\]]+ (\w+)\(", re.MULTILINE),
    "cpp": re.compile(r"^\w[\w<>:, *&]*\s(\w+) ?\(", re.MULTILINE),
}

Row = Mapping[str, object]
_T = TypeVar("_T")


@dataclass(frozen=True)
class ActionTask:
    """A buffer, what is asked about it, and what to check the answer by.

    ``start`` and ``end`` are offsets of the function the action is about: no line outside it may
    be touched, but for imports. ``at`` is where the cursor stands. ``names`` are the functions that
    ``check`` calls, in the spelling it uses, and ``declaration`` how a translation begins.
    """

    task_id: str
    kind: str
    text: str
    start: int
    end: int
    at: int
    question: str
    check: str
    reference: str
    names: tuple[str, ...] = ()
    declaration: str = ""

    @property
    def name(self) -> str:
        return self.task_id

    @property
    def group(self) -> str:
        """The row of the report it counts in."""
        return self.kind

    @property
    def target(self) -> str:
        """Language id of the answer."""
        return TARGETS.get(self.kind, "python")

    @property
    def span(self) -> tuple[int, int] | None:
        """Offsets of what the edit may replace; None for a document of its own."""
        return None if self.kind in TARGETS else (self.start, self.end)

    def verdict(self, answer: str) -> Verdict:
        """Run an answered document (the whole buffer, or the translation) with its tests."""
        if self.target == "python":
            return scoring.run(f"{answer}\n{self.check}\n")
        program = language_frames.program(self.target, answer, self.names, self.check)
        return run_languages.run(self.target, program)

    def raw_document(self, code: str) -> str:
        """The document that a plain answer, a block of code, makes.

        Python stands below the buffer's start with an empty body, so that the imports and helpers
        of the buffer are there; an answer that does not define the function is taken for its body.
        """
        if self.target != "python":
            return code
        head = self.declaration
        if re.search(rf"^\s*(?:async\s+)?def\s+{self.names[-1]}\b", code, re.MULTILINE):
            return f"{head.rstrip()}\n    pass\n\n\n{code}\n"
        return f"{head.rstrip()}\n{code}\n"


def load(kind: str, data: Path, limit: int | None = None) -> list[ActionTask]:
    """Tasks of one kind, but for diagnostics; ``limit`` takes that many. Raises DataMissing."""
    made = list(_MAKERS[kind](kind, data))
    return spread(made, limit)


def spread(items: list[_T], limit: int | None) -> list[_T]:
    """``limit`` items, evenly spread; all of them when there are not more."""
    if limit is None or limit >= len(items):
        return items
    return [items[index * len(items) // limit] for index in range(limit)]


def rows(kind: str, data: Path) -> list[Row]:
    """The lines of a kind's file. Raises DataMissing."""
    file = data / _FILES[kind]
    if not file.is_file():
        raise DataMissing(f"{file} is not there; --data names the folder of the evaluation sets")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _generate(kind: str, data: Path) -> Iterator[ActionTask]:
    for row in rows(kind, data):
        text, name = _text(row, "prompt"), _text(row, "entry_point")
        yield ActionTask(
            task_id=_text(row, "task_id"),
            kind=kind,
            text=text,
            start=_function_start(text, name),
            end=len(text),
            at=len(text.rstrip()),
            question="Complete the following Python function. Answer with the whole function in "
            f"one code block.\n\n{fenced(text, 'python')}",
            check=f"{_text(row, 'test')}\ncheck({name})",
            reference=text + _text(row, "canonical_solution"),
            names=(name,),
            declaration=text,
        )


def _fix(kind: str, data: Path) -> Iterator[ActionTask]:
    for row in rows(kind, data):
        head, name = _text(row, "prompt"), _text(row, "entry_point")
        text = head + _text(row, "buggy_solution").rstrip() + "\n"
        start = _function_start(text, name)
        yield ActionTask(
            task_id=_text(row, "task_id"),
            kind=kind,
            text=text,
            start=start,
            end=len(text),
            at=start,
            question=f"{fenced(text, 'python')}\n\nFix bugs in {name}.",
            check=_text(row, "test"),
            reference=head + _text(row, "canonical_solution"),
            names=(name,),
            declaration=_text(row, "declaration"),
        )


def _translate(kind: str, data: Path) -> Iterator[ActionTask]:
    target = TARGETS[kind]
    for source, row in zip(rows(FIX, data), rows(kind, data), strict=True):
        code = _text(source, "declaration") + _text(source, "canonical_solution").rstrip() + "\n"
        text = code.lstrip("\n")
        declaration = _signed(target, _text(row, "declaration").strip("\n"))
        yield ActionTask(
            task_id=_text(row, "task_id"),
            kind=kind,
            text=text,
            start=0,
            end=len(text),
            at=0,
            question=f"Translate the following Python code to {NAMES[target]}. Answer with the "
            "whole code in one code block. It must have this declaration:\n\n"
            f"{fenced(declaration, target)}\n\nThe Python code:\n\n{fenced(text, 'python')}",
            check=_text(row, "test"),
            reference=f"{declaration}\n{_text(row, 'canonical_solution')}",
            names=declared(target, declaration),
            declaration=declaration,
        )


def declared(language: str, declaration: str) -> tuple[str, ...]:
    """Names of the functions that a declaration begins, in order."""
    return tuple(_DECLARED[language].findall(declaration))


def _signed(language: str, declaration: str) -> str:
    """The declaration up to the line of its last function; one of the set's goes on further."""
    last = list(_DECLARED[language].finditer(declaration))[-1]
    end = declaration.find("\n", last.end())
    return declaration if end < 0 else declaration[:end]


def fenced(code: str, language: str) -> str:
    """Code as a Markdown block."""
    return f"```{language}\n{code.rstrip()}\n```"


def _function_start(text: str, name: str) -> int:
    found = list(re.finditer(rf"^def {re.escape(name)}\b", text, re.MULTILINE))
    if not found:
        raise ValueError(f"no function {name} in the buffer")
    return found[-1].start()


def _text(row: Row, key: str) -> str:
    return str(row[key])


_MAKERS: Mapping[str, Callable[[str, Path], Iterator[ActionTask]]] = {
    GENERATE: _generate,
    FIX: _fix,
    **dict.fromkeys(TARGETS, _translate),
}
