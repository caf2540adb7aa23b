"""Find the lines of private keys in PEM (RFC 7468) or a similar text format."""

from __future__ import annotations

import re

_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_BASE64_LINE = re.compile(
    r"[\s'\"+#*/,;|]{0,40}([A-Za-z0-9+/]{32,128}={0,2})(?:\\n)?[\s'\"+\\,;)|]{0,20}\Z"
)
_ARMOUR = re.compile(r"[\s'\"+#*/,;|]{0,40}([A-Za-z0-9+/=]{2,128})(?:\\n)?[\s'\"+\\,;)|]{0,20}\Z")
_BLOCK_LINES = 200
_RUN_LINES = 3
_WIDTHS = (64, 70, 76)  # characters of a line, as OpenSSL, OpenSSH and MIME write


def may_hold_private_key(text: str) -> bool:
    """Tell quickly whether a text can contain a private key, so that its lines must be searched."""
    return "PRIVATE KEY" in text or len(text) > _RUN_LINES * 48


def private_key_lines(lines: list[str]) -> dict[int, tuple[int, int]]:
    """Return, by line number, the part (start, end) of the line that belongs to a private key.

    A key is also found if only its start, middle or end is in the text.
    """
    found: dict[int, tuple[int, int]] = {}
    runs: list[int] = []
    for number, line in enumerate((*lines, "")):
        base64 = _BASE64_LINE.match(line) if len(line) >= 32 else None
        if base64 is not None and number < len(lines):
            runs.append(number)
            continue
        if _is_key_run(lines, runs):
            for each in (*runs, number):
                last = _ARMOUR.match(line) if each == number else _BASE64_LINE.match(lines[each])
                if last is not None and each < len(lines):
                    found[each] = last.span(1)
        runs = []
    for number, line in enumerate(lines):
        if "-----" not in line:
            continue
        begin = _BEGIN.search(line)
        if begin is not None:
            found |= _after_begin(lines, number, begin.end())
        end = _END.search(line)
        if end is not None:
            found |= _before_end(lines, number)
    return found


def _is_key_run(lines: list[str], runs: list[int]) -> bool:
    """Tell whether lines of base64 are long and uniform enough to be the middle of a key."""
    if len(runs) < _RUN_LINES:
        return False
    bodies = [match[1] for number in runs if (match := _BASE64_LINE.match(lines[number]))]
    whole = "".join(bodies)
    mixed = not whole.islower() and not whole.isupper() and any(char.isdigit() for char in whole)
    alike = len({len(body) for body in bodies[:-1]}) == 1 and len(bodies[0]) in _WIDTHS
    return mixed and alike


def _after_begin(lines: list[str], number: int, at: int) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    rest = lines[number][at:]
    same_line = re.match(r"(?:\\[rn]|[A-Za-z0-9+/= ]){16,20000}", rest)
    if same_line is not None:
        found[number] = (at, at + same_line.end())
    for below in range(number + 1, min(len(lines), number + _BLOCK_LINES)):
        if "-----" in lines[below]:
            break
        body = _ARMOUR.match(lines[below])
        if body is not None:
            found[below] = body.span(1)
        elif lines[below].strip(" \t'\"+\\#*/") and ": " not in lines[below]:
            break
    return found


def _before_end(lines: list[str], number: int) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for above in range(number - 1, max(-1, number - _BLOCK_LINES), -1):
        body = _ARMOUR.match(lines[above])
        if body is None:
            break
        found[above] = body.span(1)
    return found
