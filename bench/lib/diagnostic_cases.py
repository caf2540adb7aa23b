"""The cases of "fix this error": files with a real diagnostic, and whether an edit removed it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.lib import diagnose
from bench.lib.action_sets import DIAGNOSTICS, Row, fenced, rows
from bench.lib.diagnose import Found, NoReport
from bench.lib.scoring import Verdict
from bench.lib.tools import Toolbox, ToolMissing

PYTHON = "python"
_SILENCED = re.compile(
    r"#\s*(?:type:\s*ignore|noqa|ruff:|pyright:|pylint:)|@ts-(?:ignore|nocheck|expect-error)"
)


@dataclass(frozen=True)
class Case:
    """Files of a folder, and where in one of them the diagnostic is that is asked about."""

    name: str
    suite: str
    language_id: str
    file: str
    files: Mapping[str, str]
    selection: tuple[int, ...]
    words: str

    @property
    def text(self) -> str:
        return self.files[self.file]


@dataclass(frozen=True)
class Ready:
    """A case whose checker has reported: ``before`` is all it said, ``wanted`` what is asked."""

    case: Case
    toolbox: Toolbox
    program: Path
    folder: Path
    before: tuple[Found, ...]
    wanted: Found

    @property
    def name(self) -> str:
        return self.case.name

    @property
    def group(self) -> str:
        """The row of the report it counts in."""
        return DIAGNOSTICS if self.case.language_id == PYTHON else f"{DIAGNOSTICS} (tsc)"

    @property
    def text(self) -> str:
        return self.case.text

    @property
    def target(self) -> str:
        """Language id of the answer."""
        return self.case.language_id

    @property
    def span(self) -> tuple[int, int]:
        """Offsets of what the edit may replace: a small file is rewritten whole."""
        return 0, len(self.text)

    @property
    def question(self) -> str:
        """What the raw model is asked."""
        found, case = self.wanted, self.case
        rule = f" ({found.code})" if found.code else ""
        return (
            f"{found.source} reports in line {found.start[0] + 1}: {found.message}{rule}\n"
            f"Fix this. Answer with the whole file in one code block.\n\n"
            f"{fenced(case.text, case.language_id)}"
        )

    def raw_document(self, code: str) -> str:
        """The file that a plain answer, a block of code, makes."""
        return f"{code}\n"

    def verdict(self, answer: str) -> Verdict:
        """Ask the checker again, with the answer as the file's text."""
        had, has = (len(_SILENCED.findall(text)) for text in (self.case.text, answer))
        if has > had:
            return Verdict(False, "only silenced")
        with tempfile.TemporaryDirectory(prefix="tabwright-check-") as name:
            folder = Path(name).resolve()
            self.toolbox.furnish(folder)
            write(folder, {**self.case.files, self.case.file: answer})
            try:
                after = diagnose.diagnostics(
                    self.case.suite,
                    self.program,
                    folder,
                    list(self.case.files),
                    self.toolbox.python,
                )
            except NoReport as error:
                return Verdict(False, str(error))
        fault = diagnose.fault(self.before, after, self.wanted)
        return Verdict(not fault, fault)


def load(data: Path) -> list[Case]:
    """All cases. Raises DataMissing."""
    return [_case(row) for row in rows(DIAGNOSTICS, data)]


def prepare(case: Case, folder: Path, toolbox: Toolbox) -> Ready:
    """Write a case's files into an empty folder and ask its checker.

    Raises ToolMissing when the checker cannot be had or reports nothing about the file.
    """
    program = toolbox.program(case.suite)
    folder.mkdir(parents=True)
    write(folder, case.files)
    try:
        found = diagnose.diagnostics(case.suite, program, folder, list(case.files), toolbox.python)
    except NoReport as error:
        raise ToolMissing(str(error)) from error
    wanted = diagnose.chosen(found, case.file, case.selection, case.words)
    if wanted is None:
        raise ToolMissing(f"{program.name} reports nothing about {case.file}")
    return Ready(case, toolbox, program, folder, tuple(found), wanted)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def _case(row: Row) -> Case:
    contents = row["contents"]
    selection = row["selection"]
    if not isinstance(contents, dict) or not isinstance(selection, list):
        raise ValueError(f"no files or selection in case {row['name']}")
    # The names' common folder says nothing; imports between the files are relative.
    files = {Path(name).name: str(text) for name, text in contents.items()}
    return Case(
        name=f"{row['suite']}: {row['name']}",
        suite=str(row["suite"]),
        language_id=str(row["language"]),
        file=str(row["file"]),
        files=files,
        selection=tuple(int(number) for number in selection),
        words=f"{row['query']} {row['name']}",
    )
