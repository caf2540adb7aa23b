"""Runs ruff, pylint, pyright and tsc on a folder and reads what they report, each in its form."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 120
_TSC = re.compile(r"^(.+?)\((\d+),(\d+)\): (?:error|warning) TS(\d+): (.*)$")


class NoReport(Exception):
    """A checker that printed no report; the message is what it said."""


@dataclass(frozen=True)
class Found:
    """One diagnostic; lines and characters from 0, ``end`` as the protocol has it."""

    file: str
    start: tuple[int, int]
    end: tuple[int, int]
    message: str
    source: str
    code: str | int

    @property
    def key(self) -> tuple[str, str]:
        """What makes two diagnostics the same, wherever they stand."""
        return str(self.code), self.message

    def protocol(self) -> dict[str, object]:
        """The diagnostic as a client sends it."""
        (line, character), (end_line, end_character) = self.start, self.end
        return {
            "range": {
                "start": {"line": line, "character": character},
                "end": {"line": end_line, "character": end_character},
            },
            "severity": 1,
            "source": self.source,
            "code": self.code,
            "message": self.message,
        }


@dataclass(frozen=True)
class Tool:
    """How a checker is asked about files, what its project must hold, and how its report reads.

    ``config`` is a file's name and text. ``done`` are the statuses that mean it has worked.
    """

    arguments: Callable[[Path, Sequence[str]], Sequence[str]]
    read: Callable[[str, Path], list[Found]]
    config: tuple[str, str] | None = None
    done: Callable[[int], bool] = lambda status: status in (0, 1)


def diagnostics(
    suite: str, program: Path, folder: Path, files: Sequence[str], python: Path
) -> list[Found]:
    """What a suite's checker reports about files of a folder; raises NoReport.

    ``python`` is the environment whose packages the files may import.
    """
    tool = TOOLS[suite]
    if tool.config:
        name, text = tool.config
        (folder / name).write_text(text, encoding="utf-8")
    command = [str(program), *tool.arguments(python, files)]
    try:
        ended = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoReport(str(error)) from error
    if not tool.done(ended.returncode):
        raise NoReport(f"status {ended.returncode}: {(ended.stderr or ended.stdout)[-500:]}")
    try:
        return tool.read(ended.stdout, folder)
    except (ValueError, KeyError, TypeError) as error:
        raise NoReport(f"no report in: {ended.stdout[:200]!r}") from error


def fault(before: Sequence[Found], after: Sequence[Found], wanted: Found) -> str:
    """Why an edit did not do: what it was for is still there, or something is new; "" if it did."""
    had, has = Counter(one.key for one in before), Counter(one.key for one in after)
    if has[wanted.key] >= had[wanted.key]:
        return f"still there: {wanted.message}"
    new = [key for key, count in has.items() if count > had[key]]
    return f"new: {new[0][1]} ({new[0][0]})" if new else ""


def chosen(found: Sequence[Found], file: str, selection: Sequence[int], words: str) -> Found | None:
    """The diagnostic that a case is about.

    Of those in the file, the nearest to the selection by line; of several in one line the one
    that shares most words with ``words``, then the nearest to the selection's first character.
    """

    def distance(one: Found) -> tuple[int, int, int]:
        first, last = selection[0], selection[2]
        lines = max(one.start[0] - last, first - one.end[0], 0)
        shared = len(_words(one.message) & _words(words)) + len(
            _words(str(one.code)) & _words(words)
        )
        return lines, -shared, abs(one.start[1] - selection[1])

    return min((one for one in found if one.file == file), key=distance, default=None)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]{3,}", text.lower()))


# Reports ------------------------------------------------------------------------------------------


def _ruff(report: str, folder: Path) -> list[Found]:
    return [
        Found(
            _relative(item["filename"], folder),
            _from_one(item["location"]),
            _from_one(item["end_location"]),
            item["message"],
            "Ruff",
            item["code"] or "",
        )
        for item in json.loads(report)
    ]


def _from_one(place: Mapping[str, Any]) -> tuple[int, int]:
    return place["row"] - 1, place["column"] - 1


def _pylint(report: str, folder: Path) -> list[Found]:
    found = []
    for item in json.loads(report):
        line, column = item["line"] - 1, item["column"]
        end_line, end_column = item["endLine"], item["endColumn"]
        end = (line, column) if end_line is None else (end_line - 1, end_column)
        code = f"{item['message-id']}:{item['symbol']}"
        file = _relative(item["path"], folder)
        found.append(Found(file, (line, column), end, item["message"], "Pylint", code))
    return found


def _pyright(report: str, folder: Path) -> list[Found]:
    found = []
    for item in json.loads(report)["generalDiagnostics"]:
        if item["severity"] not in ("error", "warning"):
            continue
        start, end = (
            (item["range"][side]["line"], item["range"][side]["character"])
            for side in ("start", "end")
        )
        file, code = _relative(item["file"], folder), item.get("rule", "")
        found.append(Found(file, start, end, item["message"], "Pyright", code))
    return found


def _tsc(report: str, folder: Path) -> list[Found]:
    found: list[Found] = []
    for line in report.splitlines():
        head = _TSC.match(line)
        if head:
            at = int(head[2]) - 1, int(head[3]) - 1
            end = at[0], at[1] + _word_length(folder / head[1], at)
            found.append(Found(head[1], at, end, head[5], "ts", int(head[4])))
        elif found and line.startswith("  "):
            last = found.pop()
            message = f"{last.message}\n{line}"
            found.append(Found(last.file, last.start, last.end, message, last.source, last.code))
    return found


def _word_length(file: Path, at: tuple[int, int]) -> int:
    """Characters of the word at a place: tsc prints where a diagnostic begins, no end."""
    lines = file.read_text(encoding="utf-8").split("\n") if file.is_file() else []
    rest = lines[at[0]][at[1] :] if at[0] < len(lines) else ""
    word = re.match(r"[\w$]+", rest)
    return len(word[0]) if word else min(len(rest), 1)


def _relative(file: str, folder: Path) -> str:
    path = Path(file)
    return path.relative_to(folder).as_posix() if path.is_absolute() else path.as_posix()


TOOLS: Mapping[str, Tool] = {
    "ruff": Tool(
        lambda python, files: ("check", "--no-cache", "--output-format=json", *files),
        _ruff,
        # E231 is among the rules that ruff calls a preview.
        ("ruff.toml", '[lint]\nselect = ["E", "F", "W"]\npreview = true\n'),
    ),
    "pylint": Tool(
        lambda python, files: ("--output-format=json", "--score=n", *files),
        _pylint,
        done=lambda status: 0 <= status < 32 and not status & 1,
    ),
    "pyright": Tool(
        lambda python, files: (
            *("--outputjson", "--pythonpath", str(python / "bin" / "python")),
            *files,
        ),
        _pyright,
    ),
    "TSC": Tool(
        lambda python, files: ("--noEmit", "--pretty", "false", "-p", "tsconfig.json"),
        _tsc,
        (
            "tsconfig.json",
            json.dumps(
                {
                    "compilerOptions": {
                        **{"strict": True, "target": "es2022", "module": "commonjs"},
                        **{"lib": ["es2022", "dom"], "skipLibCheck": True},
                    },
                    "include": ["**/*.ts"],
                }
            ),
        ),
        lambda status: status in (0, 1, 2),
    ),
}
