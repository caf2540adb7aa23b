"""pyright and basedpyright: what they report about a text."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tabwright.checks.tools.child import Unanswered, run
from tabwright.checks.tools.programs import project_python
from tabwright.checks.tools.reports import Report, load, number_at, text_at
from tabwright.checks.tools.scratch_files import Place, beside, hidden
from tabwright.core.message import Message

_DONE = {0, 1}


async def reports(program: str, text: str, place: Place) -> list[Report]:
    """Ask about a copy of the document in its own folder; raises Unanswered, OSError."""
    python = project_python(place.root)
    # pyright passes hidden files over, whatever it is told.
    with beside(place, text, prefix="") as path, _what(place, path) as what:
        command = (program, "--outputjson", *(("--pythonpath", python) if python else ()), *what)
        output = await run(command, timeout_s=place.timeout_s, cwd=place.folder)
    if output.status not in _DONE:
        raise Unanswered(Message("ended with status {0}: {1}", output.status, output.complaint))
    loaded = load(output.stdout)
    found = loaded.get("generalDiagnostics") if isinstance(loaded, dict) else None
    if not isinstance(found, list):
        raise Unanswered(Message("printed what is no report"))
    if not number_at(loaded, "summary", "filesAnalyzed"):
        raise Unanswered(Message("looked at no file"))
    return [
        Report(
            number_at(item, "range", "start", "line") + 1,
            text_at(item, "message"),
            text_at(item, "rule"),
        )
        for item in found
        if text_at(item, "file").endswith(path.name)
    ]


@contextmanager
def _what(place: Place, path: Path) -> Iterator[tuple[str, ...]]:
    """The file; with the project's own settings, which it ignores for files named to it."""
    settings = place.above("pyrightconfig.json") or place.above("pyproject.toml")
    if settings is None or not os.access(settings.parent, os.W_OK | os.X_OK):
        yield (str(path),)
        return
    own = {
        "extends": settings.name,
        "include": [os.path.relpath(path, settings.parent)],
        "exclude": [],
    }
    with hidden(settings.parent, ".json", json.dumps(own)) as config:
        yield ("-p", str(config))
