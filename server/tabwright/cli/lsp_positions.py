"""Positions as a client counts them, on its own side of the wire: not the server's code."""

from __future__ import annotations

from collections.abc import Mapping


def position_at(text: str, offset: int, encoding: str) -> dict[str, int]:
    """LSP position of an offset in a buffer whose lines end at ``\\n``, ``\\r\\n`` or ``\\r``."""
    before = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
    line = before[before.rfind("\n") + 1 :]
    return {"line": before.count("\n"), "character": _units(line, encoding)}


def offset_at(text: str, position: Mapping[str, int], encoding: str) -> int:
    """Offset of an LSP position; the reverse of ``position_at``."""
    start = 0
    for _ in range(position["line"]):
        ends = [end for end in (text.find("\n", start), text.find("\r", start)) if end >= 0]
        if not ends:
            return len(text)
        start = min(ends) + (2 if text.startswith("\r\n", min(ends)) else 1)
    offset, left = start, position["character"]
    while left > 0 and offset < len(text):
        left -= _units(text[offset], encoding)
        offset += 1
    return offset


def _units(text: str, encoding: str) -> int:
    if encoding == "utf-32":
        return len(text)
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
