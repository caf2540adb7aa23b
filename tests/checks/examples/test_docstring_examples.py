from __future__ import annotations

import pytest

from tabwright.checks.examples.docstring_examples import Example, examples_of
from tabwright.core.text import Span


def prose(*lines: str, name: str = "f", parameters: str = "a, b=0") -> list[tuple[str, str]]:
    body = "\n".join(f"    {line}" for line in lines)
    source = f'LIMIT = 3\n\n\ndef {name}({parameters}):\n    """Doc.\n{body}\n    """\n'
    found = examples_of(source, Span(0, len(source)))
    assert not any(example.printed for example in found)
    return [(example.call, example.want) for example in found]


@pytest.mark.parametrize(
    ("line", "call", "want"),
    [
        ("f(1, 2) ➞ 3", "f(1, 2)", "3"),
        ("f(1, 2) => 3", "f(1, 2)", "3"),
        ("f(1) ==> 'u'", "f(1)", "'u'"),
        ("f(1, 2) == [1, (2,)]", "f(1, 2)", "[1, (2,)]"),
        ("f(1) = 3", "f(1)", "3"),
        ("f(1) -> -3.5", "f(1)", "-3.5"),
        ("f(1) → {'a': 1}", "f(1)", "{'a': 1}"),
        ("f(1) should return 3.", "f(1)", "3"),
        ("f(1) returns None", "f(1)", "None"),
        ("* f([]) => []", "f([])", "[]"),
        ("for f(7, 34) == 34", "f(7, 34)", "34"),
        ("Example: `f(1)` returns `3`", "f(1)", "3"),
        ("f(1) == true", "f(1)", "True"),
        ("f(1) == 2 ** 3", "f(1)", "2 ** 3"),
        ("f(1) == sorted([2, 1])", "f(1)", "sorted([2, 1])"),
        ("f(LIMIT) == LIMIT", "f(LIMIT)", "LIMIT"),
        ("f(1) == 3 # the sum", "f(1)", "3 # the sum"),
        ("f(1) => 3 because it is", "f(1)", "3"),
        ("f(1) => [2, 3], as above", "f(1)", "[2, 3]"),
        ("f(')') == '('", "f(')')", "'('"),
        ("f(f(1)) == 2", "f(f(1))", "2"),
        ("For a = 3 the output should be 4.", "f(a = 3)", "4"),
        (
            'For a = "ab", b = 1, the result should be ("x", True)',
            'f(a = "ab", b = 1)',
            '("x", True)',
        ),
    ],
)
def test_examples_in_prose(line: str, call: str, want: str) -> None:
    assert prose(line) == [(call, want)]


@pytest.mark.parametrize(
    "line",
    [
        "f(1)",
        "f(n) = f(n - 1) + 1",
        "f(1) = f(2) + 1",
        "f(x) == 3",
        "f(abc) => False",
        "f(1) == other",
        "f(1) -> int",
        "f(1) -> list[int]",
        "f(1) returns the sum",
        "f(1) returns 3 or 4",
        "f(1) == 3 + x",
        "f(2) = 1 + (2 / 2) = 2",
        'f(1) == ""aaa"',
        "2 * f(1) == 4",
        "f(1) + f(2) == 4",
        "not f(1) == 4",
        "g(f(1)) == 4",
        "other.f(1) == 4",
        "leaf(1) == 4",
        "f(1 == 4",
        "f(a: int) -> 3",
        "For c = 3 the output should be 4.",
    ],
)
def test_prose_that_is_no_example(line: str) -> None:
    assert prose(line) == []


def test_input_and_output() -> None:
    assert prose("Input: a = [1, 2], b = 4", "Output: 24 # sum") == [
        ("f(a = [1, 2], b = 4)", "24 # sum")
    ]
    assert prose("Input: [4, 2]", "Output: [2, 1]", "Output: 3") == [("f([4, 2])", "[2, 1]")]
    assert prose("Input: hello", "Output: 3") == []


SESSIONS = '''\
def f(a):
    """Doc.

    >>> x = f(1)
    >>> x
    3
    >>> f(2) == 4
    >>> f(1) [2]
    >>> f(3)  # doctest: +SKIP
    5
    """


class A:
    def m(self):
        """f(1) == 2, A().m() == 3

        >>> A().m()
        Traceback (most recent call last):
        ValueError: no
        """


def g():
    """
    >>> g()
   1
    """
'''


def test_doctest_sessions() -> None:
    assert examples_of(SESSIONS, Span(0, len(SESSIONS))) == [
        Example("f", "x = f(1)", "", True, 4),
        Example("f", "x", "3", True, 5),
        Example("f", "f(2) == 4", "True", False, 7),
        Example("A.m", "A().m()", "Traceback (most recent call last):\nValueError: no", True, 18),
    ]


def test_only_examples_of_changed_functions() -> None:
    source = "".join(
        f'@cache\ndef {name}(x):\n    """{name}(1) == 2"""\n    return x\n\n\n' for name in "fgh"
    )

    def names(part: str) -> list[str]:
        start = source.index(part)
        return [one.function for one in examples_of(source, Span(start, start + len(part)))]

    assert names('"""g(1)') == ["g"]
    assert names("@cache\ndef g") == ["g"]
    assert names("return x\n\n\n@cache\ndef g") == ["f", "g"]
    assert names(source) == ["f", "g", "h"]


@pytest.mark.parametrize("source", ["def f(:\n", "x = '\0'\n", ""])
def test_no_examples_in_a_text_that_does_not_parse(source: str) -> None:
    assert examples_of(source, Span(0, len(source))) == []
