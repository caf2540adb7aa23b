"""Texts made of what programs are made of, in any order, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from tabwright.core.text import Span, line_starts

_CODE = ["def f(a", "):", "pass", "...", "function f(a) {", "}", "class A", ":", "=> {", "(", ")"]
_MORE_CODE = [
    "fn x<T>(a: T) -> T {",
    "end",
    "int f(int a)",
    "return 1;",
    "@a",
    "#include",
    "[",
    "]",
]
_SIGNS = ['"""', "'", '"', "`", "# ", "// ", "/*", "*/", "<!--", "--", "=", "\\", "*", ";"]
_WORDS = [
    "TODO: do it now",
    "write a function add(a, b)",
    ">>> f(1)\n2",
    "f(1) -> 2",
    "参数 a 和 b",
]
_BLANKS = ["\n", "\n", "\r\n", "\r", "    ", "\t", " ", "\f", "\u2028"]
_ODD = ["\ud800", "😀", "\0", "é"]

TEXTS = st.lists(
    st.sampled_from([*_CODE, *_MORE_CODE, *_SIGNS, *_WORDS, *_BLANKS, *_ODD]), max_size=30
).map("".join)


def whole_lines(text: str, span: Span) -> bool:
    """Whether a span begins and ends where lines begin, or at the text's end."""
    edges = {*line_starts(text), len(text)}
    return span.start in edges and span.end in edges
