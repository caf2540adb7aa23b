"""Find new risky calls by a few patterns, in languages for which no linter is bundled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from tabwright.checks.faults import EditCandidate, Fault
from tabwright.checks.lines import LineChanges, split_lines
from tabwright.core.languages import by_id
from tabwright.core.message import Message

_LONGEST_LINE = 1_000
_ANY = {
    r"(?i)\b\w*(?:password|passwd|secret|api_?key)\w*[\"']?\s*+(?::\s*+\w+\s*+)?(?::=|=|:)"
    r"\s*+[\"'][^\"'\s]{4,}[\"']": Message("contains a password or a key"),
}
_SCRIPT = {
    r"\beval\s*+\(": Message("runs text as code with eval"),
    r"\bnew\s++Function\s*+\(": Message("runs text as code with Function"),
    r"\bchild_process\b": Message("can run other programs"),
    r"\bexec(?:Sync)?\s*+\(\s*+[`\"']": Message("runs a shell command"),
    r"\bshell\s*+:\s*+true\b": Message("runs a shell command"),
    r"\.(?:inner|outer)HTML\s*+\+?=(?!=)|\bdangerouslySetInnerHTML\b": Message(
        "writes HTML unescaped"
    ),
    r"\bdocument\.write(?:ln)?\s*+\(": Message("writes HTML unescaped"),
    r"\brejectUnauthorized\s*+:\s*+false\b": Message("does not check a server's certificate"),
}
_C = {
    r"(?<![\w.>])(?:std::)?system\s*+\(": Message("runs a shell command"),
    r"(?<![\w.>])popen\s*+\(": Message("runs a shell command"),
    r"(?<![\w.>:])(?:std::)?(?:strcpy|strcat|sprintf|vsprintf)\s*+\(": Message(
        "may write past a buffer"
    ),
    r"(?<![\w.>:])(?:std::)?gets\s*+\(": Message("may write past a buffer"),
    r"\bscanf\s*+\(\s*+\"[^\"]*%s": Message("may write past a buffer"),
}
_BY_LANGUAGE: Mapping[str, Mapping[str, Message]] = {
    **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), _SCRIPT),
    **dict.fromkeys(("c", "cpp"), _C),
    "java": {
        r"\.exec\s*+\(|\bProcessBuilder\b": Message("runs another program"),
        r"\bObjectInputStream\b": Message("loads objects, which can run code"),
    },
    "csharp": {
        r"\bProcess\.Start\s*+\(": Message("runs another program"),
        r"\bBinaryFormatter\b": Message("loads objects, which can run code"),
        r"\bunsafe\b": Message("uses unsafe code"),
    },
    "go": {
        r"\bexec\.Command(?:Context)?\s*+\(": Message("runs another program"),
        r"\bInsecureSkipVerify\s*+:\s*+true\b": Message("does not check a server's certificate"),
        r"\bunsafe\.": Message("uses unsafe code"),
    },
    "rust": {
        r"\bCommand::new\s*+\(": Message("runs another program"),
        r"\bunsafe\b": Message("uses unsafe code"),
    },
    "shellscript": {
        r"(?:^|[;&|]|\$\()\s*+eval\s": Message("runs text as code with eval"),
        r"\b(?:curl|wget)\b.*\|\s*+(?:sudo\s++)?(?:ba|z)?sh\b": Message("runs what it downloads"),
        r"\brm\s++-(?=\w*r)(?=\w*f)": Message("deletes whole folders"),
        r"\bchmod\s++(?:-R\s++)?0?777\b": Message("lets others write a file"),
    },
    "php": {
        r"\b(?:eval|system|shell_exec|passthru)\s*+\(": Message("runs text as code or a command")
    },
    "ruby": {r"(?<![\w.])(?:eval|system)\b": Message("runs text as code or a command")},
}


def check(candidate: EditCandidate, changes: LineChanges) -> tuple[Fault, ...]:
    """Return a fault for each risky call that the changed lines add."""
    comment = by_id(candidate.language_id).line_comment
    old, new = split_lines(candidate.before), split_lines(candidate.after)
    faults: list[Fault] = []
    for risky, message in _risks(candidate.language_id):
        count_before = sum(
            bool(risky.search(_code_of_line(old[line - 1], comment))) for line in changes.old_lines
        )
        lines = sorted(
            line
            for line in changes.new_lines
            if risky.search(_code_of_line(new[line - 1], comment))
        )
        faults += [Fault("risk", message, line) for line in lines[count_before:]]
    return tuple(faults)


@lru_cache(maxsize=16)
def _risks(language_id: str) -> tuple[tuple[re.Pattern[str], Message], ...]:
    """Return the patterns of a language, each with its message."""
    table = {**_ANY, **_BY_LANGUAGE.get(language_id, {})}
    return tuple((re.compile(pattern), message) for pattern, message in table.items())


def _code_of_line(line: str, comment: str) -> str:
    """Return the line, cut to 1,000 characters; "" for a comment."""
    return "" if comment and line.lstrip().startswith(comment) else line[:_LONGEST_LINE]
