"""Comments that silence a tool: a fix that only adds one has fixed nothing."""

from __future__ import annotations

import re

from tabwright.checks.faults import EditCandidate, Fault
from tabwright.checks.lines import LineChanges, split
from tabwright.core.message import Message

_SILENCING = re.compile(
    r"#\s*+(?:type:\s*+ignore|noqa\b|(?:ruff|flake8):\s*+noqa|pyright:\s*+(?:ignore|basic)"
    r"|mypy:\s*+ignore|pylint:\s*+(?:disable|skip))|@ts-(?:ignore|nocheck|expect-error)"
    r"|eslint-disable|@SuppressWarnings|#\[allow\(|//\s*+nolint|#pragma\s++warning\s++disable"
    r"|\bNOLINT|shellcheck\s++disable",
)


def check(candidate: EditCandidate, changes: LineChanges) -> tuple[Fault, ...]:
    """A fault for each comment in the changed lines that silences a tool and is new."""
    if not candidate.diagnostics:
        return ()
    old, new = split(candidate.before), split(candidate.after)
    had = sum(len(_SILENCING.findall(old[line - 1])) for line in changes.old)
    found = [
        (line, match[0])
        for line in sorted(changes.new)
        for match in _SILENCING.finditer(new[line - 1])
    ]
    return tuple(
        Fault("diagnostic", Message("the error is only silenced ({0})", words), line)
        for line, words in found[had:]
    )
