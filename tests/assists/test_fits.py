"""What actions write fits into the file: tests/cases/fits with the words of a scripted reply."""

from __future__ import annotations

import pytest
from bench.lib import fit_actions, fit_cases
from bench.lib.fit_cases import FitCase
from support.cursor import QWEN
from support.fits import marks

from tabwright.assists.registry import ASSISTS
from tabwright.assists.request import ActionRequest
from tabwright.checks.imports.insertion import insert_imports
from tabwright.core.task import Nothing
from tabwright.core.text import Edit, Snapshot, Span, apply

SCRIPTED = [case for case in fit_cases.own() if case.action]
OFFER, REFUSED = "offer", "refused"


def proposed(case: FitCase) -> tuple[str, str] | None:
    """The document with the answer in it, and the new lines; None where there are none."""
    assist = next(one for one in ASSISTS if one.kind == case.action)
    snapshot = Snapshot(f"file:///project/{case.file}", case.language_id, 1, case.text)
    request = ActionRequest(snapshot, Span(case.offset, case.offset), QWEN)
    assert assist.applies(request) is not None, "the action is not offered here"
    action = assist.prepare(request)
    assert not isinstance(action, Nothing), action
    proposal = assist.finish(action, case.model[0])
    if isinstance(proposal, Nothing):
        return None
    text = apply(case.text, [Edit(action.span, proposal.text)])
    return insert_imports(text, proposal.imports, case.language_id), proposal.text.strip("\n")


def faults(case: FitCase) -> list[str]:
    found = proposed(case)
    if found is None:
        return [REFUSED]
    result, lines = found
    wrong = [OFFER] if case.offers and lines not in case.offers else []
    return [*fit_actions.judged(case, result), *wrong]


def parameters() -> list[object]:
    return [pytest.param(case, id=case.id, marks=marks(case)) for case in SCRIPTED]


@pytest.mark.parametrize("case", parameters())
def test_what_must_hold(case: FitCase) -> None:
    assert faults(case) == [], proposed(case)
