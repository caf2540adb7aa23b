from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from bench.lib import line_sets, quality, run_languages
from bench.lib.sets import DataMissing

ROW = {
    "task_id": "Java/0",
    "entry_point": "twice",
    "declaration": "class Solution {\n    public int twice(int a) {\n",
    "canonical_solution": "        // why\n        int b = 2 * a;\n        return b;\n    }\n}\n",
    "test": "public class Main { public static void main(String[] a) {} }",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with gzip.open(tmp_path / "humanevalpack-java-dev.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(ROW) + "\n")
    return tmp_path


def test_each_task_lacks_a_line_of_code(data: Path) -> None:
    tasks = line_sets.load("lines-java", data)
    assert [task.reference for task in tasks] == ["int b = 2 * a;", "return b;"]
    whole = ROW["declaration"] + ROW["canonical_solution"]
    for task in tasks:
        assert task.head + task.reference + task.tail == whole
        assert task.head.endswith("\n        ") and not task.invoked
        assert (task.language, task.name) == ("java", "twice")
        assert task.exact(whole)


def test_missing_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="--data"):
        line_sets.load("lines-cpp", tmp_path)


@pytest.mark.skipif(bool(run_languages.missing("java")), reason="Java is not installed")
@pytest.mark.parametrize(("more", "invoked"), [([], False), (["--invoked"], True)])
def test_tasks_can_be_asked_by_hand(data: Path, more: list[str], invoked: bool) -> None:
    asked = ["lines-java", "--data", str(data), "--limit", "1", *more]
    options = quality.parser().parse_args(asked)
    assert [task.invoked for task in quality.tasks_of(options)] == [invoked]
