from __future__ import annotations

import pytest
from support.edits import edit

from tabwright.checks.lines import diff_texts
from tabwright.checks.syntax import python_syntax, tree_sitter_syntax
from tabwright.checks.syntax.tree_sitter_syntax import GRAMMARS, NoSyntaxTree, error_lines

BROKEN = "def broken(:\n    pass\n\n\n"


def python(before: str, after: str, cell: bool = False) -> list[int]:
    found = python_syntax.check_syntax(edit(before, after, cell=cell), diff_texts(before, after))
    assert all(fault.kind == "syntax" for fault in found)
    return [fault.line for fault in found]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("x = 1\n", "x = 2\n", []),
        ("x = 1\n", "x = (\n", [1]),
        ("def f():\n    pass\n", "def f():\n    pass\n    break\n", [3]),
        ("x = 1\n", "x = '\ud800'\n", [0]),
        ("x = 1\n", "x = '\\d'\n", []),
        # An error elsewhere before: only errors of the new lines count.
        (BROKEN + "x = 1\n", BROKEN + "x = 2\n", []),
        (BROKEN + "x = 1\n", BROKEN + "x = (2\n", [1]),
        (BROKEN + "x = 1\ny = 2\n", BROKEN + "x = 1\ny 2\n", [1]),
        (BROKEN + "def f():\n    pass\n", BROKEN + "def f():\n    return 1\n", []),
        (BROKEN + "def f():\n    pass\n", BROKEN + "def f():\n    return 1 +\n", [1]),
        # With the first error fixed, the compiler reports the next one.
        (BROKEN + "x = (\n", "def broken():\n    pass\n\n\nx = (\n", []),
        (BROKEN, "def broken(:\n    return\n\n\n", []),
        (BROKEN, "def broken(::\n    pass\n\n\n", [1]),
    ],
)
def test_python(before: str, after: str, lines: list[int]) -> None:
    assert python(before, after) == lines


def test_notebook_magic_lines_and_await_in_a_cell() -> None:
    cell = "%matplotlib inline\n!ls\nframe.head?\nawait f()\nif x:\n    %time y()\n"
    assert python("", cell, cell=True) == []
    assert python("", "%%bash\nls -l | wc\n", cell=True) == []
    assert python("", "await f(\n", cell=True) == [1]
    assert python("", "await f()\n") == [1]


NAMES: list[tuple[str, str, dict[str, int]]] = [
    ("def f():\n    pass\n", "def f():\n    return foo\n", {"foo": 2}),
    ("def f():\n    return foo\n", "def f():\n    return foo + 1\n", {}),
    ("def f():\n    return foo\n", "import os\n\n\ndef f():\n    return bar, os\n", {"bar": 5}),
    ("x = 1\n", "from a import *\nx = foo\n", {}),
    ("x = 1\n", "x = (\n", {}),
]


@pytest.mark.parametrize(("before", "after", "names"), NAMES)
def test_names_without_ruff(before: str, after: str, names: dict[str, int]) -> None:
    found = python_syntax.check_names(edit(before, after))
    assert {fault.message.split("`")[1]: fault.line for fault in found} == names
    assert python_syntax.check_names(edit(before, after, cell=True)) == ()


GOOD_AND_BAD = {
    "javascript": ("const f = (x) => x?.y ?? 1;\n", "const f = (x => {\n"),
    "javascriptreact": ("const f = () => <div>{x}</div>;\n", "const f = () => <div>{x</div>;\n"),
    "typescript": ("let x: number = <number>y;\n", "let x: = y;\n"),
    "typescriptreact": ("const f = (): A => <div/>;\n", "const f = (): => <div/>;\n"),
    "java": ("class A { int f() { return 1; } }\n", "class A { int f() { return 1 } }\n"),
    "c": ("int f(void) { return 1; }\n", "int f(void { return 1; }\n"),
    "cpp": ("template <class T> T f(T x) { return x; }\n", "template <class T T f(T x) {\n"),
    "go": ("package a\n\nfunc f() int { return 1 }\n", "package a\n\nfunc f() int { return 1 \n"),
    "rust": ("fn f() -> i32 { 1 }\n", "fn f() -> { 1 }\n"),
    "csharp": ("class A { int F() => 1; }\n", "class A { int F() => ; }\n"),
    "shellscript": ("if true; then ls; fi\n", "if true; then ls\n"),
}


def test_every_grammar_has_a_case() -> None:
    assert GOOD_AND_BAD.keys() == GRAMMARS.keys()


@pytest.mark.parametrize("language_id", GOOD_AND_BAD)
def test_other_languages(language_id: str) -> None:
    good, bad = GOOD_AND_BAD[language_id]

    def kinds(before: str, after: str) -> list[str]:
        candidate = edit(before, after, language_id)
        found = tree_sitter_syntax.check_syntax(candidate, diff_texts(before, after))
        return [fault.kind for fault in found]

    assert error_lines(good, language_id) == []
    assert kinds("", good) == []
    assert kinds(good, bad) == ["syntax"]
    assert kinds(bad, bad + "\n") == []
    assert kinds(bad, good) == []


def test_error_lines_count_characters_not_bytes() -> None:
    text = "// äöü 🎉 \r\n" * 3 + "let x = 1;\r\nlet = ;\r\n"
    assert set(error_lines(text, "typescript")) == {5}
    assert error_lines("let x = '\ud800';\n", "javascript") == []


def test_a_language_without_a_grammar_is_reported_as_unchecked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    candidate = edit("", "fun f() = 1\n", "kotlin")
    (fault,) = tree_sitter_syntax.check_syntax(candidate, diff_texts("", candidate.after))
    assert fault.kind == "checker" and "no parser for Kotlin" in fault.message
    monkeypatch.setitem(tree_sitter_syntax.GRAMMARS, "zig", ("no_such_grammar", "language"))
    with pytest.raises(NoSyntaxTree, match="the parser for Zig cannot be loaded"):
        error_lines("x", "zig")
