from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.edits import at, edit, program

from tabwright.checks.faults import CheckOptions, Fault
from tabwright.checks.lines import diff_texts
from tabwright.checks.tools import mypy, project_tools
from tabwright.checks.tools.child_process import ToolFailed
from tabwright.checks.tools.find_program import find_project_program
from tabwright.checks.tools.reports import ToolResult
from tabwright.checks.tools.scratch_files import CheckedFile, file_beside
from tabwright.core.message import Message

# Fake tools report every line that holds BAD.
FIND = "bad = [n for n, line in enumerate(text.splitlines(), 1) if 'BAD' in line]\n"
READ_FILE = "text = open(sys.argv[-1]).read()\n" + FIND
READ_STDIN = "text = sys.stdin.read()\n" + FIND
# Like the real one: hidden files are skipped, and a file by name ignores the project's settings.
PYRIGHT = (
    "config = sys.argv[sys.argv.index('-p') + 1] if '-p' in sys.argv else ''\n"
    + "settings = json.load(open(config)) if config else {}\n"
    + "assert os.path.isfile(os.path.join(os.path.dirname(config), settings.get('extends', '')))"
    + " if config else True\n"
    + "name = os.path.join(os.path.dirname(config), *settings.get('include', sys.argv[-1:]))\n"
    + "text = open(name).read()\n"
    + FIND
    + "rule = 'reportBad' if config or not os.path.exists('pyproject.toml') else 'other'\n"
    + "items = [{'file': os.path.abspath(name), 'rule': rule, 'message': 'is bad',"
    + " 'range': {'start': {'line': n - 1}}} for n in bad]\n"
    + "seen = not os.path.basename(name).startswith('.')\n"
    + "print(json.dumps({'generalDiagnostics': items if seen else [],"
    + " 'summary': {'filesAnalyzed': int(seen)}}))\n"
    + "sys.exit(bool(bad))"
)
MYPY = (
    READ_FILE.replace("sys.argv[-1]", "sys.argv[sys.argv.index('--shadow-file') + 2]")
    + "for n in bad: print(f'{sys.argv[-1]}:{n}:3: error: \"a\" is bad  [bad]')\n"
    + "print('elsewhere.py:1: error: BAD  [bad]'); sys.exit(1)"
)
PYLINT = (
    "assert sys.argv[-2] == '--from-stdin'\n"
    + READ_STDIN
    + "print(json.dumps([{'line': n, 'symbol': 'is-bad', 'message-id': 'W1234', 'message': 'Bad'}"
    + " for n in bad])); sys.exit(4)"
)
ESLINT = (
    READ_STDIN
    + "print(json.dumps([{'messages': [{'line': n, 'ruleId': 'no-bad', 'message': 'Bad'}"
    + " for n in bad] + [{'line': 1, 'ruleId': None, 'message': 'Odd'}]}])); sys.exit(1)"
)
TSC = (
    "settings = json.load(open(sys.argv[-1])) if '-p' in sys.argv else {'files': sys.argv[-1:]}\n"
    + "assert ('-p' in sys.argv) == ('extends' in settings)\n"
    + READ_FILE.replace("sys.argv[-1]", "settings['files'][0]")
    + "name = os.path.relpath(settings['files'][0])\n"
    + "for n in bad: print(f'{name}({n},3): error TS2304: Cannot find it.\\n  Because.')\n"
    + "print('other.ts(1,1): error TS2304: BAD'); sys.exit(2)"
)
FAKES = {
    "Pyright": (".venv/bin/pyright", PYRIGHT, "reportBad", "a.py"),
    "Pylance": ("venv/bin/basedpyright", PYRIGHT, "reportBad", "a.py"),
    "basedpyright": ("env/bin/basedpyright", PYRIGHT, "reportBad", "a.py"),
    "mypy": (".venv/bin/mypy", MYPY, "bad", "a.py"),
    "Pylint": (".venv/bin/pylint", PYLINT, "W1234", "a.py"),
    "eslint": ("node_modules/.bin/eslint", ESLINT, "no-bad", "a.js"),
    "ts": ("node_modules/.bin/tsc", TSC, "2304", "a.ts"),
    "typescript": ("src/node_modules/.bin/tsc", TSC, "TS2304", "a.ts"),
}
LANGUAGES = {"a.py": "python", "a.js": "javascript", "a.ts": "typescript"}


@pytest.fixture(autouse=True)
def no_other_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def check_with_fake(
    tmp_path: Path, source: str, before: str, after: str, timeout_s: float = 10
) -> ToolResult:
    where, _, code, name = FAKES[source]
    assert (tmp_path / where).is_file()
    path = tmp_path / "src" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("on disk, BAD\n")
    wanted = at(before, "BAD", source, code)
    candidate = edit(before, after, LANGUAGES[name], wanted, path=path, root=tmp_path)
    tool = project_tools.tool_for(wanted)
    assert tool is not None
    found = tool.program(candidate)
    assert found == str(tmp_path / where)
    files_before = listing(tmp_path)
    try:
        return await project_tools.check(
            tool,
            found,
            candidate,
            diff_texts(before, after),
            [wanted],
            CheckOptions(timeout_s=timeout_s),
        )
    finally:
        assert listing(tmp_path) == files_before
        assert path.read_text() == "on disk, BAD\n"


@pytest.mark.parametrize("source", FAKES)
async def test_resolved_remaining_and_new(tmp_path: Path, source: str) -> None:
    where, body, _, _ = FAKES[source]
    program(tmp_path / where, body)
    before = "one\nBAD\nthree\n"
    assert (await check_with_fake(tmp_path, source, before, "one\ngood\nthree\n")) == ToolResult()
    assert (await check_with_fake(tmp_path, source, before, "one\nthree\n")) == ToolResult()
    for after, line in (("one\nBAD 2\nthree\n", 2), ("one\nBAD\nthree\nfour\n", 2)):
        (fault,) = (await check_with_fake(tmp_path, source, before, after)).faults
        assert (fault.kind, fault.line) == ("diagnostic", line)
    (fault,) = (
        await check_with_fake(tmp_path, source, before, "one\ntwo\nthree\nx\ny\nBAD\n")
    ).faults
    assert fault.kind == "diagnostic" and fault.line == 6


@pytest.mark.parametrize("settings", ["tsconfig.json", "src/tsconfig.json", "jsconfig.json"])
async def test_tsc_with_the_projects_settings(tmp_path: Path, settings: str) -> None:
    program(tmp_path / FAKES["ts"][0], TSC)
    (tmp_path / settings).parent.mkdir(exist_ok=True)
    (tmp_path / settings).write_text("{}")
    assert (await check_with_fake(tmp_path, "ts", "BAD\n", "good\n")) == ToolResult()
    assert (await check_with_fake(tmp_path, "ts", "BAD\n", "BAD 2\n")).faults


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ("pyrightconfig.json", "{}"),
        ("src/pyrightconfig.json", "{}"),
        ("pyproject.toml", "[tool.pyright]\nstrict = ['.']\n"),
    ],
)
async def test_pyright_with_the_projects_settings(tmp_path: Path, settings: str, text: str) -> None:
    program(tmp_path / FAKES["Pyright"][0], PYRIGHT)
    (tmp_path / settings).parent.mkdir(exist_ok=True)
    (tmp_path / settings).write_text(text)
    assert (await check_with_fake(tmp_path, "Pyright", "BAD\n", "good\n")) == ToolResult()
    assert (await check_with_fake(tmp_path, "Pyright", "BAD\n", "BAD 2\n")).faults


async def test_pyright_that_analyzes_no_file(tmp_path: Path) -> None:
    nothing = "print(json.dumps({'generalDiagnostics': [], 'summary': {'filesAnalyzed': 0}}))"
    program(tmp_path / FAKES["Pyright"][0], nothing)
    with pytest.raises(ToolFailed, match="analyzed no file"):
        await check_with_fake(tmp_path, "Pyright", "BAD\n", "good\n")


FAILURES = {
    "hangs": ("time.sleep(60)", r"did not answer in 0\.5 s"),
    "crashes": (
        "sys.exit('Segmentation\\nfault')",
        "(ended with status 1: Segmentation|no valid report)",
    ),
    "dies": ("os.abort()", "ended with status -6"),
    "fails": ("print('usage'); sys.exit(32)", "(ended with status 32: usage|no valid report)"),
    "prints rubbish": (
        "print('<html>')",
        "(printed no valid report|ended with status 0: <html>)",
    ),
    "prints another list": ("print('[[1]]')", "(no valid report|status 0)"),
    "prints an odd object": ("print('{\"generalDiagnostics\": 3}')", "(no valid report|status 0)"),
}


@pytest.mark.parametrize("source", ["Pyright", "mypy", "Pylint", "eslint", "ts"])
@pytest.mark.parametrize("how", FAILURES)
async def test_a_tool_that_fails(tmp_path: Path, source: str, how: str) -> None:
    body, message = FAILURES[how]
    program(tmp_path / FAKES[source][0], body)
    if how == "prints another list" and source in ("Pylint", "eslint"):
        # A list without a report: the diagnostic counts as never reported.
        assert (await check_with_fake(tmp_path, source, "BAD\n", "good\n", 0.5)).unreported
        return
    with pytest.raises(ToolFailed, match=message):
        await check_with_fake(tmp_path, source, "BAD\n", "good\n", timeout_s=0.5)


async def test_a_diagnostic_that_the_tool_never_reported(tmp_path: Path) -> None:
    program(tmp_path / FAKES["Pylint"][0], "print('[]')")
    found = await check_with_fake(tmp_path, "Pylint", "BAD\n", "good\n")
    assert [one.code for one in found.unreported] == ["W1234"] and not found.faults


async def test_reports_on_the_old_text_are_cached(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program(
        tmp_path / FAKES["Pylint"][0],
        PYLINT.replace("sys.exit(4)", f"open({str(log)!r}, 'a').write(text)"),
    )
    log.touch()
    for after in ("good\n", "better\n", "best\n"):
        await check_with_fake(tmp_path, "Pylint", "once BAD\n", after)
    assert sorted(log.read_text().splitlines()) == ["best", "better", "good", "once BAD"]


async def test_new_diagnostics(tmp_path: Path) -> None:
    body = PYLINT.replace("'W1234', 'message': 'Bad'", "'W1234', 'message': text.split()[n - 1]")
    program(tmp_path / FAKES["Pylint"][0], body)
    found = await check_with_fake(tmp_path, "Pylint", "BAD1\n", "xBAD1\nyBAD1\n")
    assert Fault("new diagnostic", Message("yBAD1 (is-bad)"), 2) in found.faults


def test_project_programs_come_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = program(tmp_path / "bin" / "tsc", "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    root = tmp_path / "root"
    path = str(root / "a" / "b" / "c.ts")
    assert find_project_program(("tsc",), "", "") == str(on_path)
    assert find_project_program(("tsc",), str(root), path) == str(on_path)
    top = program(root / "node_modules/.bin/tsc", "")
    assert find_project_program(("none", "tsc"), str(root), path) == str(top)
    near = program(root / "a/node_modules/.bin/tsc", "")
    assert find_project_program(("tsc",), str(root), path) == str(near)
    assert find_project_program(("tsc",), str(root), "/elsewhere/c.ts") == str(top)
    assert find_project_program(("none",), str(root), path) is None


def test_a_file_beside_the_document_has_a_new_name(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("mine")
    with file_beside(CheckedFile(str(path), "", "python", 1), "ä\r\n\ud800") as copy:
        assert copy.parent == tmp_path and copy != path and copy.suffix == ".py"
        assert copy.read_bytes() == "ä\r\n?".encode()
    assert listing(tmp_path) == ["a.py"] and path.read_text() == "mine"


@pytest.mark.parametrize("path", ["", "/no/such/folder/a.py"])
def test_a_file_goes_to_a_temporary_folder_without_its_own(path: str) -> None:
    with file_beside(CheckedFile(path, "", "python", 1), "x") as copy:
        assert copy.name == ("a.py" if path else "untitled.py")
    assert not copy.parent.exists()


async def test_the_real_mypy_reads_the_text_and_not_the_disk(tmp_path: Path) -> None:
    real = str(Path(sys.executable).with_name("mypy"))
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "h.py").write_text("def h(x: int) -> str:\n    return str(x)\n")
    path = tmp_path / "pkg" / "m.py"
    path.write_text("on disk, no Python\n")
    file = CheckedFile(str(path), str(tmp_path), "python", 60)
    text = "from .h import h\n\nx: int = h(1)\n"
    (found,) = await mypy.reports(real, text, file)
    assert (found.line, found.code) == (3, "assignment")
    assert await mypy.reports(real, text.replace("int", "str"), file) == []
    unsaved = CheckedFile("", str(tmp_path), "python", 60)
    assert [one.line for one in await mypy.reports(real, "x: int = ''\n", unsaved)] == [1]
