from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from bench.lib import lines, speed_table
from bench.lib.row_actions import CONTEXT, Written, action_row, fixed, generated, request
from bench.lib.row_growth import LENGTHS, grown, long_file, step_row, weights_read
from bench.lib.row_places import taken
from bench.lib.rows import KINDS, Row, table
from support import checkout  # noqa: F401

from tabwright.core.prompting.families import family_by_name
from tabwright.core.task import ModelInfo
from tabwright.engine.backends.numba import screen
from tabwright.lsp.language_client import Item
from tabwright.models.conversion import int8

MODEL = ModelInfo("qwen2.5-coder-0.5b", family_by_name("qwen2.5-coder-0.5b"), CONTEXT)


@pytest.mark.parametrize(
    ("row", "ratio", "met"),
    [
        (Row("typing_p50", (100, 120, 110), (1200, 1100, 900)), 10, True),
        (Row("typing_p50", (110,), (1000,)), 1000 / 110, False),
        (Row("typing_p95", (10, 200), (10, 1000)), 5, True),
        (Row("typing_cpu", (4,), (8.1,)), 4 / 8.1, True),
        (Row("typing_cpu", (4,), (8,)), 0.5, False),
        (Row("generate", (30,), (20,)), 1.5, True),
        (Row("fix", (29,), (20,)), 1.45, False),
        (Row("following_share", (0.5,)), 0.5, True),
        (Row("growth_length", (1.3,)), 1.3, False),
        (Row("step", (1.9, 1.8, 2.4)), 1.9, True),
        (Row("accept_at_once", (10,), (40,)), 4, None),
        (Row("cold", (10,)), math.nan, None),
        (Row("cold", ()), math.nan, None),
        (Row("cold", (0,), (5,)), math.nan, None),
    ],
)
def test_a_row_is_measured_against_its_bar(row: Row, ratio: float, met: bool | None) -> None:
    assert row.ratio == pytest.approx(ratio, nan_ok=True)
    assert row.met is met


def test_every_bar_of_the_issue_is_there() -> None:
    bars = {name: str(kind.bar) for name, kind in KINDS.items() if kind.bar}
    assert bars == {
        "typing_p50": "at least 10",
        "typing_p95": "at least 5",
        "typing_cpu": "under 0.5",
        "following_share": "at least 0.5",
        "cold": "at least 3",
        "jump": "at least 10",
        "generate": "at least 1.5",
        "fix": "at least 1.5",
        "growth_length": "under 1.3",
        "step": "under 2",
    }


def test_the_json_has_an_object_a_row(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    speed_table.write(file, [Row("cold", (1.0, 2.0), (6.0, 8.0), "a note"), Row("jump", ())])
    cold, jump = json.loads(file.read_text("utf-8"))
    assert cold == {
        "row": "cold",
        "what": "cold open of 2,000 lines",
        "unit": "ms",
        "samples": 2,
        "ours_p50": 1.0,
        "ours_p95": 2.0,
        "peer_p50": 6.0,
        "peer_p95": 8.0,
        "ratio": 6.0,
        "bar": "at least 3",
        "met": True,
        "note": "a note",
    }
    assert (jump["ours_p50"], jump["ratio"], jump["met"]) == (None, None, None)
    assert len(file.read_text("utf-8").splitlines()) == 2


def test_the_table_says_what_is_missed() -> None:
    shown = table([Row("cold", (5.0,), (10.0,), "why"), Row("accept_at_once", (1.0,), (2.0,))])
    missed, free = shown.splitlines()[2:4]
    assert missed.endswith("at least 3   NO")
    assert free.startswith("accepted") and free.endswith("2")
    assert shown.endswith("cold: why")


def test_growth_is_the_last_size_over_the_first() -> None:
    row = grown("growth_length", {"100 lines": [10, 30, 20], "1,000 lines": [9], "big": [24]})
    assert row.ours == (1.2,) and row.met
    assert row.note == "100 lines 20 ms, 1,000 lines 9 ms, big 24 ms"
    assert grown("growth_length", {"100 lines": []}).ours == ()


def test_a_step_is_measured_against_reading_the_weights() -> None:
    row = step_row([40.0, 60.0], [30.0], 500_000_000, 20e9)
    assert row.ours == (1.6, 2.4)
    assert "40.0 ms a step; 500 MB at 20.0 GB/s take 25.0 ms" in row.note
    assert "peer 30.0" in row.note


@pytest.mark.parametrize(
    ("tied", "backend", "narrow", "read"),
    [
        (False, "numba", False, 1000 - 60),
        (True, "numba", False, 1000),
        (False, "numba", True, 1000 - 60 - 24),
        (True, "numba", True, 1000 - 24),
        (False, "openvino", True, 1000 - 60),
    ],
)
def test_what_few_rows_are_read_of_does_not_count(
    tmp_path: Path, tied: bool, backend: str, narrow: bool, read: int
) -> None:
    config = {"tie_word_embeddings": tied, "vocab_size": 20, "hidden_size": 3}
    (tmp_path / "config.json").write_text(json.dumps(config))
    if narrow:
        int8.save({"head": np.zeros((6, 4), np.int8)}, tmp_path / screen.FILE)
    loaded = {"memory_bytes": 1000, "precision": "int8", "backend": backend}
    assert weights_read(loaded, tmp_path) == read


@pytest.mark.parametrize("size", LENGTHS)
def test_a_long_file_has_its_lines_and_the_same_ones_around(size: int) -> None:
    line = lines.chosen("tarfile", 1)[0]
    long = long_file(line, size)
    text = long.buffer(len(long.code))
    assert abs(text.count("\n") - size) <= 2
    assert text.split("\n")[long.number - 1].strip() == line.code
    assert long.before.endswith("".join(lines.file_lines(line.before)[-50:]))


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (None, "a = 1\n  total = 2║\nend\n"),
        (Item(10, 10, "l += 1\n  b"), "a = 1\n  tol += 1\n  b║\nend\n"),
        (Item(8, 10, "tot"), "a = 1\n  tot║\nend\n"),
    ],
)
def test_a_suggestion_is_taken(shown: Item | None, text: str) -> None:
    line = lines.Line("a.py", 2, "a = 1\n", "  ", "total = 2", "\nend\n")
    after, cursor = taken(line, 2, shown)
    assert f"{after[:cursor]}║{after[cursor:]}" == text


def test_actions_are_asked_for_as_the_server_asks() -> None:
    for action in fixed(MODEL, 5):
        asked = request(action, MODEL.name)
        assert asked.prediction == action.draft != ""
        assert (asked.lane, asked.n, asked.temperature) == ("actions", 1, 0.0)
        assert "F821" in action.prompt.flat()


def test_functions_are_asked_for_by_their_docstrings() -> None:
    actions = generated(MODEL, 5)
    assert len({action.snapshot.text for action in actions}) == 5
    assert all(action.snapshot.text.endswith("    pass\n") for action in actions)


def test_the_row_of_an_action_has_rates_and_the_whole_time() -> None:
    row = action_row("fix", [Written(60, 900)], [Written(30, 2000)])
    assert (row.ratio, row.met) == (2, True)
    assert "900 ms, the peer's 2000 ms" in row.note
