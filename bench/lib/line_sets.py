"""Java, JavaScript and C++ as the infilling sets have Python: a line of a solution is taken out.

The solutions are those of humanevalpack; the task's own tests tell whether an answer is right.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.lib.sets import DataMissing, Task

# Kind: the part of the file's name, and the language id.
LANGUAGES: Mapping[str, tuple[str, str]] = {
    "lines-java": ("java", "java"),
    "lines-js": ("js", "javascript"),
    "lines-cpp": ("cpp", "cpp"),
}
KINDS = tuple(LANGUAGES)
_LINES = 2  # taken out of each solution, one at a time
_COMMENT = re.compile(r"\s*(?://|/\*|\*)")


def load(kind: str, data: Path) -> list[Task]:
    """All tasks of one kind. Raises DataMissing."""
    name, language_id = LANGUAGES[kind]
    file = data / f"humanevalpack-{name}-dev.jsonl.gz"
    if not file.is_file():
        raise DataMissing(f"{file} is not there; --data names the folder of the evaluation sets")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [task for line in lines for task in _tasks(json.loads(line), language_id)]


def _tasks(row: Mapping[str, str], language_id: str) -> Iterator[Task]:
    """The solution without one of its lines, the cursor behind the line's indentation."""
    start = row["declaration"].lstrip("\n")
    text = start + row["canonical_solution"].rstrip() + "\n"
    lines = text.split("\n")
    first = start.count("\n")
    numbers = [number for number in range(first, len(lines)) if says_something(lines[number])]
    drawn = random.Random(row["task_id"]).sample(numbers, min(_LINES, len(numbers)))
    for number in sorted(drawn):
        line = lines[number]
        code = line.strip()
        indentation = line[: len(line) - len(line.lstrip())]
        before = "".join(f"{one}\n" for one in lines[:number])
        yield Task(
            task_id=f"{row['task_id']}/{number}",
            head=before + indentation,
            tail="\n" + "\n".join(lines[number + 1 :]),
            reference=code,
            check=row["test"],
            invoked=False,
            language=language_id,
            name=row["entry_point"],
        )


def says_something(line: str) -> bool:
    """Whether a line is code with words in it, neither a comment nor closers alone."""
    return bool(re.search(r"\w", line)) and not _COMMENT.match(line)
