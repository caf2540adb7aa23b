from __future__ import annotations

import ast

import pytest
from support.cursor import Case, cases

from tabwright.checks.imports.insertion import insert_imports

ALL = cases("checks/imports")


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_insertion_cases(case: Case, end: str) -> None:
    before, wanted, after = (case.parts[name] for name in ("before", "imports", "after"))
    before, after = (f"{text}\n".replace("\n", end) for text in (before, after))
    language = case.settings["language"]
    result = insert_imports(before, wanted.split("\n"), language)
    assert result == after
    assert insert_imports(result, wanted.split("\n"), language) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", "import re\n"),
        ('"""Doc."""', '"""Doc."""\n\nimport re\n'),
        ("import os", "import os\nimport re\n"),
        ("x = 1", "import re\n\nx = 1"),
        ("import os; x = 1\n", "import os; x = 1\nimport re\n"),
        ("import os\n\x0c\nx = 1\n", "import os\nimport re\n\x0c\nx = 1\n"),
    ],
)
def test_unusual_texts(text: str, result: str) -> None:
    assert insert_imports(text, ["import re"], "python") == result


def test_no_imports_change_nothing() -> None:
    assert insert_imports("x = 1", ["", "  "], "python") == "x = 1"
    assert insert_imports("x = 1\n", ["x = 2", "import", "return"], "python") == "x = 1\n"


def test_result_parses_for_every_header() -> None:
    pieces = ["#!/bin/python\n", "# c\n\n", '"""D."""\n', "from __future__ import division\n"]
    pieces += [
        "import z\n",
        "try:\n    import y\nexcept ImportError:\n    pass\n",
        "def f(): ...\n",
    ]
    wanted = ["from __future__ import annotations", "import a", "from .b import c", "import numpy"]
    for mask in range(2 ** len(pieces)):
        text = "".join(piece for bit, piece in enumerate(pieces) if mask >> bit & 1)
        result = insert_imports(text, wanted, "python")
        compile(result, "<buffer>", "exec", dont_inherit=True)
        lines = [line for line in text.splitlines() if line]
        assert [line for line in result.splitlines() if line in lines] == lines
        assert ast.get_docstring(ast.parse(result)) == ast.get_docstring(ast.parse(text))


def test_a_long_text_with_an_open_bracket_is_quick() -> None:
    text = "import {\n" + "a,\n" * 50_000
    assert insert_imports(text, ["import b from 'b';"], "javascript").endswith(
        "import b from 'b';\n"
    )
