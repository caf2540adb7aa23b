"""A text with a name that nothing binds, and what Ruff says of it."""

from __future__ import annotations

from lsprotocol import types

CODE = "def add(a, b):\n    return a + c\n\n\ndef twice(x):\n    return x * 2\n"
LOST = types.Diagnostic(
    types.Range(types.Position(1, 15), types.Position(1, 16)),
    "undefined name `c`",
    types.DiagnosticSeverity.Error,
    source="Ruff",
    code="F821",
)
CURSOR = types.Range(LOST.range.start, LOST.range.start)
