"""Insert missing imports below the existing ones, by patterns for the lines at the top."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tabwright.checks.lines import line_end, split_lines, terminate_line
from tabwright.core.languages import by_id

_SCRIPT = r"import\b(?!\s*+\()|(?:const|let|var)\s[^=]*=\s*+require\(|export\s.*\bfrom\s"
# How an import begins, without indentation.
_IMPORT: Mapping[str, re.Pattern[str]] = {
    language: re.compile(pattern)
    for language, pattern in {
        "python": r"(?:import|from)\s",
        **dict.fromkeys(
            ("javascript", "javascriptreact", "typescript", "typescriptreact"), _SCRIPT
        ),
        **dict.fromkeys(("java", "kotlin", "scala", "swift", "go", "dart", "haskell"), r"import\b"),
        **dict.fromkeys(("c", "cpp"), r"#\s*+include\b"),
        "csharp": r"(?:global\s++)?using\s++(?!\()[\w.= ]+;",
        "rust": r"(?:pub\s++)?use\s|extern\s++crate\b",
        "php": r"use\s",
        "ruby": r"require(?:_relative)?\b",
        "perl": r"use\s",
        "shellscript": r"(?:source|\.)\s",
        "lua": r"local\s++\w+\s*+=\s*+require\b",
        "r": r"(?:library|require)\(",
        "julia": r"(?:using|import)\b",
        "zig": r"const\s++\w+\s*+=\s*+@import",
    }.items()
}
# Lines that must stay before the first import.
_HEADER = re.compile(
    r"#!|%|package\b|namespace\s++[\w.\\]+;|module\s.*\bwhere|library\b.*;"
    r"|#\s*+pragma\s++once|#\s*+ifndef\b|#\s*+define\s++\w+\s*+$|//!|/\*!"
    r"|['\"]use [\w ]+['\"];?|<\?php|declare\(strict|#.*coding[:=]|#\s*+frozen_string_literal"
)
_SKIPPED = re.compile(
    r"\s*+$|#\s*+(?:if|ifdef|ifndef|else|elif|endif|define|undef|pragma)\b|//|/\*"
)
_PYTHON_TOP = re.compile(
    r"(?:[ \t]*+(?:#[^\r\n]*+)?(?:\r\n|\n|\r))*+(\"\"\"|''')(?s:.*?)\1[^\r\n]*+(?:\r\n|\n|\r)?"
)
_CONDITION = re.compile(r"#\s*+(if|endif)")
_SPACES = re.compile(r"\s++")
_IN_BRACES = re.compile(
    r"^(?P<head>import\s++(?:type\s++)?\{|use\s++[\w:]+::\{)(?P<names>[^{}]*)"
    r"(?P<tail>\}\s*+(?:from\s*+[\"'][^\"']+[\"'])?\s*+;?)$",
    re.DOTALL,
)


@dataclass(frozen=True)
class _FileTop:
    """The top of a text: the number of header lines, and of the lines up to the last import.

    ``known`` are its normalized imports, one for each name in braces.
    """

    header: int
    imports: int
    known: frozenset[str]


def insert_imports(text: str, wanted: Sequence[str], language_id: str) -> str:
    """Return the text with each missing import below its other imports, else below its header."""
    lines, end = split_lines(text), line_end(text)
    head = _read_top(text, lines, language_id)
    new_lines = [new for line in dict.fromkeys(wanted) if (new := _missing(line, head.known))]
    if not new_lines:
        return text
    at = head.imports or head.header
    terminate_line(lines, at, end)
    below = lines[at : at + 1]
    gap_above = [end] if at and not head.imports and lines[at - 1].strip() else []
    gap_below = [end] if below and below[0].strip() and not head.imports else []
    added = [line.replace("\r\n", "\n").replace("\n", end) + end for line in new_lines]
    return "".join((*lines[:at], *gap_above, *added, *gap_below, *lines[at:]))


def _read_top(text: str, lines: Sequence[str], language_id: str) -> _FileTop:
    pattern = _IMPORT.get(language_id)
    comment = by_id(language_id).line_comment
    header = start = _count_file_comment(text, lines, language_id)
    imports = depth = open_brackets = 0
    lowest = sys.maxsize
    statement = ""
    in_comment = False
    known: set[str] = set()
    for number, line in enumerate(lines[start:], start + 1):
        stripped = line.strip()
        begins = pattern is not None and pattern.match(line) is not None
        if statement or (begins and not in_comment):
            statement += line
            if depth <= lowest:
                lowest, imports = depth, number
            open_brackets += _bracket_balance(line)
            if open_brackets <= 0:
                known.update(_imported_names(statement))
                statement, open_brackets = "", 0
        elif in_comment or stripped.startswith("/*"):
            in_comment = "*/" not in stripped
            header = number if stripped.startswith("/*!") and not imports else header
        elif _HEADER.match(line) and not imports:
            header = number
        elif not _SKIPPED.match(line) and not (comment and stripped.startswith(comment)):
            break
        depth += _depth_change(line)
    return _FileTop(header, imports, frozenset(known))


def _count_file_comment(text: str, lines: Sequence[str], language_id: str) -> int:
    """Count the lines of the file's own comment: at the top, with a blank line below it."""
    if language_id == "python":
        found = _PYTHON_TOP.match(text)
        return len(split_lines(found[0])) if found else 0
    comment = by_id(language_id).line_comment
    in_block = False
    for number, line in enumerate(lines):
        stripped = line.strip()
        if in_block or stripped.startswith("/*"):
            in_block = "*/" not in stripped
        elif not stripped:
            return number
        elif not (comment and stripped.startswith(comment)) and not line.startswith("#!"):
            break
    return 0


def _missing(wanted: str, known: frozenset[str]) -> str:
    """Return the import without the names in braces that are known; "" if nothing is left."""
    items = _imported_names(wanted)
    if set(items) <= known:
        return ""
    kept = [name for item, name in items.items() if item not in known]
    braces = _IN_BRACES.match(wanted)
    if braces is None or len(kept) == len(items):
        return wanted
    space = " " if wanted.startswith("import") else ""
    return f"{braces['head']}{space}{', '.join(kept)}{space}{braces['tail']}"


def _imported_names(statement: str) -> dict[str, str]:
    """Map each name in braces, as a normalized import of its own, to that name."""
    stripped = statement.strip()
    if stripped.startswith("import") and "(" in stripped:
        inside = stripped.partition("(")[2].rpartition(")")[0]
        return {_normalized(f"import {line}"): line for line in inside.splitlines() if line.strip()}
    braces = _IN_BRACES.match(stripped)
    if braces is None:
        return {_normalized(stripped): stripped}
    names = [name.strip() for name in braces["names"].split(",") if name.strip()]
    head, tail = braces["head"].removesuffix("{"), braces["tail"].removeprefix("}")
    rust = head.startswith("use")
    return {
        _normalized(f"{head}{name}" if rust else f"import {{{name}}}{tail}"): name for name in names
    }


def _normalized(line: str) -> str:
    """Normalize a statement: no spaces, double quotes, no final semicolon."""
    return _SPACES.sub("", line.replace("'", '"')).rstrip(";")


def _depth_change(line: str) -> int:
    """Return how a line changes the nesting depth of preprocessor conditions."""
    found = _CONDITION.match(line)
    return 0 if found is None else 1 if found[1] == "if" else -1


def _bracket_balance(text: str) -> int:
    return sum((char in "({[") - (char in ")}]") for char in text)
