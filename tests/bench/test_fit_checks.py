"""The judge itself: each fault is found, and what is right is not called a fault."""

from __future__ import annotations

import pytest
from bench.lib import fit_cases
from bench.lib.fit_checks import faults, unit_of
from bench.lib.parse_errors import is_judged

JS = "function f(a) {\n  if (a) {\n    ║\n  }\n}\n"
GO = "package a\n\nfunc f(x int) {\n\t║\n}\n"


def found(language_id: str, marked: str, answer: str, *settings: str) -> list[str]:
    header = " | ".join(("case", language_id, *settings))
    (case,) = fit_cases.read(f"===== {header}\n{marked}", "K")
    result = case.text[: case.offset] + answer + case.text[case.offset :]
    return faults(case, result, case.offset, answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("g(a);", []),
        ("for (const b of a) {\n      g(b);\n    }", []),
        ("g(a);\n    h(a);", []),
        ("  g(a);", ["depth", "unit"]),
        ("for (const b of a) {\n        g(b);\n    }", ["unit"]),
        ("g(a);\n\th(a);", ["unit"]),
        ("for (const b of a) {\n      g(b);}", ["closers"]),
        ("for (const b of a) {\n      g(b);\n  }", ["closers"]),
        ("for (const b of a) {", ["parses"]),
        ("g(a);\n    g(a);\n    g(a);", ["repeated"]),
        ("", ["empty"]),
    ],
)
def test_javascript(answer: str, expected: list[str]) -> None:
    assert found("javascript", JS, answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("if x > 0 {\n\t\tg()\n\t}", []),
        ("switch x {\n\tcase 1:\n\t\tg()\n\t}", []),
        ("if x > 0 {\n        g()\n    }", ["unit", "closers"]),
        ("g(`a\n  b`)", []),  # the lines of a string are the string's own
    ],
)
def test_go(answer: str, expected: list[str]) -> None:
    assert found("go", GO, answer) == expected


def test_what_a_case_says_counts() -> None:
    assert found("javascript", JS, "g(a);", "never g\\(") == ["language"]
    assert found("javascript", JS, "g(a);", "has h\\(") == ["language"]
    assert found("javascript", JS, "if (", "parses unknown") == []
    assert found("javascript", JS, "", "empty ok") == []
    assert found("javascript", JS, "g(a);", "depth 2") == ["depth"]


def test_what_stands_below_is_not_said_again() -> None:
    marked = "def f(a):\n    ║\n    return sum(a)\n"
    assert found("python", marked, "return sum(a)") == ["repeated"]
    assert found("python", marked, "a = list(a)") == []


def test_the_unit_is_the_files() -> None:
    texts = {"a {\n  b\n}\n": "  ", "a {\n\tb\n}\n": "\t", "a\n": "", "a {\n    b\n}\n": "    "}
    for text, unit in texts.items():
        (case,) = fit_cases.read(f"===== case | css\n{text}║\n", "K")
        assert unit_of(case) == unit


@pytest.mark.skipif(not is_judged("html"), reason="the grammar of HTML is not installed")
def test_tags_are_judged() -> None:
    marked = "<main>\n  ║\n</main>\n"
    assert found("html", marked, "<p>a</p>") == []
    assert found("html", marked, "<section>\n    <p>a</p>") == ["parses"]
    assert found("html", marked, "<p>a</p>\n</main>") == ["parses", "repeated"]
