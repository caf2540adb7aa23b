"""Run ruff: are its diagnostics resolved, are names defined, are calls risky?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from tabwright.checks.faults import CheckOptions, EditCandidate, Fault
from tabwright.checks.lines import LineChanges
from tabwright.checks.tools import ruff_settings
from tabwright.checks.tools.child_process import ToolFailed, gather_or_cancel, run
from tabwright.checks.tools.find_program import find_bundled
from tabwright.checks.tools.reports import (
    Comparison,
    ToolReport,
    ToolResult,
    json_objects,
    number_at,
    rule_names,
    text_at,
)
from tabwright.core.action import Diagnostic
from tabwright.core.message import Message, verbatim

_SOURCES = frozenset({"ruff", "flake8", "pycodestyle", "pyflakes", "pydocstyle", "pep8"})
_CODE = re.compile(r"(?!TS)[A-Z]{1,5}\d{3}|PL[CEFRW]\d{4}")
_NAME_CODES = ("F821", "F822", "F823")
_RISK_CODE = re.compile(r"S\d{3}")
# Style rather than risk: assert, and ignored exceptions.
_IGNORED_RISKS = frozenset({"S101", "S110", "S112"})
_IGNORED_RISKS_IN_TESTS = frozenset(
    {"S105", "S106", "S107", "S108", "S113", "S311", "S603", "S607"}
)
_RISK_MESSAGES: Mapping[str, Message] = {
    "S102": Message("runs text as code with exec"),
    "S103": Message("lets others write or run a file"),
    "S104": Message("listens on every network interface"),
    "S105": Message("contains a password"),
    "S106": Message("contains a password"),
    "S107": Message("has a password as a default"),
    "S108": Message("uses a fixed name in a folder for temporary files"),
    "S113": Message("waits for a server without a time limit"),
    "S202": Message("unpacks an archive that may write anywhere"),
    "S301": Message("loads a pickle, which can run code"),
    "S302": Message("loads marshalled data, which can run code"),
    "S306": Message("makes a temporary file in an unsafe way"),
    "S307": Message("runs text as code with eval"),
    "S310": Message("opens any kind of URL"),
    "S311": Message("uses random numbers that can be guessed"),
    "S324": Message("uses a weak hash"),
    "S501": Message("does not check a server's certificate"),
    "S506": Message("loads YAML in a way that can run code"),
    "S602": Message("runs a shell command"),
    "S603": Message("runs another program"),
    "S604": Message("may run a shell command"),
    "S605": Message("runs a shell command"),
    "S606": Message("runs another program"),
    "S607": Message("runs a program by a bare name"),
    "S608": Message("builds SQL out of strings"),
    "S701": Message("makes a template without escaping"),
}
# Rules of other tools that ruff has too, for when the other tool is missing.
_RUFF_CODES: Mapping[str, str] = {
    "reportundefinedvariable": "F821",
    "name-defined": "F821",
    "undefined-variable": "F821",
    "e0602": "F821",
    "reportunusedimport": "F401",
    "unused-import": "F401",
    "w0611": "F401",
    "reportunusedvariable": "F841",
    "unused-variable": "F841",
    "w0612": "F841",
    "line-too-long": "E501",
    "c0301": "E501",
    "reportselfclsparametername": "N805",
    "no-self-argument": "N805",
    "e0213": "N805",
    "bare-except": "E722",
    "w0702": "E722",
    "missing-function-docstring": "D103",
    "c0116": "D103",
    "missing-class-docstring": "D101",
    "c0115": "D101",
    "missing-module-docstring": "D100",
    "c0114": "D100",
    "trailing-whitespace": "W291",
    "c0303": "W291",
    "dangerous-default-value": "B006",
    "w0102": "B006",
}


def is_from_ruff(diagnostic: Diagnostic) -> bool:
    """Whether ruff can report the diagnostic itself, by its source or else by its code."""
    source = diagnostic.source.casefold()
    return source in _SOURCES or (not source and _CODE.fullmatch(diagnostic.code) is not None)


def is_ruff_code(code: str) -> bool:
    """Whether a code has the form of a ruff rule."""
    return _CODE.fullmatch(code) is not None


def as_ruff_diagnostic(diagnostic: Diagnostic) -> Diagnostic | None:
    """Return the diagnostic with ruff's code for its rule, None when ruff has no such rule."""
    codes = [
        _RUFF_CODES[name] for name in sorted(rule_names(diagnostic.code)) if name in _RUFF_CODES
    ]
    if not codes:
        return None
    return Diagnostic(diagnostic.span, diagnostic.message, diagnostic.source, codes[0])


async def check(
    candidate: EditCandidate,
    changes: LineChanges,
    wanted: Sequence[Diagnostic],
    options: CheckOptions,
) -> ToolResult:
    """Return new undefined names and risks, and which of ``wanted`` remain.

    New reports of other rules count only where one of ``wanted`` is ruff's own. Raises ToolFailed.
    """
    ruff = find_bundled("ruff", candidate.folder)
    if ruff is None:
        raise ToolFailed(Message("is not installed here"))
    before, after = await _reports_before_and_after(ruff, candidate, wanted, options)
    names = Comparison(
        _name_reports(before), _name_reports(after), changes, candidate.before
    ).new_reports()
    if candidate.cell:
        names = [report for report in names if report.code != "F821"]
    risks = Comparison(
        _risk_reports(before), _risk_reports(after), changes, candidate.before
    ).new_reports()
    faults = [Fault("name", verbatim(report.summary), report.line) for report in names]
    allowed = _IGNORED_RISKS | (
        _IGNORED_RISKS_IN_TESTS if _is_test_file(candidate) else frozenset()
    )
    faults += [
        Fault(
            "risk",
            Message("{0} ({1})", _RISK_MESSAGES.get(report.code, report.message), report.code),
            report.line,
        )
        for report in risks
        if report.line in changes.new_lines and report.code not in allowed
    ]
    if not wanted:
        return ToolResult(tuple(faults))
    result = Comparison(before, after, changes, candidate.before).evaluate(wanted)
    check_style = any(is_from_ruff(diagnostic) for diagnostic in wanted)
    faults += [
        fault
        for fault in result.faults
        if fault.kind != "new diagnostic" or (check_style and not _is_reported_elsewhere(fault))
    ]
    return ToolResult(tuple(faults), result.unreported)


def _is_reported_elsewhere(fault: Fault) -> bool:
    """Whether another check reports it: names, risks and syntax errors have their own."""
    code = fault.message.rpartition(" (")[2].removesuffix(")")
    return code == "invalid-syntax" or code in _NAME_CODES or bool(_RISK_CODE.fullmatch(code))


async def _reports_before_and_after(
    ruff: str, candidate: EditCandidate, wanted: Sequence[Diagnostic], options: CheckOptions
) -> tuple[list[ToolReport], list[ToolReport]]:
    """Return the reports on both texts, with the first set of options that ruff accepts.

    A rule that this ruff does not know, or a configuration that it cannot read, is left out.
    """
    always = (*_NAME_CODES, "S")
    with_wanted = (*always, *sorted({one.code for one in wanted if is_ruff_code(one.code)}))
    isolated = ruff_settings.isolated_options(candidate.path, candidate.root)
    attempts: list[tuple[str, ...]] = [
        (*isolated, "--extend-select", ",".join(with_wanted)),
        (*isolated, "--extend-select", ",".join(always)),
    ]
    if options.trusted:
        attempts[:0] = [
            ("--extend-select", ",".join(with_wanted)),
            ("--extend-select", ",".join(always)),
        ]
    while True:
        attempt = attempts.pop(0)
        try:
            before, after = await gather_or_cancel(
                _reports(ruff, candidate.before, attempt, candidate, options),
                _reports(ruff, candidate.after, attempt, candidate, options),
            )
        except _OptionsRejected:
            if not attempts:
                raise
        else:
            return before, after


class _OptionsRejected(ToolFailed):
    """ruff rejected its options or its configuration."""


async def _reports(
    ruff: str, text: str, selection: Sequence[str], candidate: EditCandidate, options: CheckOptions
) -> list[ToolReport]:
    return [
        ToolReport(
            number_at(item, "location", "row"),
            text_at(item, "message"),
            text_at(item, "code") or "invalid-syntax",
            (text_at(item, "name"),),
        )
        for item in await run_ruff(ruff, text, selection, candidate, options)
    ]


async def run_ruff(
    ruff: str, text: str, selection: Sequence[str], candidate: EditCandidate, options: CheckOptions
) -> list[dict[str, object]]:
    """Return the JSON reports of ruff on a text, with options that select rules.

    Raises ToolFailed.
    """
    command = (
        *(ruff, "check", "--output-format", "json", "--no-cache", "--quiet", "--exit-zero"),
        # Preview rules only where they are named; suppressed reports are included.
        *("--preview", "--config", "lint.explicit-preview-rules=true", "--ignore-noqa"),
        *(*selection, "--stdin-filename", _file_name(candidate), "-"),
    )
    in_project = "--isolated" not in selection and Path(candidate.root or "\0").is_dir()
    cwd = candidate.root if in_project else None
    output = await run(command, timeout_s=options.timeout_s, stdin=text, cwd=cwd)
    if output.status == 2:
        raise _OptionsRejected(Message("ended with status 2: {0}", output.error_line))
    if output.status != 0:
        raise ToolFailed(Message("ended with status {0}: {1}", output.status, output.error_line))
    return json_objects(output.stdout)


def _file_name(candidate: EditCandidate) -> str:
    path = candidate.path or str(PurePath(candidate.root, "untitled.py"))
    return path if path.endswith((".py", ".pyi", ".pyw")) else f"{path}.py"


def _is_test_file(candidate: EditCandidate) -> bool:
    path = PurePath(candidate.path)
    if candidate.root and path.is_relative_to(candidate.root):
        path = path.relative_to(candidate.root)
    return path.name.startswith("test_") or path.stem.endswith("_test") or "tests" in path.parts


def _name_reports(reports: Sequence[ToolReport]) -> list[ToolReport]:
    return [report for report in reports if report.code in _NAME_CODES]


def _risk_reports(reports: Sequence[ToolReport]) -> list[ToolReport]:
    return [report for report in reports if _RISK_CODE.fullmatch(report.code)]
