from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.core.postprocess.overlap import Overlap, overlaps


@pytest.mark.parametrize(
    ("answer", "suffix", "expected"),
    [
        ("a + b\n    return c", "\n    return c\n", Overlap(5, 7, True, True, True)),
        ("a\n\n    return  c", "\n    return c\n", Overlap(1, 7, True, True, True)),
        ("ter = 1)", "r = 1)\n", Overlap(2, 4, True, True, True)),
        ("x)\n    foo", ")\n    return", Overlap(1, 1, False, True)),
        ("a\n    retu", "\n    return c\n", Overlap(1, 4, True, False)),
    ],
)
def test_longest_overlap(answer: str, suffix: str, expected: Overlap) -> None:
    assert max(overlaps(answer, suffix), key=lambda found: found.shared_chars) == expected


@pytest.mark.parametrize(
    ("answer", "suffix"),
    [
        ("a\n        return c", "\n    return c\n"),  # deeper: another line
        ("abc", "\n\n"),
        ("abc", ""),
        ("", "abc"),
    ],
)
def test_no_overlap(answer: str, suffix: str) -> None:
    assert list(overlaps(answer, suffix)) == []


TEXT = st.text(st.sampled_from("ab \n)"), max_size=30)


@given(answer=TEXT, suffix=TEXT)
def test_appended_suffix_is_found(answer: str, suffix: str) -> None:
    found = {each.start: each for each in overlaps(answer + suffix, suffix)}
    if suffix.strip():
        assert found[len(answer)].reaches_end and found[len(answer)].whole_line
        assert found[len(answer)].shared_chars == len("".join(suffix.split()))
