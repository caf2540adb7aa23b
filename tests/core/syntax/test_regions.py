from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cursor import place
from support.pieces import TEXTS, whole_lines

from tabwright.core.languages import LANGUAGES
from tabwright.core.syntax.regions import (
    MAX_LINES,
    definitions,
    enclosing_block,
    logical_lines,
    outline,
)
from tabwright.core.text import Span

PYTHON = """\
import os


@cache
def first(
    a: int,
) -> int:
    '''The first.

    More words.
    '''
    return a


class Cart(Base):
    \"\"\"What is bought.\"\"\"

    rate = 1

    def total(self): return sum(self)

    async def clear(self):
        # nothing yet
        self.items = []


if first(1):
    print(
1)
else:
    print(2)

x = 1
"""
CPP = """\
class A : public B {
public:
  // Adds one.
  int add(int a) { return 1; }
  int sub(int b)
  {
    return 2;
  }
};

struct C
{
  int x;
};
"""


@pytest.mark.parametrize(
    ("text", "language", "shown"),
    [
        (
            PYTHON,
            "python",
            [
                ("function", "first", 4, 12, "The first."),
                ("class", "Cart", 15, 24, "What is bought."),
                ("function", "total", 20, 20, ""),
                ("function", "clear", 22, 24, ""),
            ],
        ),
        (
            CPP,
            "cpp",
            [
                ("class", "A", 1, 9, ""),
                ("function", "add", 4, 4, "Adds one."),
                ("function", "sub", 5, 8, ""),
                ("class", "C", 11, 14, ""),
            ],
        ),
        (
            "module M\n  class A\n    def f(a)\n      a\n    end\n  end\nend\nx = 1\n",
            "ruby",
            [
                ("class", "M", 1, 7, ""),
                ("class", "A", 2, 6, ""),
                ("function", "f", 3, 5, ""),
            ],
        ),
        (
            "export class A {\n  f(x) {\n    if (x) {\n    }\n  }\n}\n"
            "const g = (a) => a + 1;\nf(1);\n",
            "javascript",
            [
                ("class", "A", 1, 6, ""),
                ("function", "f", 2, 5, ""),
                ("function", "g", 7, 7, ""),
            ],
        ),
    ],
)
def test_definitions(text: str, language: str, shown: list[tuple[str, str, int, int, str]]) -> None:
    found = [
        (
            one.kind,
            one.name,
            text.count("\n", 0, one.span.start) + 1,
            text.count("\n", 0, one.span.end),
            one.doc,
        )
        for one in definitions(text, language)
    ]
    assert found == shown


def test_headers_do_not_contain_the_body() -> None:
    headers = [one.header for one in definitions(PYTHON, "python")]
    assert headers[0] == "def first(\n    a: int,\n) -> int:"
    assert headers[2] == "    def total(self):"
    assert definitions(CPP, "cpp")[1].header == "  int add(int a)"


@pytest.mark.parametrize(
    ("marked", "language", "block"),
    [
        ("x = 1\n\ndef f():\n    ║return 1\n\ny = 2\n", "python", "def f():\n    return 1\n"),
        ("@a\n@b(1)\ndef f():\n    ║return 1\n", "python", "@a\n@b(1)\ndef f():\n    return 1\n"),
        (
            "class A:\n    def f(self):\n        ║pass\n\n    def g(self): ...\n",
            "python",
            "    def f(self):\n        pass\n",
        ),
        ("def f():\n    def g():\n        ║1\n    2\n", "python", "    def g():\n        1\n"),
        ("x = 1\nif x:\n    y()\nelse:\n    ║z()\nw = 2\n", "python", None),
        ("x = 1\ny = [\n    ║2,\n]\n\nz = 3\n", "python", "y = [\n    2,\n]\n"),
        ("x = 1║\ny = 2\n", "python", "x = 1\n"),
        ("int f()\n{\n  ║return 1;\n}\n\nint x;\n", "c", "int f()\n{\n  return 1;\n}\n"),
        (
            "const f = () => {\r\n  ║g(;\r\n};\r\n",
            "javascript",
            "const f = () => {\r\n  g(;\r\n};\r\n",
        ),
        ("SELECT a\n  FROM ║b;\nSELECT c;\n", "sql", "SELECT a\n  FROM b;\n"),
        ("║", "python", ""),
        ("x = 1║", "python", "x = 1"),
    ],
)
def test_enclosing_block(marked: str, language: str, block: str | None) -> None:
    snapshot, offset = place(marked, language)
    found = enclosing_block(snapshot.text, Span(offset, offset), language)
    expected = "if x:\n    y()\nelse:\n    z()\n" if block is None else block
    assert snapshot.text[found.start : found.end] == expected


@pytest.mark.parametrize(
    ("marked", "language", "lines"),
    [
        ("a = 1\nb = ║2\nc = 3\n", "python", "b = 2\n"),
        ("a = f(\n    ║1,\n    2,\n)\nb\n", "python", "a = f(\n    1,\n    2,\n)\n"),
        ("║a = f(\n    1,\n)\nb\n", "python", "a = f(\n    1,\n)\n"),
        ("a = f(\n    1,\n║)\nb\n", "python", "a = f(\n    1,\n)\n"),
        ("a = [1]\nd = {\n    'b': (║c),\n}\n", "python", "d = {\n    'b': (c),\n}\n"),
        ("x = '('  # (\n║y\nz\n", "python", "y\n"),
        ("if (a) {\n  f(║1);\n}\n", "javascript", "  f(1);\n"),
        ("f(1,\r\n  ║2);\r\ng();\r\n", "javascript", "f(1,\r\n  2);\r\n"),
        ("f(║\n" + "1,\n" * 40 + ")\n", "python", "f(\n"),
        ("║)\n", "python", ")\n"),
        ("║", "python", ""),
    ],
)
def test_logical_lines(marked: str, language: str, lines: str) -> None:
    snapshot, offset = place(marked, language)
    found = logical_lines(snapshot.text, Span(offset, offset), language)
    assert snapshot.text[found.start : found.end] == lines


def test_long_functions_are_cut_around_the_span() -> None:
    text = "def f():\n" + "".join(f"    x{n} = {n}\n" for n in range(300)) + "y = 1\n"
    at = text.index("x150")
    found = enclosing_block(text, Span(at, at), "python")
    lines = text[found.start : found.end].splitlines()
    assert lines[0].strip() == "x130 = 130" and lines[-1].strip() == "x170 = 170"
    at = text.index("x5 ")
    found = enclosing_block(text, Span(at, at), "python")
    assert text[found.start : found.end].startswith("def f():\n")


def test_outline() -> None:
    at = PYTHON.index("self.items")
    assert outline(PYTHON, Span(at, at), "python", 1000) == (
        'def first(\n    a: int,\n) -> int:\n    """The first."""\n'
        'class Cart(Base):\n    """What is bought."""\n'
        "    def total(self):"
    )
    near = outline(PYTHON, Span(at, at), "python", 75)
    assert near == 'class Cart(Base):\n    """What is bought."""\n    def total(self):'
    assert outline(PYTHON, Span(0, len(PYTHON)), "python", 1000) == ""
    assert outline(CPP, Span(len(CPP), len(CPP)), "cpp", 44) == "class A : public B\nstruct C"


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5_000_000,
        "= /[" * 100_000,
        "def f(\n" * 10_000,
        "a b " * 100_000 + "(",
        "{" * 300_000,
        "class A {\n" * 8_000,
        "`" * 100_001,
        '"""\\' * 80_000,
        "  " * 200_000,
        "<" * 300_000,
    ],
    ids=lambda text: text[:8],
)
def test_bounded_work(text: str) -> None:
    for language in ("python", "javascript", "cpp"):
        start = time.thread_time()
        outline(text, Span(0, 0), language, 1000)
        enclosing_block(text, Span(len(text) // 2, len(text) // 2), language)
        assert time.thread_time() - start < 4, language


@given(text=TEXTS, language=st.sampled_from(sorted(LANGUAGES)), data=st.data())
def test_never_fails_and_spans_are_whole_lines(
    text: str, language: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    span = Span(start, data.draw(st.integers(start, len(text))))
    block = enclosing_block(text, span, language)
    assert whole_lines(text, block) and block.start <= span.start and span.end <= block.end
    lines = len(text[block.start : block.end].splitlines())
    assert lines <= max(MAX_LINES, len(text[span.start : span.end].splitlines()) + 42)
    for one in definitions(text, language):
        assert whole_lines(text, one.span)
    assert len(outline(text, span, language, 60)) <= 60
