from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from bench.lib import action_sets, run_languages
from bench.lib.sets import DataMissing
from support import checkout  # noqa: F401

PROMPT = '''\
import math


def g(a):
    return a


def add_one(a):
    """Add.

    >>> add_one(1)
    2
    """
'''
PYTHON = {
    "task_id": "Python/0",
    "prompt": PROMPT,
    "declaration": "import math\n\n\ndef add_one(a):\n",
    "canonical_solution": "    return a + 1\n",
    "buggy_solution": "    return a\n\n",
    "test": "def check(f):\n    assert f(1) == 2\ncheck(add_one)",
    "entry_point": "add_one",
}
OTHERS = {
    "js": (
        "\nconst addOne = (a) => {\n",
        "  return a + 1;\n}\n",
        "console.assert(addOne(1) === 2)",
    ),
    "java": (
        "import java.util.*;\n\nclass Solution {\n    public int addOne(int a) {\n",
        "        return a + 1;\n    }\n}",
        "public class Main { public static void main(String[] args) {"
        " if (new Solution().addOne(1) != 2) throw new AssertionError(); } }",
    ),
    # One of the set's declarations goes on into the body, which the solution then repeats.
    "cpp": (
        "using namespace std;\nint add_one(int a){\n    int b",
        "    return a + 1;\n}\n",
        "#undef NDEBUG\n#include<assert.h>\nint main(){\n assert (add_one(1) == 2);\n}\n",
    ),
}


def put(folder: Path, name: str, row: dict[str, Any]) -> None:
    with gzip.open(folder / f"{name}-dev.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    put(tmp_path, "humanevalpack-python", PYTHON)
    test = "def check(f):\n    assert f(1) == 2"
    put(tmp_path, "humaneval", {**PYTHON, "test": test})
    for name, (declaration, solution, test) in OTHERS.items():
        row = {"task_id": f"{name}/0", "declaration": declaration, "test": test}
        put(tmp_path, f"humanevalpack-{name}", {**row, "canonical_solution": solution})
    return tmp_path


@pytest.mark.parametrize("kind", [k for k in action_sets.ACTION_KINDS if k != "diagnostics"])
def test_references_pass_and_their_documents_do_not(data: Path, kind: str) -> None:
    (task,) = action_sets.load(kind, data)
    if task.target != "python" and run_languages.missing(task.target):
        pytest.skip(f"{task.target} cannot be run here")
    assert task.verdict(task.reference).passed
    assert not task.verdict(task.text).passed


def test_a_buffer_ends_in_the_function_that_is_asked_about(data: Path) -> None:
    (task,) = action_sets.load("generate", data)
    assert task.text == PROMPT
    assert task.text[task.start :].startswith("def add_one")
    assert task.text[: task.at].endswith('"""')
    (task,) = action_sets.load("fix", data)
    assert task.text == PROMPT + "    return a\n"
    assert task.text[task.start : task.end].startswith("def add_one")
    # Neither the hidden test nor the solution is shown to anybody.
    assert "assert" not in task.question and "a + 1" not in task.question


@pytest.mark.parametrize(
    ("kind", "names", "ends"),
    [
        ("translate-js", ("addOne",), "const addOne = (a) => {"),
        ("translate-java", ("addOne",), "    public int addOne(int a) {"),
        ("translate-cpp", ("add_one",), "int add_one(int a){"),
    ],
)
def test_translations_know_the_declaration(
    data: Path, kind: str, names: tuple[str, ...], ends: str
) -> None:
    (task,) = action_sets.load(kind, data)
    assert task.names == names
    assert task.declaration.endswith(ends) and task.declaration in task.question
    assert task.text == "import math\n\n\ndef add_one(a):\n    return a + 1\n"
    assert task.span is None


@pytest.mark.parametrize(
    "code",
    [
        "def add_one(a):\n    return a + 1",
        "    return a + 1",
        "import math\n\ndef helper(a):\n    return a + 1\n\ndef add_one(a):\n    return helper(a)",
    ],
)
def test_a_plain_answer_is_a_function_or_its_body(data: Path, code: str) -> None:
    for kind in ("generate", "fix"):
        (task,) = action_sets.load(kind, data)
        assert task.verdict(task.raw_document(code)).passed


def test_limits_spread_and_missing_sets_are_named(data: Path) -> None:
    assert action_sets.spread([0, 1, 2, 3], 2) == [0, 2]
    assert action_sets.spread([0, 1], 5) == [0, 1]
    with pytest.raises(DataMissing, match="--data"):
        action_sets.rows("diagnostics", data)
