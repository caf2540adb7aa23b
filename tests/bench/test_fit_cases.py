"""The inputs of tests/cases/fits themselves: enough of them, readable, and right."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from bench.lib import fit_cases
from bench.lib.fit_cases import BadCase, FitCase
from bench.lib.fit_checks import faults

OWN = fit_cases.own()
OFFERED = [case for case in OWN if case.offers and not case.wants_nothing and not case.action]


def test_there_are_enough_of_every_kind_and_language() -> None:
    kinds = Counter(case.kind for case in OWN)
    assert len(OWN) >= 300 and len({case.language_id for case in OWN}) >= 20
    assert min(kinds.values()) >= 15, kinds


@pytest.mark.parametrize("case", OFFERED, ids=lambda case: case.id)
def test_what_should_be_offered_holds(case: FitCase) -> None:
    """The answers that count as right pass all that must hold, so the judge is fair."""
    for offer in set(case.offers) - {fit_cases.NOTHING}:
        result = case.text[: case.offset] + offer + case.text[case.offset :]
        assert faults(case, result, case.offset, offer) == []


def test_a_case_is_read() -> None:
    written = (
        "# a remark\n===== one | go | depth 1 | never \\bfun\\b\na {\n\t║\n}\n"
        "----- model\nb()\n}\n----- offer\nb()\n"
        "===== two | python\nx = ║\n"
    )
    one, two = fit_cases.read(written, "K")
    assert (one.id, one.text, one.offset) == ("K/go/one", "a {\n\t\n}\n", 5)
    assert (one.model, one.offers) == (("b()\n}",), ("b()",))
    assert one.settings == {"depth": "1", "never": r"\bfun\b"}
    assert (two.text, two.file, two.model) == ("x = \n", "main.py", ())


@pytest.mark.parametrize(
    "written",
    [
        "===== a | go\nno cursor\n",
        "===== a | go | deep 1\n║\n",
        "===== a | go\n║\n----- answer\nb\n",
        "text\n===== a | go\n║\n",
    ],
)
def test_a_bad_case_is_told(written: str) -> None:
    with pytest.raises(BadCase):
        list(fit_cases.read(written, "K"))


def test_cases_seen_elsewhere_are_read(tmp_path: Path) -> None:
    row = '{"name": "n", "uri": "file:///project/a.go", "languageId": "go", "text": "a\\nb\\n",'
    row += '"line": 1, "character": 1, "kind": "inline", "trigger": 1, "got": "x"}'
    (tmp_path / "n.json").write_text(row, "utf-8")
    (case,) = fit_cases.seen(tmp_path)
    assert (case.offset, case.file, case.invoked, case.got) == (3, "a.go", True, "x")
