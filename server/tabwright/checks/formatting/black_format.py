"""Run black with the project's settings on the whole text, or only on the lines of an edit."""

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
_MAX_BYTES = 1 << 20


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
        """Convert to black's own type; raises KeyError for a Python version it does not know."""
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
    """Format ``after``: all of it if ``before`` was formatted, else only the changed lines.

    ``after`` is returned unchanged when it does not parse, is longer than 100,000 characters, the
    settings are not valid, or the result would not be the same program.
    """
    if len(after) > LONGEST or not after.strip():
        return after
    import black

    old, new = _with_final_line_end(before), _with_final_line_end(after)
    changes = diff_texts(old, new)
    try:
        formatted = _format(old, new, changes, black_config(path, root))
        black.assert_equivalent(new, formatted)
    except Exception as error:  # noqa: BLE001 - a text that black cannot format stays as it is
        logger.info("not formatted by black: %r", error)
        return after
    own_last_line = len(split_lines(new)) in changes.new_lines
    if not after.endswith(("\n", "\r")) and (cell or not own_last_line):
        formatted = formatted.removesuffix("\n")
    return restore_line_ends(after, formatted, line_end(before or after))


def break_long_line(path: str, root: str, text: str, line: int, limit: int | None) -> str:
    """Return the text with the statement at a line split into lines of ``limit`` characters.

    Returns "" if black cannot split it. Strings are split too, which is an option of black. With
    ``limit`` None the project's line length applies, which is never exceeded.
    """
    if len(text) > LONGEST:
        return ""
    import black
    from black.mode import Preview

    unix_text = _with_final_line_end(text)
    try:
        settings = black_config(path, root)
        length = min(settings.line_length, limit or settings.line_length)
        mode = replace(settings, line_length=length, preview=True).mode()
        mode.enabled_features = {Preview.string_processing}
        lines = [_statement_lines(unix_text, line)]
        formatted = _changes_in_ranges(
            unix_text, black.format_str(unix_text, mode=mode, lines=lines), lines
        )
        black.assert_equivalent(unix_text, formatted)
    except Exception as error:  # noqa: BLE001 - such a text stays as it is
        logger.info("no line broken by black: %r", error)
        return ""
    if formatted == unix_text:
        return ""
    if not text.endswith(("\n", "\r")):
        formatted = formatted.removesuffix("\n")
    return restore_line_ends(text, formatted, line_end(text))


def _statement_lines(text: str, line: int) -> tuple[int, int]:
    """Return the first and last line of the innermost statement, or block header, at a line."""
    found = (line, line)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno
            last = max(node.lineno, last or 0)
            found = (node.lineno, last) if node.lineno <= line <= last else found
    return found


def _with_final_line_end(text: str) -> str:
    """Return the text with Unix line ends, also after the last line."""
    unix = unix_line_ends(text)
    return unix if unix.endswith("\n") or not unix else unix + "\n"


def _format(old: str, new: str, changes: LineChanges, settings: BlackConfig) -> str:
    import black

    all_formatted = black.format_str(new, mode=settings.mode())
    ranges = _edited_ranges(split_lines(new), changes)
    if _changes_in_ranges(new, all_formatted, ranges) == all_formatted or _is_formatted(
        old, settings
    ):
        return all_formatted
    if not ranges:
        return new
    # black also changes the blank lines and the indentation around the lines.
    return _changes_in_ranges(
        new, black.format_str(new, mode=settings.mode(), lines=ranges), ranges
    )


def _edited_ranges(lines: list[str], changes: LineChanges) -> list[tuple[int, int]]:
    """Return the first and last line of each block of the edit, without outer blank lines.

    A diff cannot tell which of those were there before.
    """
    ranges = []
    for block in changes.blocks:
        filled = [n for n in range(block.new_start, block.new_end) if lines[n - 1].strip()]
        ranges += [(filled[0], filled[-1])] if filled else []
    return ranges


def _changes_in_ranges(text: str, formatted: str, ranges: list[tuple[int, int]]) -> str:
    """Return ``text`` with the changes of ``formatted`` in, or next to, the line ranges."""
    old, new = split_lines(text), split_lines(formatted)
    result: list[str] = []
    at = 0
    for block in diff_lines(old, new).blocks:
        first, last = block.old_start, block.old_end - 1
        replacement = new[block.new_start - 1 : block.new_end - 1]
        if not _is_in_ranges(first, last, ranges):
            # Blank lines next to a range belong to the document.
            filled = [n for n in range(first, last + 1) if old[n - 1].strip()]
            if not filled or not _is_in_ranges(filled[0], filled[-1], ranges):
                continue
            first, last = filled[0], filled[-1]
            replacement = _without_outer_blank_lines(replacement)
        result += (*old[at : first - 1], *replacement)
        at = last
    return "".join((*result, *old[at:]))


def _is_in_ranges(first: int, last: int, ranges: list[tuple[int, int]]) -> bool:
    return any(start <= first and last <= end for start, end in ranges)


def _without_outer_blank_lines(lines: list[str]) -> list[str]:
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


@lru_cache(maxsize=8)
def _is_formatted(text: str, settings: BlackConfig) -> bool:
    """Whether black would not change the text; cached for the other candidates."""
    import black

    try:
        return bool(black.format_str(text, mode=settings.mode()) == text)
    except Exception:  # noqa: BLE001 - a text that black cannot read is not formatted
        return False


def restore_line_ends(original: str, text: str, end: str) -> str:
    r"""Return the text, whose line ends are ``\n``, with the line ends that ``original`` has.

    Lines that are not in ``original`` get ``end``.
    """
    lines = split_lines(original)
    unix_lines = [unix_line_ends(line) for line in lines]
    new = split_lines(text)
    result = [line.replace("\n", end) for line in new]
    blocks = diff_lines(unix_lines, new).blocks
    # The equal lines before, between and after the blocks that differ.
    begins = [(0, 0), *((block.old_end - 1, block.new_end - block.old_end) for block in blocks)]
    stops = [*(block.old_start - 1 for block in blocks), len(lines)]
    for (at, shift), stop in zip(begins, stops, strict=True):
        for number in range(at, min(stop, len(new) - shift)):
            result[number + shift] = lines[number]
    return "".join(result)


def black_config(path: str, root: str) -> BlackConfig:
    """Read the project's settings from pyproject.toml; ruff's line length if black has none.

    Raises whatever black, the TOML parser or the system raises for settings that are not valid.
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
    """Raise ValueError where a pyproject.toml that black would read is larger than 1 MiB."""
    for folder in (Path(start), *Path(start).parents):
        file = folder / "pyproject.toml"
        if file.is_file() and file.stat().st_size > _MAX_BYTES:
            raise ValueError(f"{file} is larger than 1 MiB")


def _ruff_line_length(file: str | None) -> int | None:
    """Return ruff's line length, for a project that has no settings for black."""
    if file is None:
        return None
    tool = tomllib.loads(Path(file).read_text("utf-8")).get("tool", {})
    length = None if "black" in tool else tool.get("ruff", {}).get("line-length")
    return length if isinstance(length, int) else None
