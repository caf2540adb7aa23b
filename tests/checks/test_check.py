from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from support.edits import at, edit, program

from tabwright.checks import check as checking
from tabwright.checks.check import check
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault, worst_first
from tabwright.checks.syntax import risks, tree_sitter_syntax
from tabwright.checks.tools import ruff_rules
from tabwright.core.message import Message

NOT_CHECKED = "so the fix was not verified"
F = "def f(x):\n    return x.foo\n"


@pytest.fixture(autouse=True)
def no_other_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


async def kinds(candidate: EditCandidate, options: CheckOptions | None = None) -> list[str]:
    return [fault.kind for fault in await check(candidate, options or CheckOptions(trusted=True))]


async def checker_messages(
    candidate: EditCandidate, options: CheckOptions | None = None
) -> list[str]:
    found = await check(candidate, options or CheckOptions(trusted=True))
    assert all(fault.kind == "checker" for fault in found)
    return [fault.message for fault in found]


@pytest.mark.parametrize(
    ("language_id", "before", "after", "expected"),
    [
        ("python", F, F + "\n\nx = f(1)\n", []),
        ("python", F, F, []),
        ("python", "", "", []),
        ("python", F, F + "x = (\n", ["syntax"]),
        ("python", F, F + "eval(input())\nfoo()\n", ["name", "risk"]),
        ("javascript", "f();\n", "g();\n", []),
        ("javascript", "f();\n", "f(;\n", ["syntax"]),
        ("javascript", "f();\n", "eval(x);\n", ["risk"]),
        ("kotlin", "f()\n", "g()\n", ["checker"]),
    ],
)
async def test_fault_kinds_by_language(
    language_id: str, before: str, after: str, expected: list[str]
) -> None:
    assert await kinds(edit(before, after, language_id)) == expected


FIXED = F.replace("x.foo", "x.bar")


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("Pyright", "reportAttributeAccessIssue", "pyright is not installed here"),
        ("basedpyright", "reportAny", "basedpyright is not installed here"),
        ("mypy", "attr-defined", "mypy is not installed here"),
        ("Pylint", "E1101", "pylint is not installed here"),
        # ruff has the rule, but reports nothing here.
        ("Pyright", "reportUndefinedVariable", "pyright is not installed here"),
        ("Ruff", "F401", "ruff does not report this error here"),
        ("Sourcery", "x", "errors from Sourcery cannot be checked here"),
        ("", "", "errors from an unknown source cannot be checked here"),
    ],
)
async def test_an_unverified_fix_is_reported(source: str, code: str, message: str) -> None:
    wanted = at(F, "x.foo", source, code)
    assert await checker_messages(edit(F, FIXED, "python", wanted)) == [f"{message}, {NOT_CHECKED}"]


async def test_ruff_replaces_a_missing_tool() -> None:
    before = "def f(x):\n    return y\n"
    wanted = at(before, "y", "Pylance", "reportUndefinedVariable", '"y" is not defined')
    assert await kinds(edit(before, before.replace("y", "x"), "python", wanted)) == []
    found = await kinds(edit(before, before.replace("y", "y + 1"), "python", wanted))
    assert found == ["diagnostic"]


TOOL = (
    "print(json.dumps([{'line': 2, 'symbol': 'no-member', 'message': 'no foo'}]"
    " if 'foo' in sys.stdin.read() else []))"
)


async def test_a_project_tool(tmp_path: Path) -> None:
    tool = tmp_path / ".venv" / "bin" / "pylint"
    wanted = at(F, "x.foo", "Pylint", "no-member")
    path = tmp_path / "a.py"
    good = edit(F, FIXED, "python", wanted, path=path, root=tmp_path)
    bad = edit(F, F.replace("x.foo", "x.foo()"), "python", wanted, path=path, root=tmp_path)
    program(tool, TOOL)
    assert await kinds(good) == []
    assert await check(bad, CheckOptions(trusted=True)) == (
        Fault("diagnostic", Message("the error is still there: no foo (no-member)"), 2),
    )
    assert await checker_messages(good, CheckOptions(tools=False, trusted=True)) == [
        f"pylint is switched off (tabwright.checks.tools), {NOT_CHECKED}"
    ]
    program(tool, "print('[]')")
    other = edit(F + "\n", FIXED, "python", wanted, path=path, root=tmp_path)
    assert await checker_messages(other) == [
        f"pylint does not report this error here, {NOT_CHECKED}"
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("time.sleep(60)", "pylint did not answer in 1 s"),
        ("sys.exit('no')", "pylint ended with status 1: no"),
        ("print('{')", "pylint printed no valid report"),
    ],
)
@pytest.mark.timing
async def test_a_project_tool_that_fails(tmp_path: Path, body: str, message: str) -> None:
    program(tmp_path / "venv" / "bin" / "pylint", body)
    wanted = at(F, "x.foo", "Pylint", "no-member")
    candidate = edit(F, FIXED, "python", wanted, path=tmp_path / "a.py", root=tmp_path)
    started = time.monotonic()
    assert await checker_messages(candidate, CheckOptions(timeout_s=1, trusted=True)) == [
        f"{message}, {NOT_CHECKED}"
    ]
    assert time.monotonic() - started < 5


C_BROKEN = "int f(void) {\n    return 1\n}\nint g(void) { return 2; }\n"


@pytest.mark.parametrize(
    ("source", "after", "expected"),
    [
        ("clang", C_BROKEN.replace("1", "1;"), []),
        ("clang", C_BROKEN.replace("1", "3"), ["diagnostic"]),
        ("clang", C_BROKEN.replace("2", "3"), ["diagnostic"]),
    ],
)
async def test_syntax_errors_of_a_compiler(source: str, after: str, expected: list[str]) -> None:
    wanted = at(C_BROKEN, "1", source, message="expected ';' after return statement")
    assert await kinds(edit(C_BROKEN, after, "c", wanted)) == expected


async def test_other_errors_of_a_compiler_are_not_syntax_errors() -> None:
    wanted = at(C_BROKEN, "2", "clang", message="no such thing")
    found = await checker_messages(edit(C_BROKEN, C_BROKEN.replace("2", "3"), "c", wanted))
    assert found == [f"errors from clang cannot be checked here, {NOT_CHECKED}"]


async def test_our_own_syntax_diagnostics() -> None:
    before = "def f(:\n    pass\n\n\nx = 1\n"
    wanted = at(before, "def f(:", "tabwright", message="invalid syntax")
    assert await kinds(edit(before, before.replace("(:", "():"), "python", wanted)) == []
    assert await kinds(edit(before, before.replace("(:", "(a:"), "python", wanted)) == ["syntax"]
    still = await kinds(edit(before, before.replace("1", "2"), "python", wanted))
    assert still == ["diagnostic"]


async def test_suppressing_a_diagnostic_is_no_fix(tmp_path: Path) -> None:
    program(tmp_path / "env" / "bin" / "pylint", TOOL)
    wanted = at(F, "x.foo", "Pylint", "no-member")
    after = FIXED.replace("x.bar", "x.bar  # pylint: disable=no-member")
    candidate = edit(F, after, "python", wanted, path=tmp_path / "a.py", root=tmp_path)
    (fault,) = await check(candidate, CheckOptions(trusted=True))
    assert (fault.kind, fault.line) == ("diagnostic", 2)


async def test_without_ruff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ruff_rules, "find_bundled", lambda *_: None)
    assert await check(edit(F, F + "foo()\n"), CheckOptions()) == (
        Fault("name", Message("`foo` is not defined"), 3),
        Fault("checker", Message("ruff is not installed here, so risky calls were not checked")),
    )
    wanted = at(F, "x", "Ruff", "F401")
    (message,) = await checker_messages(edit(F, FIXED, "python", wanted))
    assert message == f"ruff is not installed here, {NOT_CHECKED}, and risky calls were not checked"


async def test_a_ruff_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = program(tmp_path / "ruff", "time.sleep(60)")
    monkeypatch.setattr(ruff_rules, "find_bundled", lambda *_: str(tool))
    assert await checker_messages(edit(F, FIXED), CheckOptions(timeout_s=0.5)) == [
        "ruff did not answer in 0.5 s, so risky calls were not checked"
    ]


async def test_examples_run_only_if_enabled() -> None:
    before = 'def f(x):\n    """Doc.\n\n    >>> f(2)\n    4\n    """\n    pass\n'
    after = before.replace("pass", "return x + 1")
    assert await kinds(edit(before, after)) == []
    assert await check(edit(before, after), CheckOptions(run_examples=True)) == (
        Fault("example", Message("`f(2)` gave 3, expected 4"), 4),
    )
    assert await kinds(edit(before, after, cell=True), CheckOptions(run_examples=True)) == []
    # Examples of functions that the edit did not change do not run.
    other = "y = 1\n" + before
    assert (
        await kinds(edit(other, other.replace("1", "2", 1)), CheckOptions(run_examples=True)) == []
    )


async def test_a_module_that_takes_too_long_to_load() -> None:
    after = "x = sum(iter(int, 1))\n\n\ndef f(x):\n    '''f(1) == 2'''\n"
    found = await checker_messages(edit("", after), CheckOptions(run_examples=True, timeout_s=1))
    assert found == ["the module took over 1 s to load, so its examples were not run"]


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        (
            checking,
            "diff_texts",
            "the syntax check failed (ZeroDivisionError('boom')), so nothing was checked",
        ),
        (
            risks,
            "check",
            "the check for risky calls failed (ZeroDivisionError('boom')), so risky calls were not"
            " checked",
        ),
        (
            tree_sitter_syntax,
            "error_lines",
            "the syntax check failed (ZeroDivisionError('boom')), so nothing was checked",
        ),
    ],
)
async def test_a_failed_checker_is_reported(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, expected: str
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(module, name, fail)
    assert await checker_messages(edit("f();\n", "g();\n", "javascript")) == [expected]


async def test_cancelling_kills_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = program(tmp_path / "ruff", "time.sleep(60)")
    monkeypatch.setattr(ruff_rules, "find_bundled", lambda *_: str(tool))
    task = asyncio.create_task(check(edit(F, FIXED), CheckOptions(timeout_s=60)))
    await asyncio.sleep(0.2)
    task.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 3


def test_worst_first_removes_duplicates() -> None:
    risk, name, late = (
        Fault("risk", Message("r"), 1),
        Fault("name", Message("n"), 9),
        Fault("name", Message("m"), 12),
    )
    syntax, unknown = Fault("syntax", Message("s")), Fault("checker", Message("c"))
    mixed = (unknown, risk, late, name, risk, syntax)
    assert worst_first(mixed) == (syntax, name, late, risk, unknown)
    assert [fault.weight for fault in worst_first(mixed)] == [100, 10, 10, 3, 0]
