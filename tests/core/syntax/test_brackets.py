from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.core.languages import LANGUAGES, by_id
from tabwright.core.syntax.brackets import scan


@pytest.mark.parametrize(
    ("language", "text", "open_", "unmatched", "quote"),
    [
        ("python", "f(a[1], {", "({", (), ""),
        ("python", "f(a)) + ]", "", (4, 8), ""),
        ("python", "f(a]", "(", (3,), ""),
        ("python", "x = '(' # (\ny", "", (), ""),
        ("python", 'x = """(\n[', "", (), '"""'),
        ("python", 'x = """(\n[""" + (', "(", (), ""),
        ("python", "x = '(", "", (), "'"),
        ("python", "x = '\\'(' + [", "[", (), ""),
        ("python", "x = 'a\ny = (", "(", (), ""),
        ("javascript", "f(`a ${(} b`, [", "([", (), ""),
        ("javascript", "/* ( */ f( // [\n", "(", (), ""),
        ("javascript", "/* (", "", (), ""),
        ("rust", "fn f<'a>(x: &'a str) {", "{", (), ""),
        ("plaintext", "it's (so", "(", (), ""),
        ("sql", "-- (\nselect 'it''s (' (", "(", (), ""),
    ],
)
def test_scan(language: str, text: str, open_: str, unmatched: tuple[int, ...], quote: str) -> None:
    found = scan(text, by_id(language))
    assert ("".join(found.open), found.unmatched, found.quote) == (open_, unmatched, quote)


def test_missing_closers_are_innermost_first() -> None:
    found = scan("f([{", by_id("python"))
    assert found.missing == "}])"
    assert scan("f([{" + found.missing, by_id("python")).imbalance == 0


TEXT = st.text(st.sampled_from("()[]{}\"'`#/*\\\n a-"), max_size=60)


@given(text=TEXT, language=st.sampled_from(sorted(LANGUAGES)))
def test_scan_never_fails_and_counts_at_most_all_brackets(text: str, language: str) -> None:
    found = scan(text, LANGUAGES[language])
    assert found.imbalance <= sum(char in "()[]{}" for char in text)
    assert all(text[at] in ")]}" for at in found.unmatched)
    if not found.quote:
        assert not scan(text + "\n" + found.missing, LANGUAGES[language]).open or "/*" in text
