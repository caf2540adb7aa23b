"""What an offset stands in, and where statements end."""

from __future__ import annotations

import pytest
from support.cursor import at_cursor

from tabwright.core.trees.places import embedded, literals, place_at, statement_at, statement_end
from tabwright.core.trees.tree import SyntaxTree, parse


def tree_at(file: str, language: str) -> tuple[SyntaxTree, int]:
    text, at = at_cursor(file)
    tree = parse(text, language)
    assert tree is not None
    return tree, at


PLACES = (
    ("python", 'x = "a║b"', "string"),
    ("python", 'def f():\n    """do║c"""\n', "docstring"),
    ("python", 'x = f"a{b║}c"\n', "code"),
    ("python", "# com║", "comment"),
    ("python", "x ║= 1", "code"),
    ("javascript", "x = `a${b║}`", "code"),
    ("javascript", 'x = "║"', "string"),
    ("javascript", "/* a ║*/", "comment"),
    ("javascript", "/* a */║", "code"),
    ("javascript", "a // b║", "comment"),
    ("javascript", "x = /a║[)]/", "string"),
    ("javascriptreact", "x = <p>he║y</p>", "text"),
    ("javascriptreact", "x = <p>{a║}</p>", "code"),
    ("html", "<p>\n  ║\n</p>", "text"),
    ("html", '<p class="a║b">', "string"),
    ("html", "<!-- a║ -->", "comment"),
    ("java", 'String s = "a║";', "string"),
    ("c", "char c = '║a';", "string"),
    ("go", "x := `a║b`", "string"),
    ("rust", 'let x = "a║";', "string"),
    ("shellscript", 'echo "a $(ls ║) b"', "code"),
    ("shellscript", "cat <<EOF\na║b\nEOF\n", "string"),
    ("php", "<p>a║</p><?php\n", "text"),
    ("ruby", 'x = "a║"', "string"),
    ("kotlin", 'val a = "b║ $c"', "string"),
    ("swift", 'let a = "b║"', "string"),
    ("csharp", 'var s = "a║";', "string"),
    ("scala", 'val a = "b║"', "string"),
    ("dart", "var a = 'b║';", "string"),
    ("lua", 'x = "a║"', "string"),
    ("yaml", "a: |\n  te║xt\n", "string"),
    ("css", 'a { content: "║x" }', "string"),
    ("json", '{"a": "b║"}', "string"),
    ("toml", 'a = "b║"', "string"),
    ("xml", "<a>b║</a>", "text"),
    ("dockerfile", "# a║\nFROM x\n", "comment"),
)


@pytest.mark.parametrize(("language", "file", "kind"), PLACES)
def test_place_at(language: str, file: str, kind: str) -> None:
    assert place_at(*tree_at(file, language)).kind == kind


ENDS = (
    ("java",
     "class A { void m() { ║if (a) { b(); } else { c(); } d(); } }",
     "if (a) { b(); } else { c(); }"),
    ("javascript", "║foo(() => {\n a();\n});\nb();", "foo(() => {\n a();\n});"),
    ("python",
     "def f():\n    ║if a:\n        b\n    else:\n        c\n    d\n",
     "if a:\n        b\n    else:\n        c"),
    ("ruby", "║if a\n  b\nend\nc\n", "if a\n  b\nend"),
    ("lua", "║x = 1\ny = 2\n", "x = 1"),
    ("shellscript", "║for a in b; do\n c\ndone\nd\n", "for a in b; do\n c\ndone"),
    ("html", "<ul>║<li>a</li><li>b</li></ul>", "<li>a</li>"),
    ("yaml", "║a:\n  b: 1\nc: 2\n", "a:\n  b: 1"),
    ("css", "a { ║b: c; d: e }", "b: c;"),
    ("json", '{║"a": 1, "b": 2}', '"a": 1,'),
    ("go", "func f() {\n\t║a := 1\n\tb()\n}", "a := 1"),
    ("rust", "fn f() { ║let a = 1; b(); }", "let a = 1;"),
    ("kotlin", "fun f() {\n  ║val a = 1\n  b()\n}", "val a = 1"),
    ("swift", "func f() {\n  ║let a = 1\n  b()\n}", "let a = 1"),
    ("php", "<?php\n║$a = 1;\n$b = 2;\n", "$a = 1;"),
    ("c", "int f() { ║for (;;) { a(); } b(); }", "for (;;) { a(); }"),
    ("csharp", "class A { ║int B() { return 1; } int C; }", "int B() { return 1; }"),
    ("scala", "object A {\n  ║def b = 1\n  def c = 2\n}", "def b = 1"),
    ("dart", "void f() {\n  ║var a = 1;\n  b();\n}", "var a = 1;"),
    ("dockerfile", "║RUN a \\\n  && b\nCMD c\n", "RUN a \\\n  && b"),
    ("xml", "<a>║<b>x</b><c/></a>", "<b>x</b>"),
    ("python", "x = 1\n║", ""),
)  # fmt: skip


@pytest.mark.parametrize(("language", "file", "statement"), ENDS)
def test_statement_end(language: str, file: str, statement: str) -> None:
    tree, at = tree_at(file, language)
    assert tree.text[at : statement_end(tree, at)] == statement


def test_statement_at_is_the_innermost() -> None:
    tree, at = tree_at("int f() {\n  if (a) {\n    b(║c);\n  }\n}\n", "c")
    span = statement_at(tree, at)
    assert tree.text[span.start : span.end] == "b(c);"


def test_literals_are_those_between_two_offsets() -> None:
    text = 'a = "b"; /* c */ d = "e";'
    tree = parse(text, "java")
    assert tree is not None
    found = literals(tree, 5, 18)
    assert [text[one.span.start : one.span.end] for one in found] == ['"b"', "/* c */"]


EMBEDDED = (
    ("html", "<script>var a║</script>", "javascript"),
    ("vue", '<script setup lang="ts">\nlet a║\n</script>', "typescript"),
    ("vue", '<style lang="scss">\na {║}\n</style>', "scss"),
    ("html", "<style>\na {║}\n</style>", "css"),
    ("markdown", "```js\nx║ = 1\n```\n", "js"),
)


@pytest.mark.parametrize(("language", "file", "inner"), EMBEDDED)
def test_embedded(language: str, file: str, inner: str) -> None:
    found = embedded(*tree_at(file, language))
    assert found is not None and found[0] == inner


def test_nothing_is_embedded_in_plain_text() -> None:
    assert embedded(*tree_at("<p>║</p>", "html")) is None
