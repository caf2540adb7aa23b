"""The end of an answer's first statement; ``¦`` marks the expected end."""

from __future__ import annotations

import pytest
from support.cursor import QWEN, place

from tabwright.assists.complete import Options, Task, prepare
from tabwright.core.syntax.blocks import statement_end

FUNCTION = "def f(a):\n    b = 1\n║\n    return b\n"
CASES = [
    ("a line", "python", FUNCTION, "    b = a¦\n    c = b\n"),
    ("a begun line", "python", "x = ║\n", "foo(¦\n    1)\n"),
    ("a block that is missing", "python", FUNCTION,
     "    if not a:\n        return 0¦\n    b = 2\n"),
    ("else belongs to another answer", "python", FUNCTION,
     "    if not a:\n        b = 0¦\n    else:\n        b = 2\n"),
    ("try needs its except", "python", FUNCTION,
     "    try:\n        b = int(a)\n    except ValueError:\n        b = 0¦\n    c = 1\n"),
    ("a block that stands below", "python", "def f(a):\n║\n        b = 2\n    return b\n",
     "    if a:¦\n        b = 3\n"),
    ("a comment and its line", "python", FUNCTION, "    # why\n    b = a¦\n    c = 1\n"),
    ("brackets over lines", "python", FUNCTION, "    b = [\n        1,\n    ]¦\n    c = 1\n"),
    ("brackets that the file closes", "python", "def f():\n║\n        2,\n    ]\n    return b\n",
     "    b = [1,¦\n        3,\n"),
    ("braces", "javascript", "function f(a) {\n  let b = 1;\n║\n  return b;\n}\n",
     "  if (a) {\n    b = 2;\n  }¦\n  b = 3;\n"),
    ("nothing but blank lines", "python", FUNCTION, "¦\n\n\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "marked", "answer"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_statement_end(language: str, marked: str, answer: str) -> None:
    snapshot, offset = place(marked, language)
    task = prepare(snapshot, offset, QWEN, Options(), invoked=False)
    assert isinstance(task, Task) and not task.multiline
    text, end = answer.replace("¦", ""), answer.index("¦")
    assert statement_end(task, text) == end
    # It is found as soon as it can be, and not before.
    for length in range(end):
        assert statement_end(task, text[:length]) is None


DOCSTRINGS = [
    ('def f():\n    """One line."""\n║\n', True),
    ('def f():\n    """Several\n\n    lines.\n    """\n║\n', True),
    ('def f():\n    r"""Raw\n    lines.\n    """\n║\n', True),
    ('def f():\n    """One line."""\n║\n    return 1\n', False),
    ('def f():\n    text = """Several\n    lines.\n    """\n║\n', False),
    ('"""A module."""\n║\n', False),
]


@pytest.mark.parametrize(("marked", "several"), DOCSTRINGS)
def test_body_with_only_a_docstring_is_empty(marked: str, several: bool) -> None:
    snapshot, offset = place(marked)
    task = prepare(snapshot, offset, QWEN, Options(), invoked=False)
    assert isinstance(task, Task)
    assert task.multiline is several
