from __future__ import annotations

import ast

import pytest

from tabwright.cli.demos import actions
from tabwright.cli.demos.actions import (
    ACTIONS,
    FIX,
    DemoAction,
    changed_sample,
    diff_lines,
    ruff_diagnostics,
)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.kind)
def test_each_action_changes_its_file_once_and_it_parses(action: DemoAction) -> None:
    text, offset = changed_sample(action)
    assert text[offset : offset + len(action.new)] == action.new
    ast.parse(text)


def test_what_is_fixed_is_a_real_report_of_ruff() -> None:
    (action,) = (action for action in ACTIONS if action.kind == FIX)
    text, offset = changed_sample(action)
    (found,) = ruff_diagnostics(text, action.file)
    assert (found["code"], found["source"]) == ("F821", "Ruff")
    start = found["range"]["start"]
    assert start["line"] == text.count("\n", 0, offset)
    assert ruff_diagnostics(text.replace(action.new, action.old), action.file) == []


def test_without_ruff_nothing_is_ruff_diagnostics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "find_bundled", lambda name: None)
    assert ruff_diagnostics("x = y\n", "a.py") == []


def test_an_action_that_does_not_fit_its_file_is_an_error() -> None:
    with pytest.raises(ValueError, match="once"):
        changed_sample(DemoAction("inventory.py", FIX, "item", "x", ""))


def test_only_the_changed_lines_and_their_neighbours_are_shown() -> None:
    old = "".join(f"line {n}\n" for n in range(9))
    drawn = diff_lines(old, old.replace("line 4\n", "four\n"))
    assert [line[7:] for line, _ in drawn] == [
        " line 2", " line 3", "-line 4", "+four", " line 5", " line 6",
    ]  # fmt: skip
    assert [style for _, style in drawn] == ["dim", "dim", "red", "green", "dim", "dim"]
    assert diff_lines(old, old) == []
