"""The pure parts of code actions: line edits, new names, what is listed, syntax errors, data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from support.cursor import CURSOR, QWEN

from tabwright.app.actions.listing import listed
from tabwright.app.documents.buffers import Buffers, Cell
from tabwright.app.documents.line_edits import line_edits
from tabwright.app.documents.new_documents import folder_of, free_path
from tabwright.app.documents.syntax_errors import syntax_error
from tabwright.assists.registry import ASSISTS, shortened
from tabwright.assists.request import ActionRequest
from tabwright.core.action import Diagnostic
from tabwright.core.text import Snapshot, Span, apply
from tabwright.lsp.action_data import Unusable, data_of, read_request
from tabwright.lsp.server import ACTION_KINDS

URI = "file:///work/code.py"
LINES = st.lists(st.sampled_from(["a", "b", "é😀", ""]), max_size=8)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@given(LINES, LINES, ENDS, ENDS)
def test_line_edits_make_the_new_text(
    old: list[str], new: list[str], old_end: str, new_end: str
) -> None:
    before, after = old_end.join(old), new_end.join(new)
    edits = line_edits(before, after)
    assert apply(before, edits) == after
    for edit in edits:
        assert edit.span.start == 0 or before[edit.span.start - 1] in "\r\n"
        assert before[edit.span.start : edit.span.end] != edit.new_text


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("a\nb\nc\n", "a\nB\nc\n", ["B\n"]),
        ("a\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n", ["A\n", "E\n"]),
        ("a\nb\n", "a\nx\nb\n", ["x\n"]),
        ("a\nb\nc\n", "a\nc\n", [""]),
        ("a", "a\nb", ["a\nb"]),
        ("a\n", "a\n", []),
    ],
)
def test_line_edits_leave_equal_lines_alone(before: str, after: str, changed: list[str]) -> None:
    assert [edit.new_text for edit in line_edits(before, after)] == changed


@pytest.mark.parametrize(
    ("name", "there", "opened", "expected"),
    [
        ("a.js", [], [], "a.js"),
        ("a.js", ["a.js"], [], "a_2.js"),
        ("a.js", ["a.js"], ["a_2.js"], "a_3.js"),
        ("a.js", [], ["A.js"], "a_2.js"),
        ("test_a.py", ["test_a.py"], [], "test_a_2.py"),
        ("a.test.js", ["a.test.js"], [], "a_2.test.js"),
        ("a_test.go", ["a_test.go"], [], "a_2_test.go"),
    ],
)
def test_a_new_document_is_never_another(
    tmp_path: Path, name: str, there: list[str], opened: list[str], expected: str
) -> None:
    for each in there:
        (tmp_path / each).write_text("")
    found = free_path(tmp_path, name, [str(tmp_path / each) for each in opened])
    assert found == tmp_path / expected


@pytest.mark.parametrize(
    ("uri", "path", "folder"),
    [
        (URI, "/work/code.py", Path("/work")),
        ("vscode-notebook-cell:/work/a.ipynb#W0", "/work/a.ipynb", Path("/work")),
        ("untitled:Untitled-1", "", None),
        ("vscode-vfs://github/a/b.py", "/a/b.py", None),
    ],
)
def test_where_new_documents_go(uri: str, path: str, folder: Path | None) -> None:
    assert folder_of(uri, path) == folder


def at(marked: str, language: str = "python") -> ActionRequest:
    offset = marked.index(CURSOR)
    snapshot = Snapshot(URI, language, 1, marked.replace(CURSOR, ""))
    return ActionRequest(snapshot, Span(offset, offset), QWEN)


@pytest.mark.parametrize(
    ("marked", "language", "titles"),
    [
        ("def f(a):\n    ║return a\n", "python", "Simplify|Document|Write tests|Translate"),
        ("def f(a):\n    ║pass\n", "python", "Generate f|Simplify|Document|Write tests|Translate"),
        ("# sorts a list║\n", "python", "Generate what the comment asks for|Simplify|Document"),
        ("║\n", "python", ""),
        ('{"a"║: 1}\n', "json", ""),
        ("Some ║words.\n", "plaintext", ""),
        ("║\n", "no-such-language", ""),
        ("fn f() {\n    ║g();\n}\n", "rust", "Simplify|Document|Write tests|Translate"),
    ],
)
def test_listed_actions_fit_the_range(marked: str, language: str, titles: str) -> None:
    found = [one.title for one in listed(ASSISTS, at(marked, language), (), ())]
    expected = [title for title in titles.split("|") if title]
    assert [title.partition(" to ")[0] for title in found][: len(expected)] == expected
    assert bool(found) is bool(expected)


def test_many_diagnostics_are_not_all_offered() -> None:
    request = at("x = ║1\n")
    many = [Diagnostic(Span(0, 1), f"fault {n}") for n in range(100)]
    found = listed(ASSISTS, request, many, ("quickfix",))
    assert [one.diagnostic for one in found] == list(range(20))


def test_a_long_message_is_cut() -> None:
    diagnostic = Diagnostic(Span(0, 1), "expected `a`\n  " + "long " * 50)
    (found,) = listed(ASSISTS, at("x = ║1\n"), [diagnostic], ("quickfix",))
    assert found.title.startswith("Fix: expected `a` long") and len(found.title) <= 80
    assert shortened("a\n b") == "a b"


def test_the_kinds_announced_are_those_of_the_actions() -> None:
    assert set(ACTION_KINDS) == {assist.lsp_kind for assist in ASSISTS} - {""}
    assert len({assist.kind for assist in ASSISTS}) == len(ASSISTS) == 8


def test_nothing_of_actions_is_imported_before_initialize_is_answered() -> None:
    program = (
        "import sys, tabwright.lsp.transport.lifetime;"
        "print([name for name in sys.modules if name.startswith('tabwright.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    found = json.loads(done.stdout.decode().replace("'", '"'))
    assert "tabwright.lsp.server" in found
    late = (
        "tabwright.assists",
        "tabwright.checks",
        "tabwright.lsp.action",
        "tabwright.app.runtime.host",
    )
    assert not [name for name in found if name.startswith((*late, "tabwright.core.action"))]


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        ("x = ║)\n", "unmatched ')'"),
        ("a = 1\r\nx = ║)\r\n", "unmatched ')'"),
        ("a = 1\rx = ║)\r", "unmatched ')'"),
        ("'😀'; x = ║)\n", "unmatched ')'"),
        ("def f():\n    pass\n  ║pass\n", "unindent does not match any outer indentation level"),
        ("║return 1\n", "'return' outside function"),
        ("f(║", "'(' was never closed"),
        ("x = 1\n", ""),
        ("x = '\\d'\n", ""),
        ("", ""),
        ("(" * 5000, "too many nested parentheses"),
        ("x = '\ud800'", ""),
    ],
)
def test_syntax_errors_and_their_places(marked: str, message: str) -> None:
    found = syntax_error(marked.replace(CURSOR, ""))
    if not message:
        assert found is None
        return
    assert found is not None and found.message == message and found.source == "tabwright"
    if CURSOR in marked and "unindent" not in message and "never" not in message:
        assert found.span.start == marked.index(CURSOR)


def test_action_data_survives_the_round_trip() -> None:
    text = "😀 = 1\nx = y\n"
    buffers = Buffers("utf-16")
    buffers.open(URI, "python", 3, text)
    snapshot = buffers.get(URI)
    assert snapshot is not None
    where = types.Range(types.Position(0, 3), types.Position(1, 5))
    fault = types.Diagnostic(
        where,
        "undefined",
        source="Ruff",
        code=8,
        related_information=[
            types.DiagnosticRelatedInformation(types.Location(URI, where), "see here")
        ],
    )
    data = json.loads(json.dumps(data_of("fix", snapshot, where, [fault], "go")))
    found = read_request(data, buffers)
    assert (found.kind, found.snapshot, found.target) == ("fix", snapshot, "go")
    assert text[found.span.start : found.span.end] == "= 1\nx = y"
    assert found.diagnostics == (Diagnostic(found.span, "undefined", "Ruff", "8", ("see here",)),)
    assert found.path == "/work/code.py" and not found.cell


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = ("id", "version", "range", "diagnostics", "instruction", "target")


@given(JSON | st.dictionaries(st.sampled_from(KEYS), JSON))
def test_whatever_comes_is_a_request_or_a_reason(data: Any) -> None:
    buffers = Buffers()
    buffers.open(URI, "python", 1, "x = 1\n")
    known = {**data, "uri": URI} if isinstance(data, dict) else data
    try:
        found = read_request(known, buffers)
    except Unusable as error:
        assert str(error)
    else:
        assert found.snapshot.text == "x = 1\n"


def test_notebook_cells_are_distinguished_from_files() -> None:
    buffers = Buffers()
    cells = (Cell("vscode-notebook-cell:/n/a.ipynb#1", True),)
    buffers.open_notebook("file:///n/a.ipynb", cells)
    buffers.open(cells[0].uri, "python", 1, "x = 1\n")
    found = read_request({"uri": cells[0].uri, "id": "edit"}, buffers)
    assert found.cell and found.path == "/n/a.ipynb"
