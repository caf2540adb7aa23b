"""The unit of indentation is taken from the file."""

from __future__ import annotations

import pytest
from support.cursor import at_cursor

from tabwright.core.trees.indentation import unit
from tabwright.core.trees.tree import parse

CASES = (
    ("javascript", "function a() {\n    b();\n    ║\n}\n", "    "),
    ("javascript", "function a() {\n  ║\n}\n", "  "),
    ("go", "func a() {\n\tif b {\n║\n\t}\n}\n", "\t"),
    ("html", "<ul>\n  <li>\n    ║\n  </li>\n</ul>", "  "),
    ("ruby", "class A\n  def b\n    ║\n  end\nend\n", "  "),
    ("c", "int a() {\n\tif (b) {\n\t\tc();\n\t}\n║\n}\n", "\t"),
    ("python", "def a():\n  b\n  if c:\n    ║", "  "),
    ("yaml", "a:\n  - b\n  ║\n", "  "),
    ("shellscript", "if a; then\n  ║\nfi\n", "  "),
    ("java",
     'class A {\n  int b;\n  String s = """\n      x\n          y\n""";\n  ║\n}\n',
     "  "),
)  # fmt: skip


@pytest.mark.parametrize(("language", "file", "step"), CASES)
def test_unit(language: str, file: str, step: str) -> None:
    text, at = at_cursor(file)
    tree = parse(text, language)
    assert tree is not None
    assert unit(tree, at) == step


def test_what_the_editor_says_counts_where_the_file_says_nothing() -> None:
    text, at = at_cursor("class A {\n║\n}\n")
    tree = parse(text, "java")
    assert tree is not None
    assert (unit(tree, at), unit(tree, at, "\t")) == ("    ", "\t")
