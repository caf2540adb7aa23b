from __future__ import annotations

import time

import pytest
from support.cursor import place

from tabwright.core.syntax.python_parse import frame, parses


@pytest.mark.parametrize(
    ("source", "fine"),
    [
        ("x = 1\n", True),
        ("", True),
        ("return 1", True),
        ("x =", False),
        ("\0", False),
        ("'\ud800'", False),
        ("if x:\n", False),
        ("x = '\\d'", True),
        ("(" * 5000, False),
        ("x" + ".y" * 20_000, False),
        ("1" * 5000, False),
        ("x = 1\n" * 20_000, False),
    ],
    ids=str,
)
def test_parses(source: str, fine: bool) -> None:
    assert parses(source) is fine


BROKEN = "def broken(:\n    pass\n\n\n"


def test_frame_parses_despite_errors_elsewhere() -> None:
    snapshot, offset = place(BROKEN + "def f(x):\n    ║\n    return x\n\n\n" + BROKEN)
    gap = frame(snapshot.text, offset)
    assert gap is not None
    assert gap.parses_with("x += 1")
    assert not gap.parses_with("x += (")


def test_frame_includes_the_if_of_an_else() -> None:
    snapshot, offset = place("if x:\n    y()\nelse:\n    ║\nz()\n")
    gap = frame(snapshot.text, offset)
    assert gap is not None and gap.before.startswith("if x:")
    assert gap.parses_with("w()")


def test_frame_is_the_whole_text_with_unindented_lines_in_a_string() -> None:
    snapshot, offset = place('def f():\n    text = """\nmargin\n"""\n    return ║\n')
    gap = frame(snapshot.text, offset)
    assert gap is not None and gap.before.startswith("def f")
    assert gap.parses_with("text") and not gap.parses_with("text)")


def test_frame_replaces_skipped_characters() -> None:
    snapshot, offset = place("x = f(║)\n")
    gap = frame(snapshot.text, offset)
    assert gap is not None
    assert gap.parses_with("1).g(2)", skip=1) and not gap.parses_with("1).g(2)")


def test_frame_of_long_files_is_quick_or_none() -> None:
    text = "x = 1\n" * 200_000
    started = time.thread_time()
    near = frame(text, len(text) // 2)
    assert near is not None and len(near.before) < 100
    block = "def f():\n" + "    x = 1\n" * 100_000
    assert frame(block, len(block) // 2) is None
    assert time.thread_time() - started < 2
