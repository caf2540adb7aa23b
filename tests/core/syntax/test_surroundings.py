from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pieces import TEXTS, whole_lines

from tabwright.core.languages import LANGUAGES, by_id
from tabwright.core.syntax.surroundings import around, mask


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


def test_surroundings_end_at_a_too_long_line() -> None:
    text = "a\n" + "x" * 9000 + "\nb\r\nc\n" + "y" * 9000 + "\nd\n"
    near = around(text, text.index("c"), by_id("python"))
    assert near is not None
    assert (near.text, near.at, near.from_document_start) == ("b \nc\n", 3, False)
    assert around(text, text.index("x"), by_id("python")) is None


def test_masking_begins_outside_strings() -> None:
    inside = "words\n" * 2000
    text = f'"""{inside}"""\ndef f():\n    """Doc."""\n' + "x = 1\n" * 100
    near = around(text, text.index("Doc"), by_id("python"), 3000)
    assert near is not None and not near.from_document_start
    assert "def f():" in near.masked.code and "Doc" not in near.masked.code


@given(text=TEXTS, language=st.sampled_from(sorted(LANGUAGES)), data=st.data())
def test_offsets_are_kept(text: str, language: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    near = around(text, offset, by_id(language), data.draw(st.integers(0, 40)))
    assert near is not None
    assert whole_lines(text, near.span(0, len(near.text)))
    assert 0 <= near.at <= len(near.text)
    assert len(near.masked.code) == len(near.bare) == len(near.text)
    assert "\r" not in near.text
    for at, char in enumerate(near.text):
        assert text[near.base + at] == char or char in " \n\ufffd"
