"""Run tsc on a text with the project's own settings."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path

from tabwright.checks.tools.child_process import ToolFailed, run
from tabwright.checks.tools.reports import ToolReport
from tabwright.checks.tools.scratch_files import CheckedFile, file_beside, hidden_file
from tabwright.core.message import Message

_LINE = re.compile(
    r"^(?:(?P<path>.+?)\((?P<line>\d+),\d+\): )?(?:error|warning) (?P<code>TS\d+): (?P<message>.*)$"
)
_OPTIONS_WITHOUT_PROJECT = (
    "--noEmit",
    "--pretty",
    "false",
    "--skipLibCheck",
    "--strict",
    "--allowJs",
)
_COMPILER_OPTIONS = {"noEmit": True, "composite": False, "incremental": False, "skipLibCheck": True}


async def reports(program: str, text: str, file: CheckedFile) -> list[ToolReport]:
    """Return the reports on a copy of the document in its folder; raises ToolFailed, OSError.

    Settings come from the nearest tsconfig.json or jsconfig.json, through a file that extends it.
    """
    project = file.nearest_above("tsconfig.json", "jsconfig.json")
    with ExitStack() as stack:
        path = stack.enter_context(file_beside(file, text))
        arguments: tuple[str, ...] = (*_OPTIONS_WITHOUT_PROJECT, str(path))
        if project is not None:
            settings = {
                "extends": str(project),
                "compilerOptions": _COMPILER_OPTIONS,
                "files": [str(path)],
                "include": [],
                "references": [],
            }
            settings_file = hidden_file(project.parent, ".json", json.dumps(settings))
            arguments = ("--pretty", "false", "-p", str(stack.enter_context(settings_file)))
        output = await run((program, *arguments), timeout_s=file.timeout_s, cwd=file.folder)
    lines = [line for line in output.stdout.splitlines() if line.strip()]
    matches = [match for match in map(_LINE.match, lines) if match is not None]
    if not matches and (lines or output.status != 0):
        raise ToolFailed(Message("ended with status {0}: {1}", output.status, output.error_line))
    return [
        ToolReport(int(match["line"]), match["message"], match["code"])
        for match in matches
        if match["path"] and Path(match["path"]).name == path.name
    ]
