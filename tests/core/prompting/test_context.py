from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwright.core.prompting.context import Budget, Document, Window, build_window

BUDGET = Budget(400, 200, 300)
LINES = "".join(f"value_{number} = compute({number})\n" for number in range(200))


def test_short_text_is_the_whole_window() -> None:
    assert build_window("a\nb", 1, Budget()) == Window("a", "\nb")
    assert build_window("", 0, Budget()) == Window("", "")


def test_window_stays_within_its_budget_and_begins_with_a_line() -> None:
    for offset in range(0, len(LINES), 7):
        window = build_window(LINES, offset, BUDGET)
        assert LINES[:offset].endswith(window.prefix)
        assert LINES[offset:].startswith(window.suffix)
        assert len(window.prefix) <= 400
        assert len(window.prefix) >= min(offset, 400 // 4)
        assert offset <= 400 or window.prefix.startswith("value_")
        assert window.suffix.endswith("\n") or window.suffix == ""
        assert len(window.suffix) <= 200 + 30


TYPED = st.text(st.sampled_from("ab (.)é😀="), min_size=1, max_size=60)


@settings(deadline=None)
@given(line=st.integers(0, 199), typed=TYPED, remembered=st.booleans())
def test_typing_at_the_end_of_a_line_keeps_the_window(
    line: int, typed: str, remembered: bool
) -> None:
    offset = LINES.index(f"value_{line} =") + len(f"value_{line} = compute({line})")
    text, previous, starts, suffixes = LINES, None, [], set()
    for char in typed:
        text = text[:offset] + char + text[offset:]
        offset += 1
        window = build_window(text, offset, BUDGET, previous=previous)
        previous = window if remembered else None
        starts.append(offset - len(window.prefix))
        suffixes.add(window.suffix)
    assert len(suffixes) == 1
    assert len(set(starts)) <= 2, "the start may jump by a block, once"
    assert sorted(starts) == starts


@settings(deadline=None, max_examples=50)
@given(lines=st.lists(TYPED, min_size=1, max_size=30))
def test_typing_whole_lines_rarely_moves_the_start(lines: list[str]) -> None:
    text, offset, previous = LINES, len(LINES), None
    starts = set()
    for char in "\n".join(lines):
        text = text[:offset] + char + text[offset:]
        offset += 1
        previous = build_window(text, offset, BUDGET, previous=previous)
        assert len(previous.prefix) <= 400
        starts.add(offset - len(previous.prefix))
    assert len(starts) <= 2 + sum(map(len, lines)) // 150


def test_edit_far_above_keeps_the_start() -> None:
    offset = LINES.index("value_150")
    first = build_window(LINES, offset, BUDGET)
    changed = "import os\n" + LINES
    again = build_window(changed, offset + 10, BUDGET, previous=first)
    assert again.prefix == first.prefix


def test_suffix_is_kept_after_small_changes() -> None:
    text = "x = 1\n" + "\n".join(f"word{number} again" for number in range(30)) + "\n"
    first = build_window(text, 5, BUDGET)
    changed = text.replace("word4 ", "other ")
    assert build_window(changed, 5, BUDGET, previous=first).suffix == first.suffix
    assert build_window(changed, 5, BUDGET).suffix != first.suffix


@pytest.mark.parametrize(
    "changed",
    ["x = 1 + y\nword0 again\nword1\n", "x = 1\nother again\nword1\n", "x = 1\nword0\n"],
)
def test_suffix_is_not_kept_after_large_changes(changed: str) -> None:
    first = build_window("x = 1\nword0 again\nword1\n", 5, BUDGET)
    assert build_window(changed, 5, BUDGET, previous=first).suffix == changed[5:]


def test_suffix_is_kept_when_the_editor_inserts_closers() -> None:
    text = "x = f\n" + "\n".join(f"word{number} again" for number in range(30)) + "\n"
    first = build_window(text, 5, BUDGET)
    changed = text.replace("x = f\n", "x = f()\n").replace("word9 ", "other ")
    assert build_window(changed, 6, BUDGET, previous=first).suffix == ")" + first.suffix


def test_other_cells_come_before_and_after() -> None:
    window = build_window("y = x", 5, Budget(), before="x = 1", after="print(y)\n")
    assert window == Window("x = 1\ny = x", "\nprint(y)\n")
    many = build_window("y = x", 5, BUDGET, before=LINES, after=LINES)
    assert len(many.prefix) <= 400 and many.prefix.endswith("\ny = x")
    assert len(many.suffix) <= 200


def test_huge_texts_and_lines_are_cut_quickly() -> None:
    one_line = "x" * 10_000_000
    many_lines = "some = line\n" * 800_000
    started = time.thread_time()
    for _ in range(20):
        for text in (one_line, many_lines):
            window = build_window(text, 5_000_000, Budget())
            assert len(window.prefix) <= 4000
            assert len(window.suffix) <= 1500
    assert (time.thread_time() - started) / 40 < 0.005


SIMILAR = Document(
    "lib.py",
    "python",
    "def compute(value, number):\n    total = value * number\n    return total\n",
)
OTHER = Document(
    "README.md", "markdown", "Install the package with pip, then restart the editor.\n"
)


def test_snippets_are_similar_files_but_not_copies() -> None:
    text = "value = 3\nnumber = load()\nprint(compute(value"
    copy = Document("copy.py", "python", text)
    window = build_window(text, len(text), Budget(), others=[SIMILAR, OTHER, copy])
    assert [snippet.path for snippet in window.snippets] == ["lib.py"]
    assert build_window(text, len(text), Budget(snippet_chars=0), others=[SIMILAR]).snippets == ()


def test_snippets_are_kept_while_the_start_is() -> None:
    text = "value = 3\nnumber = load()\nprint(compute(value"
    first = build_window(text, len(text), Budget(), others=[SIMILAR])
    rewritten = Document("lib.py", "python", "something = else_\n")
    later = text + ", number))\nimport os, sys, re\nos.path.join(sys.argv)"
    again = build_window(later, len(later), Budget(), others=[rewritten, OTHER], previous=first)
    assert again.snippets == first.snippets != ()
    closed = build_window(later, len(later), Budget(), others=[OTHER], previous=first)
    assert closed.snippets == ()


def test_snippets_stay_within_their_budget() -> None:
    lines = [f"def compute_{n}(value, number): return load_{n}(total)\n" for n in range(500)]
    big = Document("big.py", "python", "".join(lines))
    text = "value = 3\nnumber = load()\nprint(compute(value"
    window = build_window(text, len(text), Budget(snippet_chars=600), others=[big, SIMILAR])
    assert window.snippets
    assert sum(len(snippet.text) for snippet in window.snippets) <= 600
