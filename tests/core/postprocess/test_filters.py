from __future__ import annotations

import pytest
from support.cursor import QWEN, place

from tabwright.assists.complete import Nothing, Options, prepare
from tabwright.core.message import Message
from tabwright.core.postprocess import filters
from tabwright.core.postprocess.filters import FILTERS, Filter, FilterState, Rejected, loop_start
from tabwright.core.task import Task


def task_at(marked: str, *, invoked: bool = False, multiline: str = "auto") -> Task:
    snapshot, offset = place(marked)
    task = prepare(snapshot, offset, QWEN, Options(multiline=multiline), invoked=invoked)
    assert not isinstance(task, Nothing), task
    return task


def run(each: Filter, task: Task, text: str) -> FilterState | Rejected:
    return each(FilterState(text, task.offset), task)


@pytest.mark.parametrize(
    ("each", "marked", "text", "kept"),
    [
        (filters.cut_specials, "x = ║", "1<|fim_pad|>2", "1"),
        (filters.cut_specials, "x = ║", "1\r\n2", "1\n2"),
        (filters.cut_specials, "x = ║", "a <| b |> c", "a <| b |> c"),
        (filters.cut_fence, "x = ║", "1\n```\nThis", "1\n"),
        (filters.cut_fence, "x = ║", "'```'", "'```'"),
        (filters.cut_leading_blank, "if x:\n║\n", "\n  \n    y()", "    y()"),
        (filters.cut_leading_blank, "if x:\n    ║\n", "\n    y()", "y()"),
        (filters.cut_leading_blank, "if x:║\n", "\n    y()", "\n    y()"),
        (filters.cut_to_statement, "x = ║", "1\ny = 2", "1"),
        (filters.cut_to_statement, "if x:\n║\n", "    y()\n    z()", "    y()\n    z()"),
        (filters.cut_block, "if x:\n║\n", "    y()\nz()", "    y()"),
        (filters.cut_block, "if x:\n║\n", "    y()\n    z()", "    y()\n    z()"),
        (filters.cut_block, "x = ║", "1\ny", "1\ny"),
        (filters.cut_loop, "x║\n", " = 1\ny = 1\ny = 1\ny = 1\n", " = 1\ny = 1"),
        (filters.cut_loop, "x = ║", "[0, 0, 0, 0, 0, 0, 0, 0]", "[0, 0, 0, 0, 0, 0, 0, 0]"),
        (filters.cut_suffix, "if x:\n║\nprint(x, y)\n", "    y()\nprint(x, y)", "    y()"),
        (filters.cut_suffix, "x = ║\nprint(x, y)\n", "1\nprint(x, y)", "1\nprint(x, y)"),
        (filters.trim_end, "x = ║", "1  ", "1"),
        (filters.trim_end, "f(║)", "1, ", "1,"),
        (filters.cut_second_indent, "if x:\n    ║\n    y()\n", "    z()", "z()"),
        (filters.cut_second_indent, "x = 1\n║\n", "    z()", "    z()"),
        (filters.fit_line, "f(║)\n", "1)", "1"),
        (filters.fit_line, "x = ║\n", "f(1))", "f(1)"),
        (filters.fit_line, "x = ║\n", "f((1)", "f((1))"),
        (filters.fit_line, "║\n    y()\n", "if x", "if x:"),
        (filters.fit_line, "x = [║\n", "f(1)]", "f(1)]"),
        (filters.fit_line, "x = (║\n    2,\n)\n", "1,", "1,"),
        (filters.refuse_blank, "x = ║", "1", "1"),
        (filters.refuse_repetition, "║\nx = y\n", "x = z", "x = z"),
        (filters.refuse_repetition, "║\n}\n", "}", "}"),
        (filters.refuse_repetition, "if x:\n    x = y║\nx = y\n", "", ""),
        (filters.match_line_ends, "x = ║", "1\n2", "1\n2"),
        (filters.match_line_ends, "x = ║\r\ny", "1\n2", "1\r\n2"),
    ],
)
def test_kept(each: Filter, marked: str, text: str, kept: str) -> None:
    result = run(each, task_at(marked), text)
    assert isinstance(result, FilterState), result
    assert result.text == kept


@pytest.mark.parametrize(
    ("each", "marked", "text", "reason"),
    [
        (filters.refuse_blank, "x = ║", " \t", filters.BLANK),
        (filters.refuse_repetition, "║\nx = y\n", "x = y", filters.REPEATS_SUFFIX),
        (filters.refuse_repetition, "x = ║\n\n\nx = y(1)\n", "y( 1 )", None),
        (
            filters.refuse_repetition,
            "total = ║\ntotal = y(100)\n",
            "y( 100)",
            filters.REPEATS_SUFFIX,
        ),
        (filters.cut_suffix, "if x:\n║\nprint(x, y)\n", "\nprint(x, y)\n", filters.REPEATS_SUFFIX),
        (filters.cut_loop, "x = ║", "abcabcabcabcabcabcabc", filters.REPEATS_ITSELF),
    ],
)
def test_refused(each: Filter, marked: str, text: str, reason: str | None) -> None:
    result = run(each, task_at(marked), text)
    assert result == (
        Rejected(Message(reason)) if reason else FilterState(text, result_end(marked))
    )


def result_end(marked: str) -> int:
    return marked.index("║")


def test_closers_are_replaced_only_if_they_are_a_subsequence() -> None:
    task = task_at("if f(║)\n    y()\n")
    assert run(filters.fit_line, task, "1):") == FilterState("1):", task.offset + 1)
    strings = task_at("x = f(║]\n")
    result = run(filters.fit_line, strings, "1)")
    assert isinstance(result, FilterState) and result.end == strings.offset


def test_reasons_are_short_lower_case_phrases() -> None:
    for reason in (filters.REPEATS_SUFFIX, filters.REPEATS_ITSELF, filters.BLANK):
        assert reason[0].islower() and " " in reason and not reason.endswith(".")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("a, b, a, b, a, b, a, b, a, b, a, b, ", 6),
        ("x = 1\nfoo bar\nfoo bar\nfoo bar", 13),
        ("----------------------", None),
        ("})\n})\n})\n", None),
        ("foo bar\nfoo bar\nfoo baz", None),
        ("", None),
    ],
)
def test_loop_start(text: str, at: int | None) -> None:
    assert loop_start(text) == at


def test_every_filter_is_listed_once_and_has_a_docstring() -> None:
    made = {
        value
        for name, value in vars(filters).items()
        if name.startswith(("cut_", "refuse_", "fit_", "trim_", "match_"))
    }
    assert set(FILTERS) == made and len(FILTERS) == len(made)
    assert all(each.__doc__ for each in FILTERS)
