"""What tools report about a text, and what it says of an edit: gone, still there, new."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tabwright.checks.faults import Fault
from tabwright.checks.lines import LineChanges, line_of
from tabwright.checks.tools.child import ToolFailed
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

    def is_of(self, diagnostic: Diagnostic) -> bool:
        """Whether the rule is the diagnostic's; where that names none, the wording decides."""
        if diagnostic.code:
            names = {rule(self.code), *map(rule, self.aliases)}
            return bool(names & rules(diagnostic.code))
        return _shape(self.message) == _shape(diagnostic.message)

    @property
    def said(self) -> str:
        """The message's first line with the rule's name."""
        first = self.message.strip().partition("\n")[0][:200]
        return f"{first} ({self.code})" if self.code else first


def rule(code: str) -> str:
    """A rule's name as tools and clients agree on it: "TS2322" and "2322" are one."""
    return _TS_CODE.sub("", code.strip().casefold())


def rules(code: str) -> set[str]:
    """The names in a diagnostic's code, which may be like "line-too-long (C0301)"."""
    return {rule(code), *(rule(part) for part in re.findall(r"[\w@/.-]+", code))}


def _shape(message: str) -> str:
    first = message.strip().partition("\n")[0]
    return " ".join(_QUOTED_OR_NUMBER.sub("_", first).split()).casefold().rstrip(".")


@dataclass(frozen=True)
class ToolResult:
    """What a tool's two reports say; ``unseen`` are diagnostics that it never reported itself."""

    faults: tuple[Fault, ...] = ()
    unseen: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """The reports on a text before and after an edit, and the lines that the edit changed."""

    before: Sequence[ToolReport]
    after: Sequence[ToolReport]
    changes: LineChanges
    text_before: str = field(repr=False)

    def judge(self, wanted: Sequence[Diagnostic]) -> ToolResult:
        """Which of ``wanted`` still stand, and what is new besides them."""
        faults: list[Fault] = []
        unseen: list[Diagnostic] = []
        for diagnostic in wanted:
            line = line_of(self.text_before, diagnostic.span.start)
            same = [report for report in self.before if report.is_of(diagnostic)]
            if not same:
                unseen.append(diagnostic)
                continue
            asked = sum(same[0].is_of(other) for other in wanted)
            standing = self._standing(diagnostic, line, asked)
            if standing is not None:
                message = Message("the error is still there: {0}", standing.said)
                faults.append(Fault("diagnostic", message, standing.line))
        named = {(fault.line, fault.message.partition(": ")[2]) for fault in faults}
        fresh = [report for report in self.new() if (report.line, report.said) not in named]
        faults += [
            Fault("new diagnostic", verbatim(one.said), one.line) for one in fresh[:_MOST_NEW]
        ]
        return ToolResult(tuple(faults), tuple(unseen))

    def new(self) -> list[ToolReport]:
        """Reports of which there are more than before, those in changed lines first."""
        known = Counter(_key(report) for report in self.before)
        total = Counter(_key(report) for report in self.after)
        found: list[ToolReport] = []
        for report in sorted(self.after, key=lambda one: one.line not in self.changes.new):
            if total[_key(report)] > known[_key(report)]:
                total[_key(report)] -= 1
                found.append(report)
        return sorted(found, key=lambda one: one.line)

    def _standing(self, diagnostic: Diagnostic, line: int, asked: int) -> ToolReport | None:
        """The report in the changed lines, or where the diagnostic stood, that is still its own.

        Others of the same rule may have stood there before and stay: as many as were not asked for.
        """
        near_old = self.changes.old | {line}
        near_new = self.changes.new | {self.changes.moved(line)}
        old = [one for one in self.before if one.is_of(diagnostic) and one.line in near_old]
        new = [one for one in self.after if one.is_of(diagnostic) and one.line in near_new]
        if not old:
            old = [one for one in self.before if one.is_of(diagnostic)]
            new = [one for one in self.after if one.is_of(diagnostic)]
        own = min(old, key=lambda one: abs(one.line - line))
        had = [one for one in old if _key(one) == _key(own)]
        has = [one for one in new if _key(one) == _key(own)]
        if len(has) >= len(had):
            return has[0]
        return new[0] if len(new) > max(0, len(old) - asked) else None


def _key(report: ToolReport) -> tuple[str, str]:
    return rule(report.code), _NUMBER.sub("0", report.message)


def objects(text: str) -> list[dict[str, object]]:
    """The objects of a JSON list that a tool printed; raises ToolFailed when it is none."""
    loaded = load(text)
    if not isinstance(loaded, list):
        raise ToolFailed(Message("printed what is no report"))
    return [item for item in loaded if isinstance(item, dict)]


def load(text: str) -> object:
    """What a tool printed as JSON; raises ToolFailed when it is none."""
    try:
        loaded: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolFailed(Message("printed what is no report")) from error
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
