from __future__ import annotations

import ast

import pytest

from tabwright.cli.demos import actions
from tabwright.cli.demos.actions import ACTS, FIX, Act, changed, difference, reported


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.kind)
def test_each_act_stands_in_its_file_once_and_parses(act: Act) -> None:
    text, offset = changed(act)
    assert text[offset : offset + len(act.new)] == act.new
    ast.parse(text)


def test_what_is_fixed_is_a_real_report_of_ruff() -> None:
    (act,) = (act for act in ACTS if act.kind == FIX)
    text, offset = changed(act)
    (found,) = reported(text, act.file)
    assert (found["code"], found["source"]) == ("F821", "Ruff")
    start = found["range"]["start"]
    assert start["line"] == text.count("\n", 0, offset)
    assert reported(text.replace(act.new, act.old), act.file) == []


def test_without_ruff_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "bundled", lambda name: None)
    assert reported("x = y\n", "a.py") == []


def test_an_act_that_does_not_fit_its_file_is_an_error() -> None:
    with pytest.raises(ValueError, match="once"):
        changed(Act("inventory.py", FIX, "item", "x", ""))


def test_only_the_changed_lines_and_their_neighbours_are_drawn() -> None:
    old = "".join(f"line {n}\n" for n in range(9))
    drawn = difference(old, old.replace("line 4\n", "four\n"))
    assert [line[7:] for line, _ in drawn] == [
        " line 2", " line 3", "-line 4", "+four", " line 5", " line 6",
    ]  # fmt: skip
    assert [style for _, style in drawn] == ["dim", "dim", "red", "green", "dim", "dim"]
    assert difference(old, old) == []
