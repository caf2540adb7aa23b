"""Compare the reports of a tool before and after an edit: resolved, remaining, new."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tabwright.checks.faults import Fault
from tabwright.checks.lines import LineChanges, line_of
from tabwright.checks.tools.child_process import ToolFailed
from tabwright.core.action import Diagnostic
from tabwright.core.message import Message, verbatim

_MAX_NEW = 10
_QUOTED_OR_NUMBER = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`|“[^“”\n]*”|\d+")
_NUMBER = re.compile(r"\d+")
_TS_CODE = re.compile(r"ts(?=\d+$)")


@dataclass(frozen=True)
class ToolReport:
    """One report of a tool: its line, from 1, its message and its rule.

    ``code`` is the usual name of the rule, ``aliases`` are its other names.
    """

    line: int
    message: str
    code: str = ""
    aliases: tuple[str, ...] = ()

    def matches(self, diagnostic: Diagnostic) -> bool:
        """Whether the rule is the diagnostic's; by the message if the diagnostic has no code."""
        if diagnostic.code:
            names = {rule_name(self.code), *map(rule_name, self.aliases)}
            return bool(names & rule_names(diagnostic.code))
        return _normalized_message(self.message) == _normalized_message(diagnostic.message)

    @property
    def summary(self) -> str:
        """The message's first line with the rule's name."""
        first = self.message.strip().partition("\n")[0][:200]
        return f"{first} ({self.code})" if self.code else first


def rule_name(code: str) -> str:
    """Normalize a rule's name: tools and clients write "TS2322" or "2322"."""
    return _TS_CODE.sub("", code.strip().casefold())


def rule_names(code: str) -> set[str]:
    """Return the rule names in a diagnostic's code, which may be "line-too-long (C0301)"."""
    return {rule_name(code), *(rule_name(part) for part in re.findall(r"[\w@/.-]+", code))}


def _normalized_message(message: str) -> str:
    first = message.strip().partition("\n")[0]
    return " ".join(_QUOTED_OR_NUMBER.sub("_", first).split()).casefold().rstrip(".")


@dataclass(frozen=True)
class ToolResult:
    """The faults of an edit; ``unreported`` are the diagnostics that the tool never reported."""

    faults: tuple[Fault, ...] = ()
    unreported: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """The reports on the text before and after an edit, and the lines that it changed."""

    before: Sequence[ToolReport]
    after: Sequence[ToolReport]
    changes: LineChanges
    text_before: str = field(repr=False)

    def evaluate(self, wanted: Sequence[Diagnostic]) -> ToolResult:
        """Return which of ``wanted`` remain, and which reports are new."""
        faults: list[Fault] = []
        unreported: list[Diagnostic] = []
        for diagnostic in wanted:
            line = line_of(self.text_before, diagnostic.span.start)
            same = [report for report in self.before if report.matches(diagnostic)]
            if not same:
                unreported.append(diagnostic)
                continue
            wanted_count = sum(same[0].matches(other) for other in wanted)
            remaining = self._remaining(diagnostic, line, wanted_count)
            if remaining is not None:
                message = Message("the error is still there: {0}", remaining.summary)
                faults.append(Fault("diagnostic", message, remaining.line))
        reported = {(fault.line, fault.message.partition(": ")[2]) for fault in faults}
        new = [
            report for report in self.new_reports() if (report.line, report.summary) not in reported
        ]
        faults += [
            Fault("new diagnostic", verbatim(one.summary), one.line) for one in new[:_MAX_NEW]
        ]
        return ToolResult(tuple(faults), tuple(unreported))

    def new_reports(self) -> list[ToolReport]:
        """Return the reports that occur more often than before, preferably in changed lines."""
        known = Counter(_key(report) for report in self.before)
        total = Counter(_key(report) for report in self.after)
        found: list[ToolReport] = []
        for report in sorted(self.after, key=lambda one: one.line not in self.changes.new_lines):
            if total[_key(report)] > known[_key(report)]:
                total[_key(report)] -= 1
                found.append(report)
        return sorted(found, key=lambda one: one.line)

    def _remaining(self, diagnostic: Diagnostic, line: int, wanted_count: int) -> ToolReport | None:
        """Return the report of a diagnostic after the edit, None when it is resolved.

        It is looked for in the changed lines and at the diagnostic's own line. Other reports of the
        same rule may remain, all but the ``wanted_count`` that the edit should resolve.
        """
        near_old = self.changes.old_lines | {line}
        near_new = self.changes.new_lines | {self.changes.new_line_of(line)}
        old = [one for one in self.before if one.matches(diagnostic) and one.line in near_old]
        new = [one for one in self.after if one.matches(diagnostic) and one.line in near_new]
        if not old:
            old = [one for one in self.before if one.matches(diagnostic)]
            new = [one for one in self.after if one.matches(diagnostic)]
        own = min(old, key=lambda one: abs(one.line - line))
        equal_before = [one for one in old if _key(one) == _key(own)]
        equal_after = [one for one in new if _key(one) == _key(own)]
        if len(equal_after) >= len(equal_before):
            return equal_after[0]
        return new[0] if len(new) > max(0, len(old) - wanted_count) else None


def _key(report: ToolReport) -> tuple[str, str]:
    return rule_name(report.code), _NUMBER.sub("0", report.message)


def json_objects(text: str) -> list[dict[str, object]]:
    """Return the objects of the JSON list that a tool printed; raises ToolFailed for no list."""
    loaded = load_json(text)
    if not isinstance(loaded, list):
        raise ToolFailed(Message("printed no valid report"))
    return [item for item in loaded if isinstance(item, dict)]


def load_json(text: str) -> object:
    """Parse the JSON that a tool printed; raises ToolFailed for anything else."""
    try:
        loaded: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolFailed(Message("printed no valid report")) from error
    return loaded


def text_at(item: object, *path: str) -> str:
    """Return the string or number at a path of keys, as text; "" when there is none."""
    found = _at(item, path)
    return str(found) if isinstance(found, str | int) else ""


def number_at(item: object, *path: str) -> int:
    """Return the integer at a path of keys; 0 when there is none."""
    found = _at(item, path)
    return found if isinstance(found, int) else 0


def _at(item: object, path: Iterable[str]) -> object:
    for key in path:
        if not isinstance(item, dict):
            return None
        item = item.get(key)
    return item
