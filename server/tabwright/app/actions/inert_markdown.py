"""Markdown of a model's made harmless: shown as meant, without images, HTML and links but http(s).

What could act is escaped outside of fenced code and code spans. The result is parsed, and if
anything in it could act still, all of it is shown as plain text in a fence. The parser is
markdown-it, which VS Code's preview uses too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from tabwright.core.postprocess.replies import fence_for
from tabwright.core.safety.inert_text import without_hidden

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_MOST_CHARACTERS = 8_000  # the parser takes quadratic time for some texts
_MOST_BRACKETS = 500
_ROUNDS = 3
_TICKS = re.compile(r"(?<!`)(`+)(?!`)")
_HTTP = re.compile(r"https?://[^/]", re.IGNORECASE)
_CUT = "\n\n…"
_MORE_RULES = ("table", "strikethrough")  # of VS Code's preview
# What may act outside of code; whatever of it is not plainly a link to http(s) is escaped.
_ACTS = re.compile(
    r"\\(?P<escaped>.)"
    r"|(?P<image>!)(?=\[)"
    r"|\](?P<link>\()(?!\s{0,20}<?https?://)"
    r"|\](?P<definition>:)(?!\s{0,20}<?https?://)"
    r"|(?P<html><)(?=[A-Za-z/!?])(?!https?://[^\s<>`\"']{1,2000}>)"
    r"|(?P<entity>&)(?=\#|[A-Za-z][A-Za-z0-9]{1,31};)"
    r"(?!(?:lt|gt|amp|quot|apos|nbsp|copy|[nm]dash|hellip|[lr]arr|times|le|ge|ne);)"
    r"|(?P<scheme>\b(?:command|javascript|vbscript|data|file|vscode[\w-]{0,20}|ms-[\w-]{1,20}|about"
    r"|blob|tel|sms|mailto|ftp|smb)(?=:[^\s:]))",
    re.IGNORECASE | re.DOTALL,
)


def inert_markdown(text: str) -> str:
    """The Markdown with nothing in it that acts, is loaded or hidden; 8,000 characters at most.

    Code in fences and spans stays as it is, except for characters that are not seen.
    """
    text = without_hidden(text.replace("\r\n", "\n").replace("\r", "\n"))
    if len(text) > _MOST_CHARACTERS:
        text = text[:_MOST_CHARACTERS] + _CUT
    if text.count("[") > _MOST_BRACKETS:
        return fenced(text)
    for _ in range(_ROUNDS):
        made = _escaped(text)
        if made == text:
            break
        text = made
    return text if _is_inert(text) else fenced(text)


def fenced(text: str) -> str:
    """The text as it is, in a fence that nothing in it can close."""
    fence = fence_for(text)
    return f"{fence}text\n{text}\n{fence}\n"


def _escaped(text: str) -> str:
    """One round: what may act outside of code is escaped."""
    lines = text.split("\n")
    code, starts = set[int](), {0}
    for token in _parser(*_MORE_RULES).parse(text):
        if token.map is not None:
            starts.update(token.map)
            if token.type in ("fence", "code_block"):
                code.update(range(*token.map))
    made: list[str] = []
    block: list[str] = []
    for number, line in enumerate(lines):
        if block and (number in starts or number in code):
            made.append(_prose("\n".join(block)))
            block = []
        (made if number in code else block).append(line)
    if block:
        made.append(_prose("\n".join(block)))
    return "\n".join(made)


def _prose(text: str) -> str:
    """The text of one block, escaped but for its code spans."""
    return "".join(
        piece if is_code else _ACTS.sub(_escape, piece) for is_code, piece in _spans(text)
    )


def _escape(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    if kind == "escaped":
        return found[0]
    if kind == "image":
        return r"\!"  # it stays to be read, as in ``vec![1, 2]``
    if kind == "scheme":
        return f"{found[0]}\\"
    at = found.start(kind) - found.start()
    return f"{found[0][:at]}\\{found[0][at:]}"


def _spans(text: str) -> Iterator[tuple[bool, str]]:
    """A block as code spans and what lies between them (CommonMark 0.31, 6.1)."""
    start = at = 0
    while (opened := _TICKS.search(text, at)) is not None:
        before = text[: opened.start()]
        if (len(before) - len(before.rstrip("\\"))) % 2:
            at = opened.start() + 1
            continue
        ticks = opened[1]
        closed = _closing(ticks).search(text, opened.end())
        if closed is None:
            at = opened.end()
            continue
        yield False, text[start : opened.start()]
        yield True, text[opened.start() : closed.end()]
        start = at = closed.end()
    yield False, text[start:]


def _closing(ticks: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!`){ticks}(?!`)")


@cache
def _parser(*more: str) -> MarkdownIt:
    """A parser that nests as deep as VS Code's preview, and knows these rules besides."""
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"maxNesting": 100}).enable(list(more))
    made.validateLink = lambda url: True  # type: ignore[method-assign]
    return made


def _is_inert(text: str) -> bool:
    return all(
        _is_harmless(token)
        for parser in (_parser(*_MORE_RULES), _parser())
        for token in _all(parser.parse(text))
    )


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])


def _is_harmless(token: Token) -> bool:
    if token.type in ("html_block", "html_inline", "image"):
        return False
    if token.type == "link_open":
        return _HTTP.match(str(token.attrGet("href") or "")) is not None
    return True
