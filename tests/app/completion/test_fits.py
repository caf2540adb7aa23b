"""Every answer fits into its file: the inputs of tests/cases/fits with a scripted model's words."""

from __future__ import annotations

import pytest
from bench.lib import fit_cases
from bench.lib.fit_cases import FitCase
from bench.lib.fit_checks import faults
from support.fits import FAILING, marks
from support.scripted_model import suggested

from tabwright.core.text import apply

SCRIPTED = [case for case in fit_cases.own() if case.model and not case.action]


def parameters() -> list[object]:
    """The cases; those on the list are expected to fail, so that the list may only shrink."""
    return [pytest.param(case, id=case.id, marks=marks(case)) for case in SCRIPTED]


@pytest.mark.parametrize("case", parameters())
async def test_what_must_hold(case: FitCase) -> None:
    edits = await suggested(case)
    result = apply(case.text, edits[:1]) if edits else None
    answer = edits[0].new_text if edits else ""
    assert faults(case, result, case.offset, answer) == [], result


def test_every_case_on_the_list_exists() -> None:
    assert set(FAILING) - {case.id for case in fit_cases.own() if case.model} == set()
