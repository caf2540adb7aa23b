"""Extract code from a chat model's reply: remove fences and preambles, fix the indentation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabwright.core.text import indent_of, unix_line_ends

_FENCE = re.compile(r"^[ \t]*+(`{3,}+|~{3,}+)[^\n`]*+$", re.MULTILINE)
_BACKTICKS = re.compile("`++")
_PREAMBLE = re.compile(
    r"\A(?:sure|certainly|of course|here(?:'s| is| are)|okay|ok|below is|the following|"
    r"i (?:have|will|can)|to (?:fix|do)|当然|好的|以下是|下面是)[^\n]*[:.!：。！][ \t]*+\n+",
    re.IGNORECASE,
)


def extract_code(reply: str, *, opened: bool = False) -> str:
    """The code of the first fenced block; without a fence, all but a sentence in front.

    ``opened``: the prompt had opened the fence already, so the block ends at the first one. Line
    ends come back as ``\\n``; a block that never ends goes to the end of the reply.
    """
    text = unix_line_ends(reply)
    fence = _FENCE.search(text)
    if opened:
        return text[: fence.start()] if fence else text
    if fence is None:
        return _PREAMBLE.sub("", text.lstrip("\n"))
    begin = fence.end() + 1
    end = _closing_fence(fence[1]).search(text, begin)
    return text[begin : end.start()] if end else text[begin:]


def _closing_fence(fence: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*+{re.escape(fence)}[ \t]*+$", re.MULTILINE)


def fence_for(text: str) -> str:
    """The backticks of a fence that nothing in the text can close."""
    longest = max((len(run[0]) for run in _BACKTICKS.finditer(text)), default=0)
    return "`" * max(3, longest + 1)


def extract_prose(reply: str) -> str:
    """A reply that is to be read: its line ends as ``\\n``, blank lines around it taken off."""
    return unix_line_ends(reply).strip()


def common_indent(lines: Sequence[str]) -> str:
    """The blanks and tabs that all lines with text begin with."""
    indents = [indent_of(line) for line in lines if line.strip()]
    if not indents:
        return ""
    shortest = min(indents, key=len)
    for length in range(len(shortest), 0, -1):
        if all(indent.startswith(shortest[:length]) for indent in indents):
            return shortest[:length]
    return ""


def reindent(code: str, indent: str) -> str:
    """The code with its lines' common indentation replaced; blank lines become empty."""
    lines = code.split("\n")
    common = len(common_indent(lines))
    return "\n".join(indent + line[common:] if line.strip() else "" for line in lines)


def without_blank_edges(code: str) -> str:
    """The code without the empty lines around it, ending in one line end; "" when all is blank."""
    lines = code.split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    return "".join(f"{line.rstrip()}\n" for line in lines)
