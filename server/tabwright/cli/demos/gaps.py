"""The demo's sample files, and the gaps in them that the model is to fill."""

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
class Gap:
    """A sample file and the text removed from it: ``removed``, which follows ``before`` there.

    ``cell`` is the index of a notebook's cell. ``about`` says what this gap shows.
    """

    file: str
    language: str
    before: str
    removed: str
    about: str
    cell: int | None = None


GAPS = (
    Gap(
        "inventory.py",
        "python",
        'all items."""\n    return ',
        "sum(item.price * item.quantity for item in items)",
        "a begun line",
    ),
    Gap(
        "inventory.py",
        "python",
        "    for item in items:\n        ",
        "groups.setdefault(item.supplier, []).append(item)",
        "an empty line in a block",
    ),
    Gap(
        "slug.js",
        "javascript",
        "const count = ",
        "seen.get(slug) ?? 0;",
        "JavaScript, with code below the cursor",
    ),
    Gap(
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
    """An open document: its URI, its text without the removed part, and the cursor there."""

    uri: str
    text: str
    offset: int


def copy_samples(folder: Path) -> None:
    """Copy the sample files into ``folder``, which is the demo's workspace."""
    for sample in SAMPLES.iterdir():
        if sample.suffix in (".py", ".js", ".ipynb"):
            shutil.copy(sample, folder / sample.name)


def remove(text: str, gap: Gap) -> tuple[str, int]:
    """The text without the removed part, and the offset of the gap.

    Raises ValueError when the text does not contain it exactly once.
    """
    if text.count(gap.before + gap.removed) != 1:
        raise ValueError(f"{gap.file} does not contain {gap.removed!r} once")
    offset = text.index(gap.before + gap.removed) + len(gap.before)
    return text[:offset] + text[offset + len(gap.removed) :], offset


def open_gap(client: LspClient, gap: Gap, folder: Path) -> Buffer:
    """Open the file of a gap, or its whole notebook, as an editor would."""
    path = folder / gap.file
    if gap.cell is not None:
        return _open_notebook(client, gap, path)
    text, offset = remove(path.read_text(encoding="utf-8"), gap)
    client.open(path.as_uri(), gap.language, text)
    return Buffer(path.as_uri(), text, offset)


def _open_notebook(client: LspClient, gap: Gap, path: Path) -> Buffer:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells, documents, found = [], [], None
    for index, cell in enumerate(notebook["cells"]):
        text, code = "".join(cell["source"]), cell["cell_type"] == "code"
        uri = f"vscode-notebook-cell:{path.as_posix()}#{cell['id']}"
        if index == gap.cell:
            text, offset = remove(text, gap)
            found = Buffer(uri, text, offset)
        language = gap.language if code else "markdown"
        cells.append({"kind": 2 if code else 1, "document": uri})
        documents.append({"uri": uri, "languageId": language, "version": 1, "text": text})
    if found is None:
        raise ValueError(f"{gap.file} has no cell {gap.cell}")
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
