"""Find the class around an offset by indentation, without parsing the document."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tabwright.core.syntax.extents import indent_columns
from tabwright.core.syntax.headers import CLASS
from tabwright.core.text import line_span, unix_line_ends

_REACH = 100_000
_GO_RECEIVER = re.compile(r"[ \t]*+func[ \t]*+\([ \t]*+(?:\w++[ \t]++)?\*?(?P<name>\w++)[^)\n]*+\)")
_IMPL_FOR = re.compile(r"\bfor[ \t]++(?P<name>[A-Za-z_][\w:]*)")
_NOT_A_HEADER = re.compile(r"[ \t]*+(?:[)\]}{#@*]|/[/*]|\w+[ \t]*+:[ \t]*+$|[\"'])")


@dataclass(frozen=True)
class Container:
    """A class, interface or the like: its name, its keyword and its header line."""

    name: str
    kind: str
    header: str


def container_at(text: str, offset: int) -> Container | None:
    """Return the innermost class around the line of an offset; None at the top level.

    Functions in between are skipped. Only 100,000 characters above are read.
    """
    line = line_span(text, offset)
    margin = indent_columns(text[line.start : min(line.end, line.start + 200)] + "x")
    above = unix_line_ends(text[max(0, line.start - _REACH) : line.start]).split("\n")
    for upper in reversed(above):
        if margin == 0:
            return None
        if upper[:margin].isspace() and "\t" not in upper[:margin] and len(upper) > margin:
            continue
        if not upper.strip() or indent_columns(upper) >= margin or _NOT_A_HEADER.match(upper):
            continue
        margin = indent_columns(upper)
        found = CLASS.match(upper)
        if found and (found["name"] or found["kind"] == "object"):
            return _container(found)
    return None


def owner_in(header: str) -> str:
    """Return the receiver type in the header of a Go method, else ""."""
    receiver = _GO_RECEIVER.match(header)
    return receiver["name"] if receiver else ""


def _container(found: re.Match[str]) -> Container:
    name = found["name"] or ""
    target = _IMPL_FOR.search(found["rest"]) if found["kind"] == "impl" else None
    return Container(target["name"] if target else name, found["kind"], found[0].strip())
