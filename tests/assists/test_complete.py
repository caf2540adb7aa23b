from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cursor import QWEN, Case, cases, place

from tabwright.assists.complete import Nothing, Options, Task, finish, prepare, should_stop
from tabwright.core.message import Message
from tabwright.core.prompting.context import Budget, Document
from tabwright.core.prompting.prompt import Token
from tabwright.core.text import Snapshot, apply, line_span, unix_line_ends


def ask(marked: str, *, invoked: bool = False, options: Options | None = None) -> Task:
    snapshot, offset = place(marked)
    task = prepare(snapshot, offset, QWEN, options or Options(), invoked=invoked)
    assert isinstance(task, Task), task
    return task


def run_case(case: Case, text: str, language: str) -> tuple[str, Snapshot, Task | None]:
    snapshot, offset = place(text, language)
    options = Options(multiline=case.settings.get("multiline", "auto"))
    invoked = case.settings.get("trigger") == "invoked"
    task = prepare(snapshot, offset, QWEN, options, invoked=invoked)
    if isinstance(task, Nothing):
        return task.reason, snapshot, None
    result = finish(task, [case.parts["model"]], [case.settings.get("ended", "stop")])
    if isinstance(result, Nothing):
        return result.reason, snapshot, task
    return apply(snapshot.text, [result[0]]), snapshot, task


@pytest.mark.parametrize("case", cases("complete"), ids=lambda case: case.name)
def test_case(case: Case) -> None:
    language = case.settings.get("language", "python")
    got, snapshot, _ = run_case(case, case.parts["buffer"], language)
    assert got == case.parts.get("expected", case.parts.get("nothing"))
    if "expected" in case.parts:
        assert got != snapshot.text


@pytest.mark.parametrize("case", cases("complete"), ids=lambda case: case.name)
def test_case_with_carriage_returns_has_the_same_result(case: Case) -> None:
    language = case.settings.get("language", "python")
    text = case.parts["buffer"].replace("\n", "\r\n")
    got, snapshot, task = run_case(case, text, language)
    assert unix_line_ends(got) == case.parts.get("expected", case.parts.get("nothing"))
    if task is not None and "expected" in case.parts and "\r\n" in snapshot.text:
        assert "\n" not in got.replace("\r\n", "")


@pytest.mark.parametrize("case", cases("complete"), ids=lambda case: case.name)
def test_case_stopped_early_has_the_same_result(case: Case) -> None:
    """The filters remove everything that should_stop cuts during streaming."""
    language = case.settings.get("language", "python")
    _, _, task = run_case(case, case.parts["buffer"], language)
    if task is None:
        return
    text = case.parts["model"]
    for end in range(1, len(text) + 1):
        cut = should_stop(task, text[:end])
        if cut is not None:
            early = replace_model(case, text[:cut])
            got, _, _ = run_case(early, case.parts["buffer"], language)
            assert got == case.parts.get("expected", case.parts.get("nothing"))
            return


def replace_model(case: Case, text: str) -> Case:
    settings_ = {key: value for key, value in case.settings.items() if key != "ended"}
    return Case(case.name, settings_, {**case.parts, "model": text})


def test_prompt_suffix_is_the_same_at_every_keystroke_of_a_line() -> None:
    line = "total = sum(values) / len(values)"
    seen = set()
    for typed in range(len(line) + 1):
        task = ask(f"def f(values):\n    {line[:typed]}║\n    return total\n")
        assert task.prompt.parts[1] == Token("<|fim_suffix|>")
        seen.add(task.prompt.parts[2])
    closed = ask("def f(values):\n    total = sum(║)\n    return total\n")
    seen.add(closed.prompt.parts[2])
    assert seen == {"    return total\n"}


def test_prompt_ends_at_the_cursor() -> None:
    task = ask("a = 1\nb = ║\nc = 3\n")
    assert task.prompt.parts[-1] == "a = 1\nb = "


def test_code_after_the_cursor_is_in_the_prompt_when_invoked() -> None:
    task = ask("a = ║(b)\nc = 3\n", invoked=True)
    assert task.prompt.parts[2] == "(b)\nc = 3\n"
    assert task.suffix_stop.startswith("(b)")


def test_stop_texts_of_one_line_and_of_a_block() -> None:
    assert ask("x = ║\n").stop == ("\n", "\r")
    assert ask("if x:\n    ║\n").stop == ()
    assert ask("if x:\n║\n    y()\n").multiline is False
    assert ask("if x:\n║\n", options=Options(multiline="never")).multiline is False
    assert ask("x = ║\n", options=Options(multiline="always")).multiline is True
    assert ask("x = ║\n", invoked=True).stop == ()


@pytest.mark.parametrize(
    ("marked", "several"),
    [
        ("if x:  # why\n║\n", True),
        ("# like this:\n║\n", False),
        ("if x:\n║", True),
        ("if x:║\n", True),
        ("if x:\n    y()\n║\n", False),
        ("    if x:\n║\n    y()\n", True),
        ("    if x:\n║\n        y()\n", False),
        ("if x:\n\n\n    ║\ny()\n", True),
    ],
)
def test_several_lines_in_an_empty_block(marked: str, several: bool) -> None:
    assert ask(marked).multiline is several


def test_token_healing_only_inside_a_line() -> None:
    assert ask("retur║\n").heal
    assert ask("x = ║\n").heal
    assert not ask("x = 1\n║\n").heal
    assert not ask("║\nx = 1\n").heal


def test_candidates_and_tokens() -> None:
    options = Options(max_tokens=40, line_tokens=64, candidates=4)
    assert (ask("x = ║\n").n, ask("x = ║\n", invoked=True, options=options).n) == (1, 4)
    assert ask("x = ║\n", options=options).max_tokens == 40
    assert ask("x = ║\n").max_tokens == 64


def test_small_context_gets_a_small_window() -> None:
    model = replace(QWEN, context_length=300)
    snapshot = Snapshot("file:///a.py", "python", 1, "value = compute(1)\n" * 500)
    task = prepare(snapshot, 19 * 500, model, Options(max_tokens=64), invoked=False)
    assert isinstance(task, Task)
    assert len(task.prompt.flat()) < 700


def test_offset_past_the_end_is_clamped_and_empty_file_is_refused() -> None:
    snapshot = Snapshot("file:///a.py", "python", 1, "x = ")
    assert isinstance(prepare(snapshot, 99, QWEN, Options(), invoked=False), Task)
    empty = prepare(replace(snapshot, text=" \n"), 0, QWEN, Options(), invoked=False)
    assert empty == Nothing(Message("the file is empty"))


def test_other_cells_and_files_are_context() -> None:
    snapshot = Snapshot("file:///a.py", "python", 1, "y = load_table_rows(")
    other = Document("b.py", "python", "def load_table_rows(path, columns, limit):\n    pass\n")
    task = prepare(
        snapshot,
        20,
        QWEN,
        Options(),
        invoked=False,
        others=[other],
        before="rows = 1\n",
        after="print(y)\n",
    )
    assert isinstance(task, Task)
    flat = task.prompt.flat()
    assert "rows = 1\ny = load" in flat and "print(y)" in flat
    assert flat.startswith("<|file_sep|>b.py\ndef load_table_rows")


def test_candidates_come_without_duplicates_and_without_those_that_do_not_parse() -> None:
    task = ask("def f(a):\n    return ║\n\nprint(f(1))\n", invoked=True)
    result = finish(task, ["a +* 2", "a * 2", "a * 2  ", "", "a * 3"])
    assert not isinstance(result, Nothing)
    assert [edit.new_text for edit in result] == ["a * 2", "a * 3"]


def test_no_text_gives_no_suggestion() -> None:
    assert finish(ask("x = ║\n"), []) == Nothing(Message("the model had nothing to add"))


def test_closers_that_the_answer_contains_are_replaced() -> None:
    result = finish(ask("if foo(║)\n    bar()\n"), ["1, 2):"])
    assert not isinstance(result, Nothing)
    assert result[0].new_text == "1, 2):" and len(result[0].span) == 1


SIGNS = ("x", " = ", "(", ")", "[", "]", "{", "}", '"', "'", ":", "\n", "\r\n", "\f", "    ", "#")
MORE = (
    "def f",
    "return",
    "\ud800",
    "é",
    "😀",
    '"""',
    "\0",
    "\t",
    ",",
    "else:",
    "\\",
    "<|endoftext|>",
)
PIECES = st.lists(st.sampled_from(SIGNS + MORE), max_size=30).map("".join)


@settings(max_examples=150, deadline=None)
@given(before=PIECES, after=PIECES, answer=PIECES, invoked=st.booleans(), cut=st.booleans())
def test_any_answer_stays_on_the_cursor_line_and_within_the_text(
    before: str, after: str, answer: str, invoked: bool, cut: bool
) -> None:
    snapshot = Snapshot("file:///a.py", "python", 1, before + after)
    task = prepare(snapshot, len(before), QWEN, Options(), invoked=invoked)
    if isinstance(task, Nothing):
        return
    stop = should_stop(task, answer)
    assert stop is None or 0 <= stop <= len(answer)
    result = finish(task, [answer, answer[:stop]], ["length" if cut else "stop"])
    if isinstance(result, Nothing):
        assert result.reason
        return
    for edit in result:
        line = line_span(snapshot.text, len(before))
        assert edit.span.start == len(before)
        assert edit.span.end <= max(line.end, len(before))
        assert edit.new_text.strip()
        assert not any(special in edit.new_text for special in task.family.specials)


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 30), budget=st.integers(50, 500))
def test_windows_stay_within_their_budget(count: int, budget: int) -> None:
    text = "some_name = some_call(1)\n" * count
    options = Options(budget=Budget(budget, budget, 0))
    task = prepare(Snapshot("", "python", 1, text), len(text), QWEN, options, invoked=False)
    assert isinstance(task, Task)
    assert len(task.window.prefix) <= budget
