"""pyright and basedpyright: what they report about a text."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tabwright.checks.tools.child_process import ToolFailed, run
from tabwright.checks.tools.find_program import find_project_python
from tabwright.checks.tools.reports import ToolReport, load_json, number_at, text_at
from tabwright.checks.tools.scratch_files import CheckedFile, file_beside, hidden_file
from tabwright.core.message import Message

_DONE = {0, 1}


async def reports(program: str, text: str, file: CheckedFile) -> list[ToolReport]:
    """Ask about a copy of the document in its own folder; raises ToolFailed, OSError."""
    python = find_project_python(file.root)
    # pyright passes hidden files over, whatever it is told.
    with file_beside(file, text, prefix="") as path, _what(file, path) as what:
        command = (program, "--outputjson", *(("--pythonpath", python) if python else ()), *what)
        output = await run(command, timeout_s=file.timeout_s, cwd=file.folder)
    if output.status not in _DONE:
        raise ToolFailed(Message("ended with status {0}: {1}", output.status, output.error_line))
    loaded = load_json(output.stdout)
    found = loaded.get("generalDiagnostics") if isinstance(loaded, dict) else None
    if not isinstance(found, list):
        raise ToolFailed(Message("printed no valid report"))
    if not number_at(loaded, "summary", "filesAnalyzed"):
        raise ToolFailed(Message("analyzed no file"))
    return [
        ToolReport(
            number_at(item, "range", "start", "line") + 1,
            text_at(item, "message"),
            text_at(item, "rule"),
        )
        for item in found
        if text_at(item, "file").endswith(path.name)
    ]


@contextmanager
def _what(file: CheckedFile, path: Path) -> Iterator[tuple[str, ...]]:
    """The file; with the project's own settings, which it ignores for files named to it."""
    settings = file.nearest_above("pyrightconfig.json") or file.nearest_above("pyproject.toml")
    if settings is None or not os.access(settings.parent, os.W_OK | os.X_OK):
        yield (str(path),)
        return
    own = {
        "extends": settings.name,
        "include": [os.path.relpath(path, settings.parent)],
        "exclude": [],
    }
    with hidden_file(settings.parent, ".json", json.dumps(own)) as config:
        yield ("-p", str(config))
