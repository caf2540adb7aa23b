"""Distinguish comments that request code from those that describe code or configure tools."""

from __future__ import annotations

import re

from tabwright.core.intent.described_parameters import NAME

_TODO = re.compile(
    r"\s*+(?:[-*]\s*+)?(?P<sign>TODO|FIXME|XXX|HACK|TBD|待办|待实现|待完成)\b(?:\s*+\([^()\n]*\))?"
    r"(?:\s*+\[[^\]\n]*\])?\s*+[:：\-–]?\s*+",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\s*+(?:(?:please|now|let'?s|you (?:should|must|need to)|i (?:want|need)"
    r"|we need|here)\b[ ,:]*+)*"
    r"(?:(?:to )?(?:generate|write|implement|create|add|build|make|define|fill in)\b"
    r"|(?:a|an|the)?\s*+(?:function|method|class|helper)\s++(?:that|which|to|named|called|for)\b"
    r"|(?:async )?(?:def|function|func|fn)\s++[\w$]+\s*+\("
    r"|(?:请|请你|帮我|在这里|这里|需要)*(?:实现|写|生成|编写|创建|添加|增加|新增|定义|补全|完成))",
    re.IGNORECASE,
)
_NO_REQUEST = re.compile(
    r"\s*+(?:!|-\*-|vim?:|coding[:=]|noqa|type:|pyright|pylint|mypy:|ruff|fmt:|flake8|isort|nosec"
    r"|pragma|eslint|tslint|jshint|prettier|@ts-|@flow|@jsx|istanbul|c8|#?region\b|#?endregion\b"
    r"|clang-format|nolint|go:|\+build|build |<reference|copyright|\(c\)|licen[cs]e|spdx|author"
    r"|%%|In\[|region|endregion|frozen_string_literal|shellcheck|syntax=|source:|sourceMapping)",
    re.IGNORECASE,
)
_LICENSE = re.compile(r"copyright|licen[cs]ed? under|all rights reserved|SPDX-", re.IGNORECASE)
_CODE = re.compile(
    rf"\s*+(?:{NAME}(?:\.{NAME}|\[[^\]\n]*\])*\s*+[-+*/|&]?=(?!=)\s*+\S"
    r"|(?:import|from)\s++[\w.]+(?:\s++import\b|$|;)|return\b[^.]*[;)]?$|(?:if|for|while)\b.*[:{]$"
    rf"|(?:{NAME}\.)*{NAME}\([^()\n]*\);?$|[^\n]*;$|[)\]}}])"
)
_RULER = re.compile(r"[-=#*~_+/\\<>.─━═ ]{3,}")
_WORD = re.compile(r"[A-Za-z_][\w'-]*|[\u3400-\u9fff]")
_TODO_ALONE = ("todo", "fixme", "xxx", "hack", "tbd")


def is_todo(words: str) -> bool:
    """Tell whether a comment starts with TODO, FIXME or the like."""
    return _TODO.match(words) is not None


def asks(words: str) -> bool:
    """Tell whether a comment requests code by its text alone, wherever it is."""
    return is_todo(words) or _ASKS.match(words) is not None


def may_be_request(words: str) -> bool:
    """Tell whether a comment may be a request when it does not describe any code.

    Licences, tool directives, headings, rulers and commented-out code are none.
    """
    first = words.split("\n", 1)[0].strip()
    if not first or _NO_REQUEST.match(words) or _LICENSE.search(words[:600]):
        return False
    if asks(words):
        return True
    if _CODE.match(first) or _RULER.match(first) or _RULER.fullmatch(first[-3:]):
        return False
    return len(_WORD.findall(words[:600])) >= 3


def request_text(words: str) -> str:
    """Return the text of a request without TODO markers and rulers."""
    lines = [line for line in words.split("\n") if not _RULER.fullmatch(line.strip())]
    text = "\n".join(lines).strip("\n")
    found = _TODO.match(text)
    rest = text[found.end() :] if found else text
    return "" if rest.strip().lower() in _TODO_ALONE else rest.strip()
