"""Extract code from a chat model's reply: remove fences and preambles, fix indentation."""

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
    """Return the code of the first fenced block; without a fence, all but an introductory sentence.

    ``opened``: the prompt has already opened the fence, so the block ends at the first fence. Line
    ends become ``\\n``; an unclosed block extends to the end of the reply.
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
    """Return a fence longer than any run of backticks in the text."""
    longest = max((len(run[0]) for run in _BACKTICKS.finditer(text)), default=0)
    return "`" * max(3, longest + 1)


def extract_prose(reply: str) -> str:
    """Return a reply as prose: line ends become ``\\n``, surrounding blank lines are removed."""
    return unix_line_ends(reply).strip()


def common_indent(lines: Sequence[str]) -> str:
    """Return the longest indentation that all lines with text share."""
    indents = [indent_of(line) for line in lines if line.strip()]
    if not indents:
        return ""
    shortest = min(indents, key=len)
    for length in range(len(shortest), 0, -1):
        if all(indent.startswith(shortest[:length]) for indent in indents):
            return shortest[:length]
    return ""


def reindent(code: str, indent: str) -> str:
    """Replace the common indentation of all lines with ``indent``; blank lines become empty."""
    lines = code.split("\n")
    common = len(common_indent(lines))
    return "\n".join(indent + line[common:] if line.strip() else "" for line in lines)


def without_blank_edges(code: str) -> str:
    """Remove blank lines at both ends; the result ends in one line end, or is ""."""
    lines = code.split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    return "".join(f"{line.rstrip()}\n" for line in lines)
