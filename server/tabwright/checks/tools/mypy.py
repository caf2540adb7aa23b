"""Run mypy on a text that replaces the file on disk."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

from tabwright.checks.tools.child_process import ToolFailed, run
from tabwright.checks.tools.find_program import find_project_python
from tabwright.checks.tools.reports import ToolReport
from tabwright.checks.tools.scratch_files import CheckedFile, cache_folder, temporary_file
from tabwright.core.message import Message

_LINE = re.compile(
    r"^(?P<path>.+?):(?P<line>\d+)(?::\d+){0,3}: (?P<severity>error|note|warning): "
    r"(?P<message>.*?)(?:  \[(?P<code>[\w-]+)\])?$"
)
_OUTPUT_OPTIONS = ("--no-error-summary", "--show-error-codes", "--no-pretty", "--no-color-output")


async def reports(program: str, text: str, file: CheckedFile) -> list[ToolReport]:
    """Return the reports on the document with ``text`` instead of its contents on disk.

    Raises ToolFailed, OSError.
    """
    python = find_project_python(file.root)
    with ExitStack() as stack:
        copy = stack.enter_context(temporary_file(file, text))
        # mypy takes files of the same size and modification second for equal, and uses its cache.
        age = crc32(text.encode("utf-8", "replace"))
        os.utime(copy, (age, age))
        on_disk = bool(file.path) and Path(file.path).is_file()
        shown = Path(file.path) if on_disk else copy
        command = (
            *(program, *_OUTPUT_OPTIONS, "--cache-dir", str(cache_folder("mypy"))),
            *(("--python-executable", python) if python else ()),
            *(("--shadow-file", str(shown), str(copy)) if on_disk else ()),
            str(shown),
        )
        output = await run(command, timeout_s=file.timeout_s, cwd=file.folder)
    lines = [line for line in output.stdout.splitlines() if line.strip()]
    matches = [match for match in map(_LINE.match, lines) if match is not None]
    if not matches and (lines or output.status != 0):
        raise ToolFailed(Message("ended with status {0}: {1}", output.status, output.error_line))
    return [
        ToolReport(int(match["line"]), match["message"], match["code"] or "")
        for match in matches
        if match["severity"] == "error"
        and Path(file.folder, match["path"]).resolve() == shown.resolve()
    ]
