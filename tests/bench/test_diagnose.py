from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from bench.lib import diagnose, diagnostic_cases
from bench.lib.diagnose import Found, NoReport
from bench.lib.diagnostic_cases import Case
from bench.lib.tools import Toolbox, ToolMissing
from support import checkout  # noqa: F401


def found(message: str, line: int = 0, column: int = 0, *, code: str = "E1") -> Found:
    return Found("a.py", (line, column), (line, column + 1), message, "Ruff", code)


REPORTS = {
    "ruff": (
        [
            {
                "filename": "{folder}/a.py",
                "location": {"row": 2, "column": 1},
                "end_location": {"row": 2, "column": 5},
                "message": "no",
                "code": "E1",
            }
        ],
        Found("a.py", (1, 0), (1, 4), "no", "Ruff", "E1"),
    ),
    "pylint": (
        [
            {
                "path": "a.py",
                "line": 2,
                "column": 3,
                "endLine": None,
                "endColumn": None,
                "message": "no",
                "message-id": "C0301",
                "symbol": "line-too-long",
            }
        ],
        Found("a.py", (1, 3), (1, 3), "no", "Pylint", "C0301:line-too-long"),
    ),
    "pyright": (
        {
            "generalDiagnostics": [
                {
                    "file": "{folder}/a.py",
                    "severity": severity,
                    "message": "no",
                    "rule": "reportX",
                    "range": {
                        "start": {"line": 1, "character": 2},
                        "end": {"line": 1, "character": 4},
                    },
                }
                for severity in ("error", "information")
            ]
        },
        Found("a.py", (1, 2), (1, 4), "no", "Pyright", "reportX"),
    ),
}


@pytest.mark.parametrize("suite", REPORTS)
def test_reports_are_read(tmp_path: Path, suite: str) -> None:
    report, expected = REPORTS[suite]
    text = json.dumps(report).replace("{folder}", str(tmp_path))
    assert diagnose.TOOLS[suite].read(text, tmp_path) == [expected]


def test_typescript_is_read_with_its_further_lines(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("let a;\nreturn$ = 1;\n")
    text = "a.ts(2,1): error TS2322: No.\n  Not at all.\nb.ts(1,1): error TS1: Gone.\n"
    first, second = diagnose.TOOLS["TSC"].read(text, tmp_path)
    assert first == Found("a.ts", (1, 0), (1, 7), "No.\n  Not at all.", "ts", 2322)
    assert second.protocol()["code"] == 1


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ([found("x")], [], ""),
        ([found("x")], [found("x", 7)], "still there: x"),
        ([found("x"), found("x", 1)], [found("x", 5)], ""),
        ([found("x")], [found("y")], "new: y (E1)"),
        ([found("x"), found("y")], [found("y", 9)], ""),
        ([found("x"), found("y")], [found("y"), found("y")], "new: y (E1)"),
    ],
)
def test_gone_and_nothing_new(before: list[Found], after: list[Found], fault: str) -> None:
    assert diagnose.fault(before, after, before[0]) == fault


@pytest.mark.parametrize(
    ("selection", "words", "message"),
    [
        ((4, 0, 4, 0), "", "near"),
        ((0, 0, 0, 0), "unused import here", "unused import"),
        ((0, 9, 0, 9), "", "missing docstring"),
        ((0, 1, 0, 1), "", "unused import"),
    ],
)
def test_the_diagnostic_a_case_is_about(
    selection: tuple[int, ...], words: str, message: str
) -> None:
    listed = [found("missing docstring", 0, 9), found("unused import", 0, 0), found("near", 3)]
    other = Found("b.py", (4, 0), (4, 1), "elsewhere", "Ruff", "E1")
    chosen = diagnose.chosen([other, *listed], "a.py", selection, words)
    assert chosen is not None and chosen.message == message


def case(text: str) -> Case:
    return Case("unused", "ruff", "python", "a.py", {"a.py": text}, (0, 0, 0, 0), "unused import")


@pytest.mark.parametrize(
    ("answer", "passed", "detail"),
    [
        ("a = 1\n", True, ""),
        ("import os\n\na = 1\n", False, "still there"),
        ("import os  # noqa\n\na = 1\n", False, "only silenced"),
        ("import re\n\na = 1\n", False, "new: `re` imported but unused (F401)"),
        ("a = (\n", False, "new"),
    ],
)
def test_the_tool_is_run_again(tmp_path: Path, answer: str, passed: bool, detail: str) -> None:
    ready = diagnostic_cases.prepare(
        case("import os\n\na = 1\n"), tmp_path / "case", Toolbox(tmp_path / "tools")
    )
    assert ready.wanted.code == "F401" and "line 1: `os` imported but unused" in ready.question
    verdict = ready.verdict(answer)
    assert verdict.passed is passed and detail in verdict.detail


def test_a_case_without_a_diagnostic_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="reports nothing"):
        diagnostic_cases.prepare(case("a = 1\n"), tmp_path / "case", Toolbox(tmp_path / "tools"))


def test_a_tool_that_fails_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(NoReport):
        diagnose.diagnostics("pyright", Path(sys.executable), tmp_path, ["a.py"], tmp_path)
