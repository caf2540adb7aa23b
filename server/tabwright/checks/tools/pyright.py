"""Run pyright or basedpyright on a text."""

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

_SUCCESS = {0, 1}


async def reports(program: str, text: str, file: CheckedFile) -> list[ToolReport]:
    """Return the reports on a copy of the document in its folder; raises ToolFailed, OSError."""
    python = find_project_python(file.root)
    # pyright skips hidden files, even those named on its command line.
    with (
        file_beside(file, text, prefix="") as path,
        _path_arguments(file, path) as arguments,
    ):
        command = (
            program,
            "--outputjson",
            *(("--pythonpath", python) if python else ()),
            *arguments,
        )
        output = await run(command, timeout_s=file.timeout_s, cwd=file.folder)
    if output.status not in _SUCCESS:
        raise ToolFailed(Message("ended with status {0}: {1}", output.status, output.error_line))
    output_json = load_json(output.stdout)
    found = output_json.get("generalDiagnostics") if isinstance(output_json, dict) else None
    if not isinstance(found, list):
        raise ToolFailed(Message("printed no valid report"))
    if not number_at(output_json, "summary", "filesAnalyzed"):
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
def _path_arguments(file: CheckedFile, path: Path) -> Iterator[tuple[str, ...]]:
    """Yield the arguments that name the file.

    pyright ignores the project's settings for a file named on its command line, so they are
    extended by a temporary configuration.
    """
    settings = file.nearest_above("pyrightconfig.json") or file.nearest_above("pyproject.toml")
    if settings is None or not os.access(settings.parent, os.W_OK | os.X_OK):
        yield (str(path),)
        return
    configuration = {
        "extends": settings.name,
        "include": [os.path.relpath(path, settings.parent)],
        "exclude": [],
    }
    with hidden_file(settings.parent, ".json", json.dumps(configuration)) as config:
        yield ("-p", str(config))
