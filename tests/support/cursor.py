"""Cases as text files with a visible cursor, and what tests of the core make again and again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tabwright.core.prompting.families import FAMILIES
from tabwright.core.task import ModelInfo
from tabwright.core.text import Snapshot

CURSOR = "║"
CASES = Path(__file__).parents[1] / "cases"
QWEN = ModelInfo("qwen2.5-coder-0.5b", FAMILIES[0], 32768)


@dataclass(frozen=True)
class Case:
    """One case file: its settings (``key: value`` lines) and its parts (after ``=== name``)."""

    name: str
    settings: dict[str, str]
    parts: dict[str, str]


def read_case(path: Path) -> Case:
    """Read one case file; each part keeps its last line end out."""
    head, *rest = path.read_text(encoding="utf-8").split("=== ")
    settings = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    parts = {}
    for part in rest:
        name, _, body = part.partition("\n")
        parts[name.strip()] = body.removesuffix("\n")
    return Case(path.stem, settings, parts)


def cases(folder: str) -> list[Case]:
    """Every case of a folder under tests/cases, by name."""
    found = [read_case(path) for path in sorted((CASES / folder).glob("*.txt"))]
    assert found, f"no cases in {folder}"
    return found


def place(marked: str, language_id: str = "python") -> tuple[Snapshot, int]:
    """The buffer and offset that a text with one cursor shows."""
    assert marked.count(CURSOR) == 1, "a case has one cursor"
    offset = marked.index(CURSOR)
    return Snapshot("file:///case", language_id, 1, marked.replace(CURSOR, "")), offset


def at_cursor(marked: str) -> tuple[str, int]:
    """The text and the offset that a text with one cursor shows."""
    assert marked.count(CURSOR) == 1, "a case has one cursor"
    return marked.replace(CURSOR, ""), marked.index(CURSOR)
