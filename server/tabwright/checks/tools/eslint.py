"""eslint: what it reports about a text on its standard input."""

from __future__ import annotations

from tabwright.checks.tools.child import Unanswered, run
from tabwright.checks.tools.reports import Report, number_at, objects, text_at
from tabwright.checks.tools.scratch_files import Place
from tabwright.core.message import Message

_CONFIGURATIONS = (
    *(f"eslint.config.{end}" for end in ("js", "mjs", "cjs", "ts", "mts", "cts")),
    *(f".eslintrc{end}" for end in (".js", ".cjs", ".yaml", ".yml", ".json", "")),
)
_DONE = {0, 1}


async def reports(program: str, text: str, place: Place) -> list[Report]:
    """Ask about the text under the document's name, where its settings lie; raises Unanswered."""
    settings = place.above(*_CONFIGURATIONS)
    name = place.path or place.file_name
    output = await run(
        (program, "--format", "json", "--no-inline-config", "--stdin", "--stdin-filename", name),
        timeout_s=place.timeout_s,
        stdin=text,
        cwd=str(settings.parent) if settings else place.folder,
    )
    if output.status not in _DONE:
        raise Unanswered(Message("ended with status {0}: {1}", output.status, output.complaint))
    return [
        Report(number_at(item, "line"), text_at(item, "message"), text_at(item, "ruleId"))
        for file in objects(output.stdout)
        for item in _messages(file)
    ]


def _messages(file: dict[str, object]) -> list[object]:
    found = file.get("messages")
    if not isinstance(found, list):
        raise Unanswered(Message("printed what is no report"))
    return found
