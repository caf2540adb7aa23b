"""The infilling sets as buffers with a cursor."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

SINGLE_LINE = "humaneval-infilling-single-line-dev.jsonl.gz"
RANDOM_SPAN = "humaneval-infilling-random-span-dev.jsonl.gz"
KINDS = ("infilling", "midline", "span")
AFTER_SPACE = 0.4  # share of the midline cuts that stand right after a space


class DataMissing(Exception):
    """The sets are not where they were looked for."""


@dataclass(frozen=True)
class Task:
    """A buffer, the cursor in it, and what to check the answer by.

    ``head`` and ``tail`` are the text that the answer stands between, and ``reference`` what
    stood there; in a line that was begun, ``reference`` is the rest of it. ``name`` is the function
    that ``check`` calls, where ``check`` does not say it itself.
    """

    task_id: str
    head: str
    tail: str
    reference: str
    check: str
    invoked: bool
    language: str = "python"
    name: str = ""
    inside_words: bool = False

    @property
    def text(self) -> str:
        return self.head + self.tail

    @property
    def offset(self) -> int:
        return len(self.head)

    def program(self, buffer: str) -> str:
        """The buffer with its tests behind it."""
        return f"{buffer}\n{self.check}\n"

    def middle(self, buffer: str) -> str | None:
        """What the answered buffer holds between head and tail; None if it changed those."""
        fits = len(buffer) >= len(self.head) + len(self.tail)
        if not (fits and buffer.startswith(self.head) and buffer.endswith(self.tail)):
            return None
        return buffer[len(self.head) : len(buffer) - len(self.tail)]

    def exact(self, buffer: str) -> bool:
        """Whether the answer is the reference; trailing blanks do not count but in a span."""
        middle = self.middle(buffer)
        if middle is None:
            return False
        if self.inside_words:
            return middle == self.reference
        return middle.rstrip() == self.reference.rstrip()


def load(kind: str, data: Path, limit: int | None = None) -> list[Task]:
    """Tasks of one kind; ``limit`` takes that many, evenly spread. Raises DataMissing."""
    file = data / (RANDOM_SPAN if kind == "span" else SINGLE_LINE)
    if not file.is_file():
        raise DataMissing(f"{file} is not there; --data names the folder of the evaluation sets")
    tasks = list(_tasks(kind, file))
    if limit is None or limit >= len(tasks):
        return tasks
    return [tasks[index * len(tasks) // limit] for index in range(limit)]


def _tasks(kind: str, file: Path) -> Iterator[Task]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            head, tail, reference = row["prompt"], row["suffix"], row["canonical_solution"]
            if kind != "span":
                reference, tail = reference.rstrip("\n"), "\n" + tail
            if kind == "midline":
                column = cut_column(reference, random.Random(row["task_id"]))
                head, reference = head + reference[:column], reference[column:]
            check = f"{row['test']}\ncheck({row['entry_point']})"
            span = kind == "span"
            task = Task(row["task_id"], head, tail, reference, check, invoked=span)
            yield replace(task, inside_words=span)


def cut_column(line: str, chance: random.Random) -> int:
    """Column at which a line was left off, inside its code.

    With a chance of ``AFTER_SPACE`` one right after a space, where the line has any; else any
    other one, all alike. At least one character of the code is there, and one is missing.
    """
    indentation = len(line) - len(line.lstrip())
    columns = range(indentation + 1, max(len(line.rstrip()), indentation + 2))
    after_space = [column for column in columns if line[column - 1] == " "]
    if chance.random() < AFTER_SPACE and after_space:
        return chance.choice(after_space)
    return chance.choice([column for column in columns if line[column - 1] != " "])
