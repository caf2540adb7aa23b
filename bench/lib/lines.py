"""Which lines of which real files are typed again: by rule, so that nobody picked them."""

from __future__ import annotations

import ast
import importlib.util
import io
import random
import tokenize
from dataclasses import dataclass
from pathlib import Path

# Standard library modules of the running Python: 400 to 2,600 lines, different subjects.
MODULES = ("textwrap", "configparser", "difflib", "argparse", "tarfile")
# Those of the speed table: 100 to 5,000 lines.
TYPED = ("sched", "textwrap", "difflib", "tarfile", "turtle")
# Of 2,000 lines and more: opened for the first time, or one in each window.
LARGE = ("argparse", "inspect", "doctest", "pydoc", "subprocess", "typing", "ipaddress", "mailbox")
# Functions of these are written: no other row reads them, so no answer draws on the original.
WRITTEN = ("statistics", "shutil", "ast", "heapq", "locale", "tempfile")
LEAST = 20  # characters of code in a line


@dataclass(frozen=True)
class Line:
    """A line of a file to be typed: what stands before and after it, its indentation, its code."""

    name: str
    number: int  # from 1
    before: str
    indentation: str
    code: str
    after: str

    def buffer(self, typed: int) -> str:
        """The file with the first ``typed`` characters of the line's code."""
        return self.before + self.indentation + self.code[:typed] + self.after

    def cursor(self, typed: int) -> int:
        """Offset of the cursor behind what was typed."""
        return len(self.before) + len(self.indentation) + typed


def chosen(module: str, count: int) -> list[Line]:
    """``count`` lines of a module's source, drawn from the middle half of the file, in order."""
    path = source(module)
    text = path.read_text(encoding="utf-8")
    lines = file_lines(text)
    numbers = code_lines(path, text)
    middle = [number for number in numbers if len(lines) / 4 < number <= len(lines) * 3 / 4]
    drawn = random.Random(module).sample(middle, min(count, len(middle)))
    return [_line(module, lines, number) for number in sorted(drawn)]


def middle(module: str, count: int) -> Line:
    """The first line of code behind the middle of a module's first ``count`` lines.

    All that stands behind those lines is left out.
    """
    path = source(module)
    text = path.read_text(encoding="utf-8")
    numbers = code_lines(path, text)
    wanted = next(number for number in numbers if number > count // 2)
    return _line(module, file_lines(text)[:count], wanted)


def source(module: str) -> Path:
    """The file of a standard library module. Raises ModuleNotFoundError."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    return Path(spec.origin)


def code_lines(path: Path, text: str) -> list[int]:
    """Numbers of the lines that hold at least ``LEAST`` characters and are code throughout.

    Lines of docstrings and other texts of several lines, and comments, are none.
    """
    found: set[int] = set()
    inside: set[int] = set()
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.STRING and token.start[0] != token.end[0]:
                inside.update(range(token.start[0], token.end[0] + 1))
            elif token.type == tokenize.NAME:
                found.add(token.start[0])
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = file_lines(text)
    return sorted(number for number in found - inside if len(lines[number - 1].strip()) >= LEAST)


def file_lines(text: str) -> list[str]:
    """Lines with their ends; a form feed ends none, unlike with ``str.splitlines``."""
    return io.StringIO(text).readlines()


def _line(module: str, lines: list[str], number: int) -> Line:
    line = lines[number - 1]
    code = line.strip()
    indentation = line[: len(line) - len(line.lstrip())]
    before, after = "".join(lines[: number - 1]), "".join(lines[number:])
    return Line(f"{module}.py", number, before, indentation, code, "\n" + after)
