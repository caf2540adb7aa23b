"""Texts that must not reach a grammar, since its scanner writes past the 1,024 bytes of its state.

Such a write ends the process, and texts may be of strangers. Known so in the newest releases
are tree-sitter-ruby 0.23.1 (issue 269: names of heredocs that are long or have several lines, and
many at once), tree-sitter-markdown (issue 243) and tree-sitter-yaml 0.7.2 (blocks within blocks).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_LONGEST_NAME = 60
_MOST_OPEN = 8
_HEREDOC = re.compile(rb"<<[-~]?(?:([\"'`])|([A-Za-z_]\w*))")
# Each level of blocks takes a column; YAML's scanner has room for 250 levels.
_DEEP = re.compile(rb"^[ \t>?*+\d.)-]{160}", re.MULTILINE)


def is_unsafe(raw: bytes, language_id: str) -> bool:
    """Whether a text may break the grammar's scanner; no ordinary source does."""
    found = _UNSAFE.get(language_id)
    return found is not None and found(raw)


def _many_heredocs(raw: bytes) -> bool:
    still_open = 0
    for found in _HEREDOC.finditer(raw):
        name = found[2]
        if name is None:
            rest = raw[found.end() : found.end() + _LONGEST_NAME].split(b"\n", 1)[0]
            name, closed, _ = rest.partition(found[1])
            if not closed:
                return True
        if len(name) > _LONGEST_NAME:
            return True
        still_open += not _is_line(raw, found.end(), name)
        if still_open > _MOST_OPEN:
            return True
    return False


def _is_line(raw: bytes, at: int, name: bytes) -> bool:
    """Whether a later line holds a name alone."""
    at = raw.find(name, at)
    while at >= 0:
        line = raw[raw.rfind(b"\n", 0, at) + 1 : at + len(name) + 2]
        if line.strip() == name and (line[-1:] in b"\r\n" or raw.endswith(name)):
            return True
        at = raw.find(name, at + len(name))
    return False


def _deep_blocks(raw: bytes) -> bool:
    return _DEEP.search(raw) is not None


_UNSAFE: Mapping[str, Callable[[bytes], bool]] = {
    "ruby": _many_heredocs,
    "markdown": _deep_blocks,
    "yaml": _deep_blocks,
}
