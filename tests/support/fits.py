"""The cases of tests/cases/fits that do not hold yet, as marks of pytest."""

from __future__ import annotations

import pytest
from bench.lib import fit_cases
from bench.lib.fit_cases import FitCase
from bench.lib.fit_checks import BY_GRAMMAR
from bench.lib.parse_errors import is_judged

FAILING = fit_cases.failing()


def marks(case: FitCase) -> list[pytest.MarkDecorator]:
    """A strict expectation of failure for a case on the list, so that the list may only shrink."""
    kinds = FAILING.get(case.id)
    if kinds is None:
        return []
    reason = f"does not hold yet: {' '.join(kinds)}"
    if set(kinds) <= BY_GRAMMAR and not is_judged(case.language_id):
        lacking = f"the grammar that would show it ({case.language_id}) is not installed"
        return [pytest.mark.skip(reason=f"{reason}; {lacking}")]
    return [pytest.mark.xfail(reason=reason, strict=True)]
