"""black with the project's own settings: the whole text, or no more than the lines of an edit."""

from __future__ import annotations

import ast
import logging
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabwright.checks.lines import LineChanges, diff_lines, diff_texts, line_end, split_lines
from tabwright.core.text import unix_line_ends

if TYPE_CHECKING:
    from black import Mode

logger = logging.getLogger(__name__)

# Longer texts take seconds.
LONGEST = 100_000
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class BlackConfig:
    """black's settings for one project; ``targets`` are names like "py311"."""

    line_length: int = 88
    targets: tuple[str, ...] = ()
    normal_strings: bool = True
    magic_commas: bool = True
    stub: bool = False
    skip_first_line: bool = False
    preview: bool = False
    unstable: bool = False

    def mode(self) -> Mode:
        """The same as black has it; raises KeyError for a version it does not know."""
        from black import Mode
        from black.mode import TargetVersion

        return Mode(
            target_versions={TargetVersion[name.upper()] for name in self.targets},
            line_length=self.line_length,
            string_normalization=self.normal_strings,
            magic_trailing_comma=self.magic_commas,
            is_pyi=self.stub,
            skip_source_first_line=self.skip_first_line,
            preview=self.preview or self.unstable,
            unstable=self.unstable,
        )


def format_edit(path: str, root: str, before: str, after: str, *, cell: bool = False) -> str:
    """``after`` as black leaves it: all of it where ``before`` was clean, else the changed lines.

    What black cannot do (a text that does not parse, over 100,000 characters, settings that are
    wrong) comes back as it was, and so does a result that would not be the same program.
    """
    if len(after) > LONGEST or not after.strip():
        return after
    import black

    old, new = _with_final_line_end(before), _with_final_line_end(after)
    edit = diff_texts(old, new)
    try:
        done = _format(old, new, edit, black_config(path, root))
        black.assert_equivalent(new, done)
    except Exception as error:  # noqa: BLE001 - what black cannot do stays as it is
        logger.info("not formatted by black: %r", error)
        return after
    own_last_line = len(split_lines(new)) in edit.new_lines
    if not after.endswith(("\n", "\r")) and (cell or not own_last_line):
        done = done.removesuffix("\n")
    return restore_line_ends(after, done, line_end(before or after))


def break_long_line(path: str, root: str, text: str, line: int, most: int | None) -> str:
    """The text with the statement of a line broken into lines of ``most`` characters; "" if not.

    Strings are split too, which black does only when it is told to. ``most`` None leaves the
    project's line length, which is never exceeded.
    """
    if len(text) > LONGEST:
        return ""
    import black
    from black.mode import Preview

    closed = _with_final_line_end(text)
    try:
        settings = black_config(path, root)
        length = min(settings.line_length, most or settings.line_length)
        mode = replace(settings, line_length=length, preview=True).mode()
        mode.enabled_features = {Preview.string_processing}
        lines = [_statement_lines(closed, line)]
        done = _changes_in_ranges(closed, black.format_str(closed, mode=mode, lines=lines), lines)
        black.assert_equivalent(closed, done)
    except Exception as error:  # noqa: BLE001 - what black cannot do mends nothing
        logger.info("no line broken by black: %r", error)
        return ""
    if done == closed:
        return ""
    if not text.endswith(("\n", "\r")):
        done = done.removesuffix("\n")
    return restore_line_ends(text, done, line_end(text))


def _statement_lines(text: str, line: int) -> tuple[int, int]:
    """First and last line of the innermost statement, or block's header, that holds a line."""
    found = (line, line)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno
            last = max(node.lineno, last or 0)
            found = (node.lineno, last) if node.lineno <= line <= last else found
    return found


def _with_final_line_end(text: str) -> str:
    """The text with unix line ends, the last line's too."""
    unix = unix_line_ends(text)
    return unix if unix.endswith("\n") or not unix else unix + "\n"


def _format(old: str, new: str, edit: LineChanges, settings: BlackConfig) -> str:
    import black

    whole = black.format_str(new, mode=settings.mode())
    ranges = _edited_ranges(split_lines(new), edit)
    if _changes_in_ranges(new, whole, ranges) == whole or _is_formatted(old, settings):
        return whole
    if not ranges:
        return new
    # black sets the blank lines and the indentation around the lines too.
    return _changes_in_ranges(
        new, black.format_str(new, mode=settings.mode(), lines=ranges), ranges
    )


def _edited_ranges(lines: list[str], edit: LineChanges) -> list[tuple[int, int]]:
    """First and last line of each block that the edit put in, without blank lines at its rim.

    Of those, nobody can tell which are the edit's and which stood there before.
    """
    ranges = []
    for block in edit.blocks:
        filled = [n for n in range(block.new_start, block.new_end) if lines[n - 1].strip()]
        ranges += [(filled[0], filled[-1])] if filled else []
    return ranges


def _changes_in_ranges(text: str, done: str, ranges: list[tuple[int, int]]) -> str:
    """``text`` with what ``done`` changes in the ranges of lines, or puts in at their rim."""
    old, new = split_lines(text), split_lines(done)
    result: list[str] = []
    at = 0
    for block in diff_lines(old, new).blocks:
        first, last = block.old_start, block.old_end - 1
        put = new[block.new_start - 1 : block.new_end - 1]
        if not _is_in_ranges(first, last, ranges):
            # Blank lines beside a range are the document's, whatever else the block holds.
            filled = [n for n in range(first, last + 1) if old[n - 1].strip()]
            if not filled or not _is_in_ranges(filled[0], filled[-1], ranges):
                continue
            first, last = filled[0], filled[-1]
            put = _without_outer_blank_lines(put)
        result += (*old[at : first - 1], *put)
        at = last
    return "".join((*result, *old[at:]))


def _is_in_ranges(first: int, last: int, ranges: list[tuple[int, int]]) -> bool:
    return any(start <= first and last <= end for start, end in ranges)


def _without_outer_blank_lines(lines: list[str]) -> list[str]:
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


@lru_cache(maxsize=8)
def _is_formatted(text: str, settings: BlackConfig) -> bool:
    """Whether black would leave the text alone; kept, for the other candidates."""
    import black

    try:
        return bool(black.format_str(text, mode=settings.mode()) == text)
    except Exception:  # noqa: BLE001 - what black cannot read is not clean
        return False


def restore_line_ends(original: str, text: str, end: str) -> str:
    r"""The text, which has ``\n`` alone, with each line that stands in ``original`` ended as there.

    Other lines get ``end``.
    """
    lines = split_lines(original)
    bare = [unix_line_ends(line) for line in lines]
    new = split_lines(text)
    result = [line.replace("\n", end) for line in new]
    blocks = diff_lines(bare, new).blocks
    # The lines before, between and after the blocks that differ.
    begins = [(0, 0), *((block.old_end - 1, block.new_end - block.old_end) for block in blocks)]
    stops = [*(block.old_start - 1 for block in blocks), len(lines)]
    for (at, shift), stop in zip(begins, stops, strict=True):
        for number in range(at, min(stop, len(new) - shift)):
            result[number + shift] = lines[number]
    return "".join(result)


def black_config(path: str, root: str) -> BlackConfig:
    """The settings in the project's pyproject.toml; its line length from ruff's if need be.

    Raises what black, the parser of the file or the system raise for settings that are wrong.
    """
    from black.files import find_pyproject_toml, parse_pyproject_toml

    start = path or root
    _refuse_large(start)
    file = find_pyproject_toml((start,)) if Path(start).is_absolute() else None
    at_root = Path(root, "pyproject.toml")
    if file is None and root and at_root.is_file():
        file = str(at_root)
    found: Mapping[str, Any] = parse_pyproject_toml(file) if file else {}
    return BlackConfig(
        line_length=int(found.get("line_length") or _ruff_line_length(file) or 88),
        targets=tuple(found.get("target_version", ())),
        normal_strings=not found.get("skip_string_normalization"),
        magic_commas=not found.get("skip_magic_trailing_comma"),
        stub=bool(found.get("pyi")) or path.endswith(".pyi"),
        skip_first_line=bool(found.get("skip_source_first_line")),
        preview=bool(found.get("preview")),
        unstable=bool(found.get("unstable")),
    )


def _refuse_large(start: str) -> None:
    """Raise ValueError where a file that black looks at for its settings is no small one."""
    for folder in (Path(start), *Path(start).parents):
        file = folder / "pyproject.toml"
        if file.is_file() and file.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{file} is larger than 1 MiB")


def _ruff_line_length(file: str | None) -> int | None:
    """The line length that ruff is told, for a project that has its settings there."""
    if file is None:
        return None
    tool = tomllib.loads(Path(file).read_text("utf-8")).get("tool", {})
    length = None if "black" in tool else tool.get("ruff", {}).get("line-length")
    return length if isinstance(length, int) else None
