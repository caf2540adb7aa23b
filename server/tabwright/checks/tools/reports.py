"""What tools report about a text, and what it says of an edit: gone, still there, new."""

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

_MOST_NEW = 10
_QUOTED_OR_NUMBER = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`|“[^“”\n]*”|\d+")
_NUMBER = re.compile(r"\d+")
_TS_CODE = re.compile(r"ts(?=\d+$)")


@dataclass(frozen=True)
class ToolReport:
    """One finding of a tool: where (line from 1), what, and by which rule.

    ``code`` is the rule's usual name, ``aliases`` are its others.
    """

    line: int
    message: str
    code: str = ""
    aliases: tuple[str, ...] = ()

    def matches(self, diagnostic: Diagnostic) -> bool:
        """Whether the rule is the diagnostic's; where that names none, the wording decides."""
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
    """A rule's name as tools and clients agree on it: "TS2322" and "2322" are one."""
    return _TS_CODE.sub("", code.strip().casefold())


def rule_names(code: str) -> set[str]:
    """The names in a diagnostic's code, which may be like "line-too-long (C0301)"."""
    return {rule_name(code), *(rule_name(part) for part in re.findall(r"[\w@/.-]+", code))}


def _normalized_message(message: str) -> str:
    first = message.strip().partition("\n")[0]
    return " ".join(_QUOTED_OR_NUMBER.sub("_", first).split()).casefold().rstrip(".")


@dataclass(frozen=True)
class ToolResult:
    """What a tool's two reports say; ``unseen`` are diagnostics that it never reported itself."""

    faults: tuple[Fault, ...] = ()
    unreported: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """The reports on a text before and after an edit, and the lines that the edit changed."""

    before: Sequence[ToolReport]
    after: Sequence[ToolReport]
    changes: LineChanges
    text_before: str = field(repr=False)

    def evaluate(self, wanted: Sequence[Diagnostic]) -> ToolResult:
        """Which of ``wanted`` still stand, and what is new besides them."""
        faults: list[Fault] = []
        unreported: list[Diagnostic] = []
        for diagnostic in wanted:
            line = line_of(self.text_before, diagnostic.span.start)
            same = [report for report in self.before if report.matches(diagnostic)]
            if not same:
                unreported.append(diagnostic)
                continue
            asked = sum(same[0].matches(other) for other in wanted)
            standing = self._remaining(diagnostic, line, asked)
            if standing is not None:
                message = Message("the error is still there: {0}", standing.summary)
                faults.append(Fault("diagnostic", message, standing.line))
        named = {(fault.line, fault.message.partition(": ")[2]) for fault in faults}
        fresh = [
            report for report in self.new_reports() if (report.line, report.summary) not in named
        ]
        faults += [
            Fault("new diagnostic", verbatim(one.summary), one.line) for one in fresh[:_MOST_NEW]
        ]
        return ToolResult(tuple(faults), tuple(unreported))

    def new_reports(self) -> list[ToolReport]:
        """Reports of which there are more than before, those in changed lines first."""
        known = Counter(_key(report) for report in self.before)
        total = Counter(_key(report) for report in self.after)
        found: list[ToolReport] = []
        for report in sorted(self.after, key=lambda one: one.line not in self.changes.new_lines):
            if total[_key(report)] > known[_key(report)]:
                total[_key(report)] -= 1
                found.append(report)
        return sorted(found, key=lambda one: one.line)

    def _remaining(self, diagnostic: Diagnostic, line: int, asked: int) -> ToolReport | None:
        """The report in the changed lines, or where the diagnostic stood, that is still its own.

        Others of the same rule may have stood there before and stay: as many as were not asked for.
        """
        near_old = self.changes.old_lines | {line}
        near_new = self.changes.new_lines | {self.changes.new_line_of(line)}
        old = [one for one in self.before if one.matches(diagnostic) and one.line in near_old]
        new = [one for one in self.after if one.matches(diagnostic) and one.line in near_new]
        if not old:
            old = [one for one in self.before if one.matches(diagnostic)]
            new = [one for one in self.after if one.matches(diagnostic)]
        own = min(old, key=lambda one: abs(one.line - line))
        had = [one for one in old if _key(one) == _key(own)]
        has = [one for one in new if _key(one) == _key(own)]
        if len(has) >= len(had):
            return has[0]
        return new[0] if len(new) > max(0, len(old) - asked) else None


def _key(report: ToolReport) -> tuple[str, str]:
    return rule_name(report.code), _NUMBER.sub("0", report.message)


def json_objects(text: str) -> list[dict[str, object]]:
    """The objects of a JSON list that a tool printed; raises ToolFailed when it is none."""
    loaded = load_json(text)
    if not isinstance(loaded, list):
        raise ToolFailed(Message("printed no valid report"))
    return [item for item in loaded if isinstance(item, dict)]


def load_json(text: str) -> object:
    """What a tool printed as JSON; raises ToolFailed when it is none."""
    try:
        loaded: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolFailed(Message("printed no valid report")) from error
    return loaded


def text_at(item: object, *path: str) -> str:
    """The string or number at a path of keys, as text; "" when there is none."""
    found = _at(item, path)
    return str(found) if isinstance(found, str | int) else ""


def number_at(item: object, *path: str) -> int:
    """The whole number at a path of keys; 0 when there is none."""
    found = _at(item, path)
    return found if isinstance(found, int) else 0


def _at(item: object, path: Iterable[str]) -> object:
    for key in path:
        if not isinstance(item, dict):
            return None
        item = item.get(key)
    return item
