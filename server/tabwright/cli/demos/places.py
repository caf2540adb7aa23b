"""Where the demo asks: places in its sample files, each with a gap cut into the real text."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabwright.lsp.language_client import LspClient

SAMPLES = Path(__file__).parents[2] / "demo_files"


@dataclass(frozen=True)
class Place:
    """A file and the text taken out of it: ``gone`` is what followed ``before`` there.

    ``cell`` is the index of a notebook's cell. ``about`` says what this place shows.
    """

    file: str
    language: str
    before: str
    gone: str
    about: str
    cell: int | None = None


PLACES = (
    Place(
        "inventory.py",
        "python",
        'all items."""\n    return ',
        "sum(item.price * item.quantity for item in items)",
        "a begun line",
    ),
    Place(
        "inventory.py",
        "python",
        "    for item in items:\n        ",
        "groups.setdefault(item.supplier, []).append(item)",
        "an empty line in a block",
    ),
    Place(
        "slug.js",
        "javascript",
        "const count = ",
        "seen.get(slug) ?? 0;",
        "JavaScript, with code below the cursor",
    ),
    Place(
        "weather.ipynb",
        "python",
        "warm_days = [",
        "day for day, degrees in temperatures.items() if degrees > average]",
        "a notebook: the names come from another cell",
        cell=2,
    ),
)


@dataclass(frozen=True)
class Buffer:
    """An open buffer: its address, its text with the gap, and the cursor in the gap."""

    uri: str
    text: str
    offset: int


def copy_samples(folder: Path) -> None:
    """Put the sample files into ``folder``, which is the demo's workspace."""
    for sample in SAMPLES.iterdir():
        if sample.suffix in (".py", ".js", ".ipynb"):
            shutil.copy(sample, folder / sample.name)


def cut(text: str, place: Place) -> tuple[str, int]:
    """The text without what the place takes out, and the cursor there.

    Raises ValueError when the place does not occur exactly once.
    """
    if text.count(place.before + place.gone) != 1:
        raise ValueError(f"{place.file} does not hold {place.gone!r} once")
    offset = text.index(place.before + place.gone) + len(place.before)
    return text[:offset] + text[offset + len(place.gone) :], offset


def open_place(client: LspClient, place: Place, folder: Path) -> Buffer:
    """Open the place's file, or its whole notebook, as an editor would."""
    path = folder / place.file
    if place.cell is not None:
        return _open_notebook(client, place, path)
    text, offset = cut(path.read_text(encoding="utf-8"), place)
    client.open(path.as_uri(), place.language, text)
    return Buffer(path.as_uri(), text, offset)


def _open_notebook(client: LspClient, place: Place, path: Path) -> Buffer:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells, documents, found = [], [], None
    for index, cell in enumerate(notebook["cells"]):
        text, code = "".join(cell["source"]), cell["cell_type"] == "code"
        uri = f"vscode-notebook-cell:{path.as_posix()}#{cell['id']}"
        if index == place.cell:
            text, offset = cut(text, place)
            found = Buffer(uri, text, offset)
        language = place.language if code else "markdown"
        cells.append({"kind": 2 if code else 1, "document": uri})
        documents.append({"uri": uri, "languageId": language, "version": 1, "text": text})
    if found is None:
        raise ValueError(f"{place.file} has no cell {place.cell}")
    client.notify(
        "notebookDocument/didOpen",
        {
            "notebookDocument": {
                "uri": path.as_uri(),
                "notebookType": "jupyter-notebook",
                "version": 1,
                "cells": cells,
            },
            "cellTextDocuments": documents,
        },
    )
    return found
