from __future__ import annotations

import pytest
from support.cursor import QWEN, place

from tabwright.assists.complete import Nothing, Options, prepare
from tabwright.core.postprocess.pipeline import FilterState, clean, should_stop
from tabwright.core.task import Task


def task_at(marked: str, invoked: bool) -> Task:
    language = "javascript" if ("{" in marked or ";" in marked) else "python"
    snapshot, offset = place(marked, language)
    task = prepare(snapshot, offset, QWEN, Options(), invoked=invoked)
    assert not isinstance(task, Nothing), task
    return task


@pytest.mark.parametrize(
    ("marked", "text", "kept"),
    [
        ("x = ║\ny\n", "1\n", "1"),
        ("x = ║\ny\n", "1", None),
        ("x = 1\n║\ny\n", "\nz = 2\nw", "\nz = 2"),
        ("x = 1\n║\ny\n", "\n", None),
        ("x = 1\n║\ny\n", "\n\n\n", ""),
        ("x = ║\r\ny\r\n", "1\r\n", "1"),
        ("def f():\n║\n", "    x = 1\n    y = 2\n", None),
        ("def f():\n║\n", "    x = 1\n    y = 2\nd", "    x = 1\n    y = 2"),
        ("def f():\n║\n", "    return 1\n", "    return 1"),
        ("def f():\n║\n", "    return g(\n", None),
        ("def f():\n║\n", '    """Text\nat the margin', None),
        ("function f() {\n║\n", "  return 1;\n}\n", "  return 1;\n}"),
        ("function f() {\n║\n}\n", "  return 1;\n}", "  return 1;"),
        ("function f() {\n║\n", "  go(\n    1\n  );\n", None),
    ],
)
def test_automatic(marked: str, text: str, kept: str | None) -> None:
    at = should_stop(task_at(marked, invoked=False), text)
    assert (None if at is None else text[:at]) == kept


@pytest.mark.parametrize(
    ("marked", "text", "kept"),
    [
        ("x = ║\nprint(x, 1)\n", "1\ny = 2\nprint(x,", None),
        ("x = ║\nprint(x, 1)\n", "1\ny = 2\nprint(x, 1)\n#", "1\ny = 2"),
        ("def f():\n    x = 1║\n", "\n    y = 2\n\nd", "\n    y = 2\n"),
        ("x = 1║\n", "\n    y = 2\n\nd", None),
        ("x = f(║)\ny\n", "a(b), c)\nz", "a(b), c"),
        ("x = f(║)\ny\n", "a(b)\n", None),
        ("a = 1║\n", "\nx y z\nx y z\nx y z", "\nx y z"),
    ],
)
def test_invoked(marked: str, text: str, kept: str | None) -> None:
    at = should_stop(task_at(marked, invoked=True), text)
    assert (None if at is None else text[:at]) == kept


def test_clean_runs_all_filters() -> None:
    task = task_at("x = f(║)\n", invoked=False)
    assert clean("1)<|endoftext|>\nfoo", task) == FilterState("1", task.offset)
