from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.edits import at, edit, program

from tabwright.checks.faults import CheckOptions, EditCandidate, Fault
from tabwright.checks.lines import diff_texts
from tabwright.checks.tools import ruff_rules
from tabwright.checks.tools.child_process import ToolFailed
from tabwright.checks.tools.reports import ToolResult
from tabwright.core.action import Diagnostic
from tabwright.core.message import Message


async def check_with_ruff(candidate: EditCandidate) -> ToolResult:
    wanted = candidate.diagnostics
    edited = diff_texts(candidate.before, candidate.after)
    return await ruff_rules.check(candidate, edited, wanted, CheckOptions(trusted=True))


async def faults(candidate: EditCandidate) -> list[tuple[str, int]]:
    return [(fault.kind, fault.line) for fault in (await check_with_ruff(candidate)).faults]


F = "import os\n\n\ndef f(x):\n    return x\n"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (F, F.replace("x\n", "y\n"), [("name", 5)]),
        (F.replace("x\n", "y\n"), F.replace("x\n", "y + 1\n"), []),
        (F, F.replace("x\n", "eval(x)\n"), [("risk", 5)]),
        (F, F.replace("x\n", "eval(x)  # noqa: S307\n"), [("risk", 5)]),
        (F.replace("x\n", "eval(x)\n"), F.replace("x\n", "eval(x) + 1\n"), []),
        (F, F.replace("    return", "    assert x\n    return"), []),
        (F, F.replace("import os\n", "import sys\n"), []),
        (F, F + "__all__ = ['g']\n", [("name", 6)]),
    ],
)
async def test_names_and_risks(before: str, after: str, expected: list[tuple[str, int]]) -> None:
    assert await faults(edit(before, after)) == expected


async def test_risk_messages_and_fewer_risks_in_tests(tmp_path: Path) -> None:
    after = 'import subprocess\n\nsubprocess.run("ls", shell=True)\npassword = "hunter22"\n'
    source = edit("", after, path=tmp_path / "a.py", root=tmp_path)
    test = edit("", after, path=tmp_path / "tests" / "a.py", root=tmp_path)
    messages = [fault.message for fault in (await check_with_ruff(source)).faults]
    assert "runs a shell command (S602)" in messages and "contains a password (S105)" in messages
    assert [fault.message for fault in (await check_with_ruff(test)).faults] == [
        "runs a shell command (S602)"
    ]


async def test_undefined_names_of_a_cell_are_ignored() -> None:
    assert await faults(edit("", "print(frame)\n", cell=True, path=Path("/n/a.ipynb"))) == []


UNUSED = "import os\nimport sys\n\nprint(sys)\n"
SPACED = "def f():\n    return {1:2}\n"
TWO = "def f():\n    return a, b\n\n\ndef g():\n    return a\n"


@pytest.mark.parametrize(
    ("before", "after", "diagnostic", "expected"),
    [
        (UNUSED, UNUSED.replace("import os\n", ""), ("os", "F401"), []),
        (UNUSED, UNUSED.replace("import os", "import re"), ("os", "F401"), ["diagnostic"]),
        (UNUSED, UNUSED.replace("import os", "import os  # noqa"), ("os", "F401"), ["diagnostic"]),
        (UNUSED, UNUSED + "print(1)\n", ("os", "F401"), ["diagnostic"]),
        (UNUSED, "import sys\nimport re\n\nprint(sys)\n", ("os", "F401"), ["diagnostic"]),
        # By its name, and by its message alone.
        (UNUSED, UNUSED.replace("import os\n", ""), ("os", "unused-import"), []),
        (UNUSED, UNUSED.replace("import os", "import re"), ("os", "unused-import"), ["diagnostic"]),
        (UNUSED, UNUSED.replace("import os", "import re"), ("os", ""), ["diagnostic"]),
        # A preview rule that is not selected.
        (SPACED, SPACED.replace(":2", ": 2"), ("1:2", "E231"), []),
        (SPACED, SPACED.replace("1:2", "3:4"), ("1:2", "E231"), ["diagnostic"]),
        # With one of two names fixed: the other may remain, its own may not.
        (TWO, TWO.replace("a, b", "1, b"), ("a", "F821"), []),
        (TWO, TWO.replace("a, b", "a, 1"), ("a", "F821"), ["diagnostic"]),
        # Something else instead.
        (
            UNUSED,
            UNUSED.replace("import os\n", "").replace("(sys)", "(1)"),
            ("os", "F401"),
            ["new"],
        ),
    ],
)
async def test_resolved_and_remaining_diagnostics(
    before: str, after: str, diagnostic: tuple[str, str], expected: list[str]
) -> None:
    part, code = diagnostic
    message = "`json` imported but unused"
    wanted = at(before, part, "Ruff", code, message)
    found = (await check_with_ruff(edit(before, after, "python", wanted))).faults
    kinds = {fault.kind.split()[0] for fault in found if fault.kind != "name"}
    assert sorted(kinds - ({"new"} if "diagnostic" in expected else set())) == expected


async def test_a_diagnostic_that_ruff_never_reported() -> None:
    wanted = at("x = 1\n", "x", "Ruff", "F401")
    assert (await check_with_ruff(edit("x = 1\n", "y = 1\n", "python", wanted))).unreported == (
        wanted,
    )
    unknown = at("x = 1\n", "x", "Ruff", "ZZZ999")
    assert (await check_with_ruff(edit("x = 1\n", "y = 1\n", "python", unknown))).unreported == (
        unknown,
    )


async def test_the_projects_configuration_is_used(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text('[lint]\nselect = ["E501"]\n[lint.pycodestyle]\n')
    long, short = f"x = '{'a' * 100}'\n", "x = 1\n"
    wanted = at(short, "x", "Ruff", "E501")
    path = tmp_path / "a.py"
    candidate = edit(long + short, short + short, "python", wanted, path=path, root=tmp_path)
    assert (await check_with_ruff(candidate)).faults == ()
    candidate = edit(long + short, long + long, "python", wanted, path=path, root=tmp_path)
    assert {fault.kind for fault in (await check_with_ruff(candidate)).faults} >= {"new diagnostic"}


@pytest.mark.parametrize("settings", ["this is no toml", 'required-version = ">=99"\n'])
async def test_an_invalid_configuration_is_ignored(tmp_path: Path, settings: str) -> None:
    (tmp_path / "ruff.toml").write_text(settings)
    candidate = edit(F, F.replace("x\n", "y\n"), path=tmp_path / "a.py", root=tmp_path)
    assert await faults(candidate) == [("name", 5)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("time.sleep(60)", "did not answer in 0.5 s"),
        ("print('rubbish')", "printed no valid report"),
        ("print('{}')", "printed no valid report"),
        ("sys.exit('boom')", "ended with status 1: boom"),
        ("sys.stderr.write('bad option'); sys.exit(2)", "ended with status 2: bad option"),
    ],
)
async def test_ruff_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    tool = program(tmp_path / "ruff", body)
    monkeypatch.setattr(ruff_rules, "find_bundled", lambda *_: str(tool))
    candidate = edit(F, F + "\n")
    with pytest.raises(ToolFailed, match=message.replace("(", r"\(")):
        await ruff_rules.check(candidate, diff_texts(F, F + "\n"), (), CheckOptions(timeout_s=0.5))


async def test_invalid_items_of_a_report_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = {"code": "F821", "message": "Undefined name `y`", "location": {"row": 1}}
    body = f"print(json.dumps([1, None, {{}}, {item!r}] if 'y' in sys.stdin.read() else []))"
    tool = program(tmp_path / "ruff", body)
    monkeypatch.setattr(ruff_rules, "find_bundled", lambda *_: str(tool))
    assert (await check_with_ruff(edit("x\n", "y\n"))).faults == (
        Fault("name", Message("Undefined name `y` (F821)"), 1),
    )


async def test_ruff_that_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolFailed, match="is not installed here"):
        await check_with_ruff(edit("x\n", "y\n"))


@pytest.mark.parametrize(
    ("source", "code", "own", "ruff_code"),
    [
        ("Ruff", "F401", True, ""),
        ("ruff", "", True, ""),
        ("Flake8", "E231", True, ""),
        ("", "F401", True, ""),
        ("", "PLR0913", True, ""),
        ("", "E0602", False, "F821"),
        ("", "TS2345", False, ""),
        ("", "2345", False, ""),
        ("Pylance", "reportUndefinedVariable", False, "F821"),
        ("mypy", "name-defined", False, "F821"),
        ("pylint", "unused-import", False, "F401"),
        ("Pyright", "reportOptionalMemberAccess", False, ""),
    ],
)
def test_diagnostics_of_ruff_and_of_other_tools(
    source: str, code: str, own: bool, ruff_code: str
) -> None:
    diagnostic = at("x", "x", source, code)
    assert ruff_rules.is_from_ruff(diagnostic) is own
    expected = Diagnostic(diagnostic.span, diagnostic.message, source, ruff_code)
    assert ruff_rules.as_ruff_diagnostic(diagnostic) == (expected if ruff_code else None)
