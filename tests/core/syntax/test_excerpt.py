from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pieces import TEXTS, whole_lines

from tabwright.core.languages import LANGUAGES, by_id
from tabwright.core.syntax.excerpt import excerpt_around, mask


@pytest.mark.parametrize(
    ("language", "text", "code"),
    [
        ("python", "x = 'a#b' # c", 'x = """""    '),
        ("python", "x = '''a\nb'''\ny", 'x = """""""""\ny'),
        ("python", "x = '''a\ny = 1", 'x = """"\ny = 1'),
        ("python", "x = 'a\ny", 'x = ""\ny'),
        ("javascript", "a /* b\n c */ d", "a     \n      d"),
        ("javascript", "x = `a${b}\n` + /[`/]/g", 'x = """""""" + """"""g'),
        ("javascript", "a / b / c", "a / b / c"),
        ("rust", "fn f<'a>(c: char) { '\"' }", 'fn f<\'a>(c: char) { """ }'),
        ("shellscript", "echo $# # n", "echo $#    "),
        ("plaintext", "it's # so", "it's # so"),
    ],
)
def test_mask(language: str, text: str, code: str) -> None:
    assert mask(text, by_id(language)).code == code


def test_excerpt_ends_at_a_too_long_line() -> None:
    text = "a\n" + "x" * 9000 + "\nb\r\nc\n" + "y" * 9000 + "\nd\n"
    excerpt = excerpt_around(text, text.index("c"), by_id("python"))
    assert excerpt is not None
    assert (excerpt.text, excerpt.at, excerpt.from_document_start) == ("b \nc\n", 3, False)
    assert excerpt_around(text, text.index("x"), by_id("python")) is None


def test_masking_begins_outside_strings() -> None:
    inside = "words\n" * 2000
    text = f'"""{inside}"""\ndef f():\n    """Doc."""\n' + "x = 1\n" * 100
    excerpt = excerpt_around(text, text.index("Doc"), by_id("python"), 3000)
    assert excerpt is not None and not excerpt.from_document_start
    assert "def f():" in excerpt.masked.code and "Doc" not in excerpt.masked.code


@given(text=TEXTS, language=st.sampled_from(sorted(LANGUAGES)), data=st.data())
def test_offsets_are_kept(text: str, language: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    excerpt = excerpt_around(text, offset, by_id(language), data.draw(st.integers(0, 40)))
    assert excerpt is not None
    assert whole_lines(text, excerpt.span(0, len(excerpt.text)))
    assert 0 <= excerpt.at <= len(excerpt.text)
    assert len(excerpt.masked.code) == len(excerpt.bare) == len(excerpt.text)
    assert "\r" not in excerpt.text
    for at, char in enumerate(excerpt.text):
        assert text[excerpt.base + at] == char or char in " \n\ufffd"
