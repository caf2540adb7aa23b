from __future__ import annotations

import pytest

from tabwright.checks.lines import (
    diff_texts,
    line_end,
    line_of,
    span_of_lines,
    split_lines,
    terminate_line,
)


def test_split_lines_at_the_three_line_ends_only() -> None:
    assert split_lines("a\r\nb\rc\x0cd\u2028e\nf") == ["a\r\n", "b\r", "c\x0cd\u2028e\n", "f"]
    assert split_lines("a\n") == ["a\n"]
    assert split_lines("") == []


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        ("a\nb\nc\n", "a\nx\nc\n", {2}, {2}),
        ("a\nb\n", "a\nx\ny\nb\n", set(), {2, 3}),
        ("a\nb\nc\n", "a\nc\n", {2}, set()),
        ("a\nb\nc\nd\n", "x\nb\nc\ny\n", {1, 4}, {1, 4}),
        ("a\n", "a\r\n", {1}, {1}),
        ("a\n", "a\n", set(), set()),
        ("", "a\n", set(), {1}),
    ],
)
def test_changed_lines(before: str, after: str, old: set[int], new: set[int]) -> None:
    found = diff_texts(before, after)
    assert set(found.old_lines) == old
    assert set(found.new_lines) == new


def test_new_line_numbers() -> None:
    found = diff_texts("a\nb\nc\nd\ne\n", "new\na\nb\nX\nY\ne\n")
    assert [found.new_line_of(line) for line in range(1, 6)] == [2, 3, 4, 5, 6]
    assert diff_texts("a\nb\nc\n", "a\nc\n").new_line_of(2) == 0
    assert diff_texts("a\nb\nc\nd\n", "a\nX\nd\n").new_line_of(3) == 2


def test_long_differences_are_one_block() -> None:
    before = "".join(f"{number}\n" for number in range(5000))
    after = "".join(f"{number}\n" for number in range(1, 6000))
    assert len(diff_texts(before, after).blocks) == 1


def test_lines_of_offsets_and_spans_of_lines() -> None:
    text = "a\r\nbc\rd\n"
    assert [line_of(text, offset) for offset in range(len(text) + 1)] == [1, 1, 1, 2, 2, 2, 3, 3, 4]
    span = span_of_lines(text, 2, 3)
    assert text[span.start : span.end] == "bc\r"
    assert span_of_lines(text, 9, 12).start == len(text)


def test_line_ends() -> None:
    assert line_end("a\r\nb\r\nc\n") == "\r\n"
    assert line_end("a") == "\n"
    assert line_end("a\rb\r") == "\r"
    lines = ["a", "b"]
    terminate_line(lines, 1, "\r\n")
    terminate_line(lines, 0, "\n")
    assert lines == ["a\r\n", "b"]
