from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.core.text import (
    Edit,
    Snapshot,
    Span,
    apply,
    common_prefix,
    difference,
    line_span,
    line_starts,
    minimal,
    scrub_surrogates,
    unix_line_ends,
)

TEXT = st.text(st.sampled_from("ab \n\r\f\u2028\x85é😀\ud800"), max_size=40)


def test_lines_end_only_at_the_three_line_ends() -> None:
    assert line_starts("a\r\nb\nc\rd\fe\u2028f\x85g\vh") == (0, 3, 5, 7)
    assert line_starts("") == (0,)
    assert line_starts("\n") == (0, 1)


@pytest.mark.parametrize(
    ("text", "offset", "line"),
    [
        ("abc", 1, "abc"),
        ("a\nb", 1, "a"),
        ("a\nb", 2, "b"),
        ("a\r\nb", 2, "a"),
        ("a\rb", 2, "b"),
        ("a\n", 2, ""),
        ("", 0, ""),
        ("a\fb\nc", 0, "a\fb"),
    ],
)
def test_line_span(text: str, offset: int, line: str) -> None:
    span = line_span(text, offset)
    assert text[span.start : span.end] == line


@given(text=TEXT, data=st.data())
def test_line_span_agrees_with_line_starts(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    starts = line_starts(text)
    span = line_span(text, offset)
    inside_end = text[offset - 1 : offset + 1] == "\r\n" and offset > 0
    assert span.start == max(start for start in starts if start <= offset - inside_end)
    assert not set("\r\n") & set(text[span.start : span.end])
    assert span.end == len(text) or text[span.end] in "\r\n"


def test_invalid_spans_and_offsets_raise() -> None:
    with pytest.raises(ValueError, match="no span"):
        Span(3, 2)
    with pytest.raises(ValueError, match="no span"):
        Span(-1, 2)
    with pytest.raises(ValueError, match="outside"):
        line_span("ab", 3)
    with pytest.raises(ValueError, match="past"):
        apply("ab", [Edit(Span(0, 3), "")])
    with pytest.raises(ValueError, match="overlap"):
        apply("abcd", [Edit(Span(0, 2), ""), Edit(Span(1, 3), "")])


def test_snapshots_are_immutable() -> None:
    snapshot = Snapshot("file:///a.py", "python", 1, "x")
    with pytest.raises(AttributeError):
        snapshot.text = "y"  # type: ignore[misc]


def test_inserts_at_one_offset_keep_their_order() -> None:
    edits = [Edit(Span(1, 1), "x"), Edit(Span(1, 1), "y"), Edit(Span(1, 2), "")]
    assert apply("abc", edits) == "axyc"


@given(text=TEXT, cuts=st.lists(st.integers(0, 40), max_size=8), new=st.lists(TEXT, min_size=8))
def test_apply_equals_single_edits_from_the_end(text: str, cuts: list[int], new: list[str]) -> None:
    at = sorted({min(cut, len(text)) for cut in cuts})
    edits = [
        Edit(Span(start, end), piece)
        for start, end, piece in zip(at[::2], at[1::2], new, strict=False)
    ]
    expected = text
    for edit in reversed(edits):
        expected = expected[: edit.span.start] + edit.new_text + expected[edit.span.end :]
    assert apply(text, edits) == expected
    assert apply(text, reversed(edits)) == expected


@given(old=TEXT, new=TEXT)
def test_difference_turns_old_into_new_and_is_minimal(old: str, new: str) -> None:
    edits = difference(old, new)
    assert apply(old, edits) == new
    assert bool(edits) == (old != new)
    for edit in edits:
        replaced = old[edit.span.start : edit.span.end]
        assert not replaced or not edit.new_text or replaced[0] != edit.new_text[0]
        assert not replaced or not edit.new_text or replaced[-1] != edit.new_text[-1]


@given(text=TEXT, new=TEXT, data=st.data())
def test_minimal_edit_gives_the_same_text(text: str, new: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    edit = Edit(Span(start, data.draw(st.integers(start, len(text)))), new)
    assert apply(text, [minimal(text, edit)]) == apply(text, [edit])


@given(left=TEXT, right=TEXT)
def test_common_prefix(left: str, right: str) -> None:
    count = common_prefix(left, right)
    assert left[:count] == right[:count]
    assert left[count : count + 1] != right[count : count + 1] or left == right


@given(text=TEXT)
def test_scrubbed_text_can_be_encoded_and_keeps_its_length(text: str) -> None:
    scrubbed = scrub_surrogates(text)
    scrubbed.encode("utf-8")
    assert len(scrubbed) == len(text)
    assert scrub_surrogates(scrubbed) == scrubbed


@given(text=TEXT)
def test_unix_line_ends_keep_the_lines(text: str) -> None:
    assert len(line_starts(unix_line_ends(text))) == len(line_starts(text))
    assert "\r" not in unix_line_ends(text)
