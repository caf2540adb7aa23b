"""Run pylint on a text on its standard input."""

from __future__ import annotations

from tabwright.checks.tools.child_process import ToolFailed, run
from tabwright.checks.tools.reports import ToolReport, json_objects, number_at, text_at
from tabwright.checks.tools.scratch_files import CheckedFile
from tabwright.core.message import Message

# Bits of its exit status for a fatal message and for wrong arguments.
_FAILED = 1 | 32


async def reports(program: str, text: str, file: CheckedFile) -> list[ToolReport]:
    """Return the reports on the text, under the document's name; raises ToolFailed."""
    command = (program, "--output-format=json", "--score=n", "--from-stdin")
    name = file.path or file.file_name
    output = await run((*command, name), timeout_s=file.timeout_s, stdin=text, cwd=file.folder)
    if output.status & _FAILED or not 0 <= output.status < 64:
        raise ToolFailed(Message("ended with status {0}: {1}", output.status, output.error_line))
    return [
        ToolReport(
            number_at(item, "line"),
            text_at(item, "message"),
            text_at(item, "symbol"),
            (text_at(item, "message-id"),),
        )
        for item in json_objects(output.stdout)
    ]
