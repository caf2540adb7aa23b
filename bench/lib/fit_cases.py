"""Inputs that an answer must fit into: a text with a cursor, and what must hold of the answer.

A file holds many cases. Each begins with ``===== name | language | setting value | ...`` and goes
on with the text (``║`` is the cursor). Parts behind ``-----`` may follow: ``model`` is what a
scripted model writes (a second one: when it is asked again), ``offer`` what must stand between the
text's halves afterwards (any of several; ``none``: nothing must come).

Settings: ``depth`` (columns of the first line, or ``any``), ``unit`` (``tab`` or columns),
``parses`` (``clean``, ``as-before`` or ``unknown``), ``empty ok``, ``trigger invoked``, ``file``
(its name), ``never`` and ``has`` (regular expressions about the answer), ``action`` (its kind; then
``offer`` is what replaces the lines that the action is about).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tabwright.core.languages import by_id

CURSOR = "║"
OWN = Path(__file__).resolve().parents[2] / "tests" / "cases" / "fits"
NOTHING = "none"
SETTINGS = frozenset(
    {"depth", "unit", "parses", "empty", "trigger", "file", "never", "has", "action"}
)
_CASE, _PART = "===== ", "----- "
_NAMES = {"dockerfile": "Dockerfile", "makefile": "Makefile"}


class BadCase(ValueError):
    """A case that cannot be read; the message says which and why."""


@dataclass(frozen=True)
class FitCase:
    """One input. ``got`` is what came once, of a case that was seen to fail."""

    name: str
    kind: str
    language_id: str
    file: str
    text: str
    offset: int
    settings: Mapping[str, str] = field(default_factory=dict)
    model: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    action: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    got: str = ""

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.language_id}/{self.name}"

    @property
    def invoked(self) -> bool:
        return self.settings.get("trigger") == "invoked"

    @property
    def wants_nothing(self) -> bool:
        return self.offers == (NOTHING,)

    def middle(self, result: str) -> str | None:
        """What a result holds between the text's halves; None if it changed those."""
        head, tail = self.text[: self.offset], self.text[self.offset :]
        fits = len(result) >= len(self.text)
        if not (fits and result.startswith(head) and result.endswith(tail)):
            return None
        return result[len(head) : len(result) - len(tail)]


def own(folder: Path = OWN) -> list[FitCase]:
    """All cases of the folder's ``*.txt`` but the list of those that fail. Raises BadCase."""
    found = [
        case
        for path in sorted(folder.glob("*.txt"))
        if path.stem != "failing"
        for case in read(path.read_text("utf-8"), path.stem)
    ]
    names = [case.id for case in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise BadCase(f"two cases of one name: {', '.join(sorted(twice))}")
    return found


def failing(folder: Path = OWN) -> dict[str, tuple[str, ...]]:
    """The cases that fail with their scripted model, and what of them does not hold."""
    lines = (folder / "failing.txt").read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {name: tuple(kinds) for name, *kinds in rows}


def read(text: str, kind: str) -> Iterator[FitCase]:
    """The cases of one file's text. Raises BadCase."""
    body = text.removesuffix("\n")
    start, *blocks = f"\n{body}".split(f"\n{_CASE}")
    if any(line.strip() and not line.startswith("#") for line in start.splitlines()):
        raise BadCase(f"{kind}: text before the first case")
    for block in blocks:
        yield _case(block, kind)


def _case(block: str, kind: str) -> FitCase:
    header, _, body = block.partition("\n")
    name, language_id, *rest = (piece.strip() for piece in header.split(" | "))
    settings = {key: value for key, _, value in (piece.partition(" ") for piece in rest)}
    unknown = set(settings) - SETTINGS
    if unknown:
        raise BadCase(f"{kind}/{name}: unknown settings {', '.join(sorted(unknown))}")
    marked, *parts = f"\n{body}".split(f"\n{_PART}")
    marked = marked.removeprefix("\n")
    if marked.count(CURSOR) != 1:
        raise BadCase(f"{kind}/{name}: wanted one cursor")
    marked += "\n"  # the line end before what comes next is the text's own
    given: dict[str, list[str]] = {"model": [], "offer": []}
    for part in parts:
        title, _, content = part.partition("\n")
        if title.strip() not in given:
            raise BadCase(f"{kind}/{name}: unknown part {title}")
        given[title.strip()].append(content)
    return FitCase(
        name=name,
        kind=kind,
        language_id=language_id,
        file=settings.get("file", default_file(language_id)),
        text=marked.replace(CURSOR, ""),
        offset=marked.index(CURSOR),
        settings=settings,
        model=tuple(given["model"]),
        offers=tuple(given["offer"]),
        action=settings.get("action", ""),
    )


def default_file(language_id: str) -> str:
    """A usual file name of a language."""
    extensions = by_id(language_id).extensions
    return _NAMES.get(language_id, "main" + (extensions[0] if extensions else ".txt"))


def seen(folder: Path) -> list[FitCase]:
    """The cases of a folder of JSON files, each an input that was seen to fail."""
    return [_seen(json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.json"))]


def _seen(row: Mapping[str, Any]) -> FitCase:
    text: str = row["text"]
    lines = text.split("\n")
    offset = sum(len(line) + 1 for line in lines[: row["line"]]) + row["character"]
    is_action = row["kind"] == "action"
    settings = {"trigger": "invoked"} if row.get("trigger") == 1 else {}
    return FitCase(
        name=row["name"],
        kind="actions" if is_action else "cases",
        language_id=row["languageId"],
        file=row["uri"].removeprefix("file:///project/"),
        text=text,
        offset=offset,
        settings={**settings, "parses": "as-before"},
        action=str(row.get("action", row.get("how", ""))) if is_action else "",
        request={key: row[key] for key in ("range", "diagnostics") if row.get(key)},
        got=str(row.get("got")),
    )
