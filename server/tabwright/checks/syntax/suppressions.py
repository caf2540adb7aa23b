"""Find new comments that suppress a tool's diagnostics, which fix nothing."""

from __future__ import annotations

import re

from tabwright.checks.faults import EditCandidate, Fault
from tabwright.checks.lines import LineChanges, split_lines
from tabwright.core.message import Message

_SUPPRESSION = re.compile(
    r"#\s*+(?:type:\s*+ignore|noqa\b|(?:ruff|flake8):\s*+noqa|pyright:\s*+(?:ignore|basic)"
    r"|mypy:\s*+ignore|pylint:\s*+(?:disable|skip))|@ts-(?:ignore|nocheck|expect-error)"
    r"|eslint-disable|@SuppressWarnings|#\[allow\(|//\s*+nolint|#pragma\s++warning\s++disable"
    r"|\bNOLINT|shellcheck\s++disable",
)


def check(candidate: EditCandidate, changes: LineChanges) -> tuple[Fault, ...]:
    """Return a fault for each suppressing comment that the changed lines add."""
    if not candidate.diagnostics:
        return ()
    old, new = split_lines(candidate.before), split_lines(candidate.after)
    count_before = sum(len(_SUPPRESSION.findall(old[line - 1])) for line in changes.old_lines)
    found = [
        (line, match[0])
        for line in sorted(changes.new_lines)
        for match in _SUPPRESSION.finditer(new[line - 1])
    ]
    return tuple(
        Fault("diagnostic", Message("the error is only suppressed ({0})", comment), line)
        for line, comment in found[count_before:]
    )
