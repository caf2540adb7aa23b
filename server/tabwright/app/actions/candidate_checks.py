"""Repair by rule, improve and check the candidates of an action."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol

from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault
from tabwright.core.action import Diagnostic


class CandidateChecker(Protocol):
    """Repairs, improves and checks a candidate; raises nothing for a text that is wrong."""

    async def improve(self, candidate: EditCandidate, imports: Sequence[str]) -> str:
        """Return the whole new document, with imports inserted and formatted."""
        ...

    async def repair(self, candidate: EditCandidate, options: CheckOptions) -> str:
        """Return the document as a rule fixes it; "" where no rule does."""
        ...

    async def check(self, candidate: EditCandidate, options: CheckOptions) -> tuple[Fault, ...]:
        """Return the faults of the candidate."""
        ...


def first_program(diagnostics: Sequence[Diagnostic], root: str, path: str) -> str:
    """Return the project's program that would check an edit for these diagnostics; "" for none.

    Reads the disk, and imports on first use.
    """
    from tabwright.checks.tools.project_tools import first_program

    return first_program(diagnostics, root, path)


class LazyCandidateChecker:
    """Calls the package ``checks``, which is imported on first use."""

    def __init__(self, work: WorkerThreads) -> None:
        """Import on a thread of ``work``."""
        self._work = work

    async def improve(self, candidate: EditCandidate, imports: Sequence[str]) -> str:
        """See CandidateChecker."""
        await self._work(importlib.import_module, "tabwright.checks.formatting.improve")
        from tabwright.checks.formatting.improve import improve

        return await improve(candidate, imports)

    async def repair(self, candidate: EditCandidate, options: CheckOptions) -> str:
        """See CandidateChecker."""
        await self._work(importlib.import_module, "tabwright.checks.repairs")
        from tabwright.checks.repairs import repair

        return await repair(candidate, options)

    async def check(self, candidate: EditCandidate, options: CheckOptions) -> tuple[Fault, ...]:
        """See CandidateChecker."""
        await self._work(importlib.import_module, "tabwright.checks.check")
        from tabwright.checks.check import check

        return await check(candidate, options)
