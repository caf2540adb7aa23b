from __future__ import annotations

import pytest
from bench.lib import action_faults
from support import checkout  # noqa: F401

BEFORE = "import os\n\nX = 1\n\n\ndef f():\n    pass\n\n\nY = 2\n"
SPAN = (BEFORE.index("def f"), BEFORE.index("    pass") + 8)


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ("    pass", "    return os.sep", 0),
        ("def f():\n    pass", "def f():\n    return 1\n\n\ndef g():\n    return 2", 0),
        ("import os\n", "import os\nfrom re import (\n    sub,\n)\n", 0),
        ("import os\n", "import os, re\n", 0),
        ("X = 1", "X = 3", 1),
        ("X = 1\n", "", 1),
        ("X = 1", "X = 1\nZ = 3", 0),  # the line above the span stands; Z is part of what is new
        ("Y = 2", "Y = 3", 1),
        ("X = 1\n\n\n", "Z = 0\nX = 1\n\n\n", 1),
    ],
)
def test_lines_outside_the_span(old: str, new: str, touched: int) -> None:
    after = BEFORE.replace(old, new)
    assert action_faults.touched_outside(BEFORE, after, *SPAN) == touched


@pytest.mark.parametrize(
    ("before", "after", "stable"),
    [
        ("a = 1\n", "a = 1\nb = 2\n", True),
        ("a = 1\n", "a = 1\nb=2\n", False),
        # Where the file was not clean, only what is new is held to it.
        ("a=1\n", "a=1\nb = 2\n", True),
        ("a=1\n", "a=1\nb=2\n", False),
        ("\na=1\n", "\na=1\nb = 2\n", True),
        ("\na=1\n", "\na=1\nif a:\n    b = 2\ndef f():\n    pass\n", False),
    ],
)
def test_black_is_asked_about_what_is_new(before: str, after: str, stable: bool) -> None:
    assert action_faults.stable(before, after) is stable


@pytest.mark.parametrize(
    ("language_id", "good", "bad"),
    [
        ("python", "a = 1", "a = "),
        ("javascript", "let a = 1;", "let a = ;"),
        ("typescript", "let a: number = 1;", "let a: = 1;"),
        ("java", "class A { int a; }", "class A { int ; "),
        ("cpp", "int f() { return 1; }", "int f() { return 1; "),
    ],
)
def test_what_parses(language_id: str, good: str, bad: str) -> None:
    assert action_faults.parses(language_id, good)
    assert not action_faults.parses(language_id, bad)


def test_faults_are_named() -> None:
    found = action_faults.broken("python", BEFORE, BEFORE.replace("Y = 2", "Y=3"), SPAN)
    assert found.named() == ("1 lines outside the span touched", "black changes it")
    assert action_faults.broken("java", BEFORE, "class A {}", None).named() == ()
