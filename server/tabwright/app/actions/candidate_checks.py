"""What an action's candidates go through: repair by rule, improvement, checks."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol

from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault
from tabwright.core.action import Diagnostic


class CandidateChecker(Protocol):
    """What improves and checks a candidate; neither raises for what is wrong with the text."""

    async def improved(self, candidate: EditCandidate, imports: Sequence[str]) -> str:
        """The new text of the whole document, imports in place and formatted."""
        ...

    async def repaired(self, candidate: EditCandidate, options: CheckOptions) -> str:
        """The document as a rule mends it; "" where that takes a model."""
        ...

    async def check(self, candidate: EditCandidate, options: CheckOptions) -> tuple[Fault, ...]:
        """What speaks against the candidate."""
        ...


def first_program(diagnostics: Sequence[Diagnostic], root: str, path: str) -> str:
    """The program of the project that would check an edit for these diagnostics, "" for none.

    Looks at the disk, and imports on first use.
    """
    from tabwright.checks.tools.project_tools import first_program

    return first_program(diagnostics, root, path)


class LazyCandidateChecker:
    """The package ``checks``, imported on first use."""

    def __init__(self, work: WorkerThreads) -> None:
        """Import on a thread of ``work``."""
        self._work = work

    async def improved(self, candidate: EditCandidate, imports: Sequence[str]) -> str:
        """See CandidateChecker."""
        await self._work(importlib.import_module, "tabwright.checks.formatting.improve")
        from tabwright.checks.formatting.improve import improved

        return await improved(candidate, imports)

    async def repaired(self, candidate: EditCandidate, options: CheckOptions) -> str:
        """See CandidateChecker."""
        await self._work(importlib.import_module, "tabwright.checks.repairs")
        from tabwright.checks.repairs import repaired

        return await repaired(candidate, options)

    async def check(self, candidate: EditCandidate, options: CheckOptions) -> tuple[Fault, ...]:
        """See CandidateChecker."""
        await self._work(importlib.import_module, "tabwright.checks.check")
        from tabwright.checks.check import check

        return await check(candidate, options)
