from __future__ import annotations

import pytest

from tabwright.core.syntax.python_names import unbound_names

CASES: list[tuple[str, set[str]]] = [
    ("def f(a):\n    return a + b\n", {"b"}),
    ("def f(a):\n    b = 1\n    return a + b\n", set()),
    ("import os\nfrom a import b as c\n\ndef f():\n    return os.path, c\n", set()),
    ("def f():\n    for i in range(3):\n        total += i\n    return total\n", {"total"}),
    ("def f(total):\n    total += 1\n    return total\n", set()),
    ("count = 0\n\ndef f():\n    global count\n    count += 1\n", set()),
    ("def f():\n    global made\n    made = 1\n\ndef g():\n    return made\n", set()),
    ("def f(xs):\n    return [x for x in xs if x != y]\n", {"y"}),
    ("def f(xs):\n    x = [x for x in xs]\n    return x\n", set()),
    ("class A:\n    size = 3\n    def f(self):\n        return self.size, size\n", {"size"}),
    ("try:\n    pass\nexcept ValueError as error:\n    print(error)\n", set()),
    (
        "def outer():\n    seen = 0\n    def inner():\n        return seen\n    return inner\n",
        set(),
    ),
    ("match x:\n    case {'a': found}:\n        print(found)\n", {"x"}),
    ("def f():\n    return __file__, __name__\n", set()),
]


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_unbound_names(source: str, expected: set[str]) -> None:
    assert unbound_names(source) == frozenset(expected)


def test_unindented_lines_and_imports_elsewhere_bind() -> None:
    source = "def f():\n    return LIMIT, np.pi, helper(), loose\n"
    elsewhere = (
        "LIMIT = 3\n# loose\nif True:\n    import numpy as np\n\n"
        "def helper():\n    loose = 1\n    return loose\n"
    )
    assert unbound_names(source, elsewhere) == frozenset({"loose"})


@pytest.mark.parametrize("text", ["def f(:\n", "x" * 70_000, "a = \0"])
def test_unknown_for_text_that_does_not_parse_or_is_too_long(text: str) -> None:
    assert unbound_names(text) is None


def test_unknown_after_a_star_import() -> None:
    assert unbound_names("def f():\n    return sin(1)\n", "from math import *\n") is None
    assert unbound_names("from math import *\nprint(sin(1))\n") is None
