"""Run eslint on a text on its standard input."""

from __future__ import annotations

from tabwright.checks.tools.child_process import ToolFailed, run
from tabwright.checks.tools.reports import ToolReport, json_objects, number_at, text_at
from tabwright.checks.tools.scratch_files import CheckedFile
from tabwright.core.message import Message

_CONFIGURATIONS = (
    *(f"eslint.config.{end}" for end in ("js", "mjs", "cjs", "ts", "mts", "cts")),
    *(f".eslintrc{end}" for end in (".js", ".cjs", ".yaml", ".yml", ".json", "")),
)
_SUCCESS = {0, 1}


async def reports(program: str, text: str, file: CheckedFile) -> list[ToolReport]:
    """Return the reports on the text, under the document's name and settings; raises ToolFailed."""
    settings = file.nearest_above(*_CONFIGURATIONS)
    name = file.path or file.file_name
    output = await run(
        (program, "--format", "json", "--no-inline-config", "--stdin", "--stdin-filename", name),
        timeout_s=file.timeout_s,
        stdin=text,
        cwd=str(settings.parent) if settings else file.folder,
    )
    if output.status not in _SUCCESS:
        raise ToolFailed(Message("ended with status {0}: {1}", output.status, output.error_line))
    return [
        ToolReport(number_at(item, "line"), text_at(item, "message"), text_at(item, "ruleId"))
        for result in json_objects(output.stdout)
        for item in _messages(result)
    ]


def _messages(result: dict[str, object]) -> list[object]:
    found = result.get("messages")
    if not isinstance(found, list):
        raise ToolFailed(Message("printed no valid report"))
    return found
