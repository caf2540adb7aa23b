"""Candidates for the tests of the checks, and scripts that act as other tools."""

from __future__ import annotations

import sys
from pathlib import Path

from tabwright.checks.faults import EditCandidate
from tabwright.core.action import Diagnostic
from tabwright.core.text import Span, difference


def edit(
    before: str,
    after: str,
    language_id: str = "python",
    *diagnostics: Diagnostic,
    path: Path | None = None,
    root: Path | None = None,
    cell: bool = False,
) -> EditCandidate:
    """A candidate, its changed span found by comparing."""
    changed = Span(0, 0)
    for one in difference(before, after):
        changed = Span(one.span.start, one.span.start + len(one.new_text))
    return EditCandidate(
        str(path or ""), str(root or ""), language_id, before, after, changed, diagnostics, cell
    )


def at(text: str, part: str, source: str, code: str = "", message: str = "") -> Diagnostic:
    """A diagnostic on the first place where ``part`` stands in ``text``."""
    start = text.index(part)
    return Diagnostic(Span(start, start + len(part)), message or f"bad {part}", source, code)


def program(path: Path, body: str) -> Path:
    """A program at ``path`` that runs the lines of Python ``body``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path
