from __future__ import annotations

import pytest
from support.edits import at

from tabwright.checks.lines import diff_texts
from tabwright.checks.tools.child_process import ToolFailed
from tabwright.checks.tools.reports import Comparison, ToolReport, json_objects, number_at, text_at


# Each line of these texts gives one report, whose rule is the word on the line.
def reports(text: str, message: str = "is not right") -> list[ToolReport]:
    return [
        ToolReport(number, message, line.strip())
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip() and line.strip() != "."
    ]


def compare(before: str, after: str, *wanted: str, message: str = "") -> list[str]:
    diagnostics = [at(before, one, "tool", one, message) for one in wanted]
    found = Comparison(reports(before), reports(after), diff_texts(before, after), before)
    verdict = found.evaluate(diagnostics)
    assert not verdict.unreported
    return [f"{fault.kind} {fault.line}" for fault in verdict.faults]


@pytest.mark.parametrize(
    ("before", "after", "wanted", "expected"),
    [
        ("a\n.\nb\n", ".\n.\nb\n", ["a"], []),
        ("a\n.\nb\n", "a\n.\n.\n", ["a"], ["diagnostic 1"]),
        ("a\n.\nb\n", " a\n.\nb\n", ["a"], ["diagnostic 1"]),
        ("a\n.\n", ".\n.\n a\n", ["a"], ["diagnostic 3"]),
        ("a\n", "c\n", ["a"], ["new diagnostic 1"]),
        # The line is deleted, and another with the same fault takes its place.
        ("a\na\n.\n", "a\n.\n", ["a"], []),
        # Another of the same rule far away may stay.
        ("a\n.\n.\na\n", ".\n.\n.\na\n", ["a"], []),
        # Lines inserted above: the diagnostic moves with its line.
        ("a\n.\n", ".\n.\na\n.\n", ["a"], ["diagnostic 3"]),
        ("a\nb\n.\n", ".\nb\n.\n", ["a", "b"], ["diagnostic 2"]),
        ("a\n.\na\n", ".\n.\na\na\n", ["a"], ["diagnostic 3"]),
    ],
)
def test_resolved_remaining_and_new(
    before: str, after: str, wanted: list[str], expected: list[str]
) -> None:
    assert compare(before, after, *wanted) == expected


@pytest.mark.parametrize(
    ("code", "message", "same"),
    [
        ("TS2304", "", True),
        ("2304", "", True),
        ("ts2304", "", True),
        ("cannot-find (TS2304)", "", True),
        ("230", "", False),
        ("", 'Cannot find name "x" in 12 files.', True),
        ("", "Cannot find name 'other' in 3 files", True),
        ("", "Cannot find module 'x'", False),
    ],
)
def test_a_rule_matches_by_all_its_names(code: str, message: str, same: bool) -> None:
    report = ToolReport(1, "Cannot find name 'y' in 1 files.\n  Because.", "TS2304")
    assert report.matches(at("x", "x", "ts", code, message)) is same


def test_messages_match_despite_other_numbers() -> None:
    before = [ToolReport(1, "line too long (99 > 88)", "E501")]
    after = [ToolReport(1, "line too long (95 > 88)", "E501")]
    assert Comparison(before, after, diff_texts("a\n", "b\n"), "a\n").new_reports() == []


def test_new_reports_are_preferably_in_changed_lines() -> None:
    before, after = "a\n.\n", "a\na\n.\n"
    found = Comparison(
        reports(before), reports(after), diff_texts(before, after), before
    ).new_reports()
    assert [report.line for report in found] == [2]


@pytest.mark.parametrize("text", ["", "rubbish", "{}", "3", "[" * 100_000])
def test_invalid_reports(text: str) -> None:
    with pytest.raises(ToolFailed, match="printed no valid report"):
        json_objects(text)


def test_invalid_items_are_ignored() -> None:
    assert json_objects('[1, null, {"a": 1}]') == [{"a": 1}]
    item: object = {"a": {"b": "c", "n": 3, "x": None}}
    assert (text_at(item, "a", "b"), text_at(item, "a", "x"), text_at(item, "q", "r")) == (
        "c",
        "",
        "",
    )
    assert (number_at(item, "a", "n"), number_at(item, "a", "b"), number_at(3, "a")) == (3, 0, 0)
