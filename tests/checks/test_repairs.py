"""Diagnostics that a rule mends: what the document is then, or "" where none does."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.edits import at, edit

from tabwright.checks.faults import CheckOptions
from tabwright.checks.repairs import repair
from tabwright.core.action import Diagnostic

LONG = "if first(1, 2, 3) and second(1, 2, 3) and not third(1, 2, 3):\n    print('hello')\n"
BROKEN = (
    "if (\n    first(1, 2, 3)\n    and second(1, 2, 3)\n    and not third(1, 2, 3)\n):\n"
    "    print('hello')\n"
)
WORDS = "x = 'some words that are too many for one line of this text'\n"
# Source, code and message of the diagnostic, its place, the text before and after.
CASES = {
    "pylint's unused import": (
        *("Pylint", "W0611:unused-import", "Unused Path imported from pathlib", "from"),
        *("from pathlib import Path\n\nx = 1\n", "x = 1\n"),
    ),
    "one import of two": (
        *("Pyright", "reportUnusedImport", 'Import "b" is not accessed', "b"),
        *("from a import b, c\n\nc()\n", "from a import c\n\nc()\n"),
    ),
    "another unused import stays": (
        *("Ruff", "F401", "`b` imported but unused", "b\n"),
        *("import a\nimport b\n\nx = 1\n", "import a\n\nx = 1\n"),
    ),
    "a missing blank": (
        *("Ruff", "E231", "Missing whitespace after ','", ",2"),
        *("x = (1,2)\ny = (3,4)\n", "x = (1, 2)\ny = (3,4)\n"),
    ),
    "an unused variable": (
        *("Ruff", "F841", "Local variable `x` is assigned to but never used", "x"),
        *("def f():\n    x = g()\n    return 2\n", "def f():\n    g()\n    return 2\n"),
    ),
    "windows' line ends": (
        *("Ruff", "F401", "`a` imported but unused", "a"),
        *("import a\r\nx = 'é😀'\r\n", "x = 'é😀'\r\n"),
    ),
    "behind what takes two units in UTF-16": (
        *("Ruff", "E231", "Missing whitespace after ','", ",2"),
        *("x = ('😀é',2)\n", "x = ('😀é', 2)\n"),
    ),
    "a long line, by pylint's limit": (
        *("Pylint", "C0301:line-too-long", "Line too long (61/50)", "if"),
        *(LONG, BROKEN),
    ),
    "a long line, by ruff's limit": (
        *("Ruff", "E501", "Line too long (61 > 50)", "if"),
        *("a = {1:2}\n" + LONG, "a = {1:2}\n" + BROKEN),
    ),
    "a long string": (
        *("Ruff", "E501", "Line too long (60 > 50)", "x"),
        *(WORDS + "y = 'a'\n",),
        "x = (\n    'some words that are too many for one line of'\n    ' this text'\n)\ny = 'a'\n",
    ),
    "a long comment": ("Ruff", "E501", "Line too long (90 > 50)", "#", "# words" * 12 + "\n", ""),
    "a rule without a fix": ("Ruff", "F821", "Undefined name `c`", "c", "a = c\n", ""),
    "an unknown rule": ("Ruff", "ZZZ999", "Bad", "a", "a = 1\n", ""),
    "a rule that is an option": ("Ruff", "--fix", "Bad", "a", "import a\n", ""),
    "an unknown tool": ("Sonar", "S1", "Bad", "a", "import a\n", ""),
    "no such error": ("Ruff", "F401", "`a` imported but unused", "a", "a = 1\n", ""),
    "a text that does not parse": ("Ruff", "E501", "Line too long (61 > 50)", "if", "if (\n", ""),
}


@pytest.mark.parametrize("name", CASES)
async def test_repairs(name: str) -> None:
    source, code, message, part, before, after = CASES[name]
    candidate = edit(before, before, "python", at(before, part, source, code, message))
    result = await repair(candidate, CheckOptions())
    if "long" in name and after:
        result = result.replace('"', "'")
    assert result == after


async def test_the_projects_line_length_is_kept(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.black]\nline-length = 40\n")
    wanted = at(LONG, "if", "Ruff", "E501", "Line too long (61 > 50)")
    candidate = edit(LONG, LONG, "python", wanted, path=tmp_path / "a.py", root=tmp_path)
    assert max(map(len, (await repair(candidate, CheckOptions())).splitlines())) <= 40


async def test_other_languages_and_no_diagnostic() -> None:
    wanted = at("import a\n", "a", "Ruff", "F401")
    assert (
        await repair(edit("import a\n", "import a\n", "javascript", wanted), CheckOptions()) == ""
    )
    assert await repair(edit("import a\n", "import a\n"), CheckOptions()) == ""


async def test_ruff_that_is_missing_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import a\n"
    candidate = edit(text, text, "python", at(text, "a", "Ruff", "F401"))
    assert await repair(candidate, CheckOptions()) == ""  # nothing would be left
    wanted = Diagnostic(candidate.diagnostics[0].span, "Bad", "Ruff", "F401")
    candidate = edit(text + "b = 1\n", text, "python", wanted)
    assert await repair(candidate, CheckOptions()) == "b = 1\n"
    for program in (None, "/nonexistent/ruff", "/bin/false"):
        monkeypatch.setattr("tabwright.checks.repairs.find_bundled", lambda *_, it=program: it)
        assert await repair(candidate, CheckOptions()) == ""
