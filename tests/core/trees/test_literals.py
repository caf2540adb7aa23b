"""Where the strings and comments of a document are, in each language."""

from __future__ import annotations

import pytest
from support.cursor import at_cursor

from tabwright.core.trees.literals import literals
from tabwright.core.trees.tree import parse

INSIDE = (
    ("python", 'x = "a║b"'),
    ("python", 'def f():\n    """do║c"""\n'),
    ("python", "# com║"),
    ("javascript", 'x = "║"'),
    ("javascript", "/* a ║*/"),
    ("javascript", "a // b║"),
    ("javascript", "x = /a║[)]/"),
    ("html", '<p class="a║b">'),
    ("html", "<!-- a║ -->"),
    ("java", 'String s = "a║";'),
    ("c", "char c = '║a';"),
    ("go", "x := `a║b`"),
    ("rust", 'let x = "a║";'),
    ("shellscript", "cat <<EOF\na║b\nEOF\n"),
    ("ruby", 'x = "a║"'),
    ("kotlin", 'val a = "b║ $c"'),
    ("swift", 'let a = "b║"'),
    ("csharp", 'var s = "a║";'),
    ("scala", 'val a = "b║"'),
    ("dart", "var a = 'b║';"),
    ("lua", 'x = "a║"'),
    ("yaml", "a: |\n  te║xt\n"),
    ("css", 'a { content: "║x" }'),
    ("json", '{"a": "b║"}'),
    ("toml", 'a = "b║"'),
    ("dockerfile", "# a║\nFROM x\n"),
)


@pytest.mark.parametrize(("language", "file"), INSIDE)
def test_inside_of_a_string_or_comment(language: str, file: str) -> None:
    text, at = at_cursor(file)
    tree = parse(text, language)
    assert tree is not None
    assert any(span.start < at <= span.end for span in literals(tree, 0, len(text)))


def test_literals_are_those_between_two_offsets() -> None:
    text = 'a = "b"; /* c */ d = "e";'
    tree = parse(text, "java")
    assert tree is not None
    found = literals(tree, 5, 18)
    assert [text[span.start : span.end] for span in found] == ['"b"', "/* c */"]
