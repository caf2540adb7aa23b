"""Distinguish comments that request code from those that describe code or configure tools."""

from __future__ import annotations

import re

from tabwright.core.intent.described_parameters import NAME

_TODO = re.compile(
    r"\s*+(?:[-*]\s*+)?(?P<sign>TODO|FIXME|XXX|HACK|TBD|待办|待实现|待完成)\b(?:\s*+\([^()\n]*\))?"
    r"(?:\s*+\[[^\]\n]*\])?\s*+[:：\-–]?\s*+",
    re.IGNORECASE,
)
_EXPLICIT_REQUEST = re.compile(
    r"\s*+(?:(?:please|now|let'?s|you (?:should|must|need to)|i (?:want|need)"
    r"|we need|here)\b[ ,:]*+)*"
    r"(?:(?:to )?(?:generate|write|implement|create|add|build|make|define|fill in)\b"
    r"|(?:a|an|the)?\s*+(?:function|method|class|helper)\s++(?:that|which|to|named|called|for)\b"
    r"|(?:async )?(?:def|function|func|fn)\s++[\w$]+\s*+\("
    r"|(?:请|请你|帮我|在这里|这里|需要)*(?:实现|写|生成|编写|创建|添加|增加|新增|定义|补全|完成))",
    re.IGNORECASE,
)
_DIRECTIVE = re.compile(
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


def is_todo(text: str) -> bool:
    """Tell whether a comment starts with TODO, FIXME or the like."""
    return _TODO.match(text) is not None


def is_explicit_request(text: str) -> bool:
    """Tell whether the text alone shows that a comment requests code, wherever it stands."""
    return is_todo(text) or _EXPLICIT_REQUEST.match(text) is not None


def may_be_request(text: str) -> bool:
    """Tell whether a comment may be a request, if no existing code follows that it describes.

    Licences, tool directives, headings, rulers and commented-out code are not requests.
    """
    first = text.split("\n", 1)[0].strip()
    if not first or _DIRECTIVE.match(text) or _LICENSE.search(text[:600]):
        return False
    if is_explicit_request(text):
        return True
    if _CODE.match(first) or _RULER.match(first) or _RULER.fullmatch(first[-3:]):
        return False
    return len(_WORD.findall(text[:600])) >= 3


def request_text(text: str) -> str:
    """Return the text of a request without TODO markers and rulers."""
    lines = [line for line in text.split("\n") if not _RULER.fullmatch(line.strip())]
    text = "\n".join(lines).strip("\n")
    found = _TODO.match(text)
    rest = text[found.end() :] if found else text
    return "" if rest.strip().lower() in _TODO_ALONE else rest.strip()
