"""pyright and basedpyright: what they report about a text."""

from __future__ import annotations

from tabwright.checks.child import Unanswered, run
from tabwright.checks.found import project_python
from tabwright.checks.reports import Report, load, number_at, text_at
from tabwright.checks.scratch import Place, beside

_DONE = {0, 1}


async def reports(program: str, text: str, place: Place) -> list[Report]:
    """Ask about a copy of the document in its own folder; raises Unanswered, OSError."""
    python = project_python(place.root)
    with beside(place, text) as path:
        command = (
            *(program, "--outputjson"),
            *(("--pythonpath", python) if python else ()),
            str(path),
        )
        output = await run(command, timeout_s=place.timeout_s, cwd=place.folder)
    if output.status not in _DONE:
        raise Unanswered(f"ended with status {output.status}: {output.complaint}")
    loaded = load(output.stdout)
    found = loaded.get("generalDiagnostics") if isinstance(loaded, dict) else None
    if not isinstance(found, list):
        raise Unanswered("printed what is no report")
    return [
        Report(
            number_at(item, "range", "start", "line") + 1,
            text_at(item, "message"),
            text_at(item, "rule"),
        )
        for item in found
        if text_at(item, "file").endswith(path.name)
    ]
