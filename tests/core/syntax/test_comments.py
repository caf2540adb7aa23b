from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cursor import place
from support.pieces import TEXTS, whole_lines

from tabwright.core.languages import LANGUAGES, Language, by_id
from tabwright.core.syntax.comments import Comment, blocks, comment_of
from tabwright.core.syntax.excerpt import excerpt_around
from tabwright.core.text import line_span


def comment_around(text: str, offset: int, language: Language) -> Comment | None:
    """The comment that holds the offset or ends on the line above."""
    excerpt = excerpt_around(text, offset, language)
    if excerpt is None:
        return None
    line = excerpt.line_start(excerpt.at)
    above = excerpt.line_start(line - 1) if line else line
    for start in (line, above):
        for block in blocks(excerpt):
            if block.start <= start < block.end:
                return comment_of(excerpt, block)
    return None


@pytest.mark.parametrize(
    ("language", "marked", "text"),
    [
        ("python", "x = 1\n# one\n#  two║\n\n# three\n", "one\n two"),
        ("python", "# one\n║x = 1\n", "one"),
        ("python", "# one\n\n║x = 1\n", None),
        ("python", "x = 1  # one║\n", None),
        ("python", "x = '# one'║\n", None),
        ("python", "    # one\n║# two\n", "two"),
        ("python", "#: one║\n", ": one"),
        (
            "python",
            'def f():\n    """One.\n\n    Two:\n        three\n    """║\n',
            "One.\n\nTwo:\n    three",
        ),
        ("python", "def f():\n    r'''║One.'''\n", "One."),
        ("python", '"One."║\n', "One."),
        ("python", 'x = """\nOne.║\n"""\n', None),
        ("python", 'f(\n    "One.",║\n)\n', None),
        ("python", '"""One.\n# two║\n"""\nx = """\n', "One.\n# two"),
        ("javascript", "// one\n//// two║\n", "one\ntwo"),
        (
            "javascript",
            "/**\n * One.\n *   two\n *\n * @param a b\n */║\n",
            "One.\n  two\n\n@param a b",
        ),
        ("javascript", "/* one\n   two */║\n", "one\ntwo"),
        ("javascript", "/* one */ x();║\n", None),
        ("javascript", "x(); /* one\n two */║\n", None),
        ("javascript", "const url = 'http://a';║\n", None),
        ("javascript", "const a = /[/*]/;\n// one║\n", "one"),
        ("rust", "/// One.\n//! two║\n", "One.\ntwo"),
        ("rust", "let c = '\"';\n// one║\n", "one"),
        ("c", "/*║ one", "one"),
        ("html", "  <!-- one\n       two -->║\n", "one\ntwo"),
        ("lua", "--[[ one\n]]║\n", "one"),
        ("lua", "--- one║\n", "one"),
        ("sql", "-- one║\n-- two\n", "one\ntwo"),
        ("shellscript", "#!/bin/sh\necho $#\n# one║\n", "one"),
        ("haskell", "{- one -}║\n", "one"),
        ("powershell", "<# one #>║\n", "one"),
        ("latex", "%% one║\n", "one"),
        ("clojure", ";; one║\n", "one"),
        ("css", "/* one */║\n", "one"),
        ("php", "<?php\n// 一\r\n// 二║\r\n", "一\n二"),
        ("plaintext", "# one║\n", None),
        ("json", "{}║\n", None),
    ],
)
def test_comment_text(language: str, marked: str, text: str | None) -> None:
    snapshot, offset = place(marked, language)
    found = comment_around(snapshot.text, offset, by_id(language))
    assert (found.text if found else None) == text


def test_span_and_indent() -> None:
    text = "x = 1\r\n\t# one\r\n\t# two\r\ny = 2\r\n"
    found = comment_around(text, text.index("two"), by_id("python"))
    assert found is not None
    assert text[found.span.start : found.span.end] == "\t# one\r\n\t# two\r\n"
    assert (found.indent, found.string) == ("\t", False)


def test_block_comment_is_found_on_each_of_its_lines() -> None:
    text = "/*\n one\n\n two\n*/\n"
    for offset in range(len(text) + 1):
        found = comment_around(text, offset, by_id("c"))
        assert found is not None and found.span.start == 0


@given(text=TEXTS, language=st.sampled_from(sorted(LANGUAGES)), data=st.data())
def test_never_fails_and_holds_the_offset(text: str, language: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    found = comment_around(text, offset, by_id(language))
    if found:
        assert whole_lines(text, found.span)
        line = line_span(text, offset)
        assert found.span.start <= line.start <= found.span.end
        assert text.startswith(found.indent, found.span.start)
