"""Parse a comment or docstring about a function: name, parameters, result and constraints.

English and Chinese, and the docstring formats reST, Google, NumPy and JSDoc.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tabwright.core.intent.described_parameters import (
    NAME,
    can_be_name,
    parse_code_parameters,
    parse_documented_parameters,
    parse_listed_parameters,
)
from tabwright.core.intent.examples import Example, examples, without_examples
from tabwright.core.syntax.parameters import Parameter

_MAX_CHARS = 6_000
_REQUEST_WORD_REACH = 200  # characters before a call that are searched for "implement" and the like
_KIND = r"(?:function|method|procedure|routine|subroutine|helper|class|script|coroutine|generator)"
_CODE = re.compile(
    rf"\b(?:def|function|func|fn|fun|sub|method)[ \t]++`?(?P<name>{NAME})[ \t]*+"
    rf"(?:<[^<>\n]*>)?\((?P<parameters>[^()\n]*)\)"
    r"(?:[ \t]*+(?:->|:(?=[ \t]*+[\w\[<>]+[ \t]*+[{;]))[ \t]*+"
    r"(?P<result>[^\s:{;]+(?:\[[^\]\n]*\])?))?"
)
_CALL_IN_PROSE = re.compile(
    rf"(?P<tick>`|\b)(?P<name>{NAME})\((?P<parameters>[^()\n]*)\)"
    r"(?:\s*+->\s*+(?P<result>[A-Za-z_][\w.]*(?:\[[^\]\n]*\])?))?"
)
_NAMES = tuple(
    re.compile(pattern, re.ASCII if ascii_ else 0)
    for pattern, ascii_ in (
        (
            rf"(?i:\b(?:named|called|name[ds]?[ \t]++(?:it|is|as))[ \t]++)[`\"']?(?P<name>{NAME})",
            True,
        ),
        (rf"(?:名为|名字[是为]?|命名为|名称[是为]?|叫做?|称为)\s*+[`\"'“]?(?P<name>{NAME})", False),
        (rf"(?i:\b{_KIND}[ \t]++)`(?P<name>{NAME})`", True),
        (rf"`(?P<name>{NAME})`[ \t]++(?i:{_KIND})\b", True),
        (
            rf"(?i:\b{_KIND}[ \t]++)(?P<name>{NAME})(?=[ \t]*+(?:$|[.,:;(\n]|(?i:that|which|to|with"
            r"|taking|returning|for|takes|returns|computing|given)\b))",
            True,
        ),
        (rf"(?:函数|方法|类)\s*+[`“]?(?P<name>{NAME})", False),
        (
            rf"(?:实现|写|编写|定义|创建|生成|添加)(?:一个|个)?\s*+[`“]?(?P<name>{NAME})[`”]?"
            r"\s*+(?:函数|方法|类|$|[,，。(（])",
            False,
        ),
    )
)
_RESULTS = (
    re.compile(r"@returns?[ \t]++(?:\{(?P<type>[^}\n]+)\}[ \t]*+-?[ \t]*+)?(?P<text>[^\n@]*)"),
    re.compile(r":returns?:[ \t]*+(?P<text>[^\n]+)"),
    re.compile(
        r"^[ \t]*+Returns?[ \t]*+:?[ \t]*+\n(?:[ \t]*+-+[ \t]*+\n)?[ \t]*+(?P<text>[^\n]+)", re.M
    ),
    re.compile(
        r"(?i:\breturn(?:s|ing)?\b:?)[ \t]++(?P<text>(?:[^.;。；\n]|\.(?=\w)|\n(?![ \t]*+\n))+)"
    ),
    re.compile(r"返回(?:值[是为]?)?[:：]?\s*+(?P<text>[^。；;，,\n]+)"),
)
_SENTENCE = re.compile(
    r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)\s++|(?<=[。；;！？])\s*+|\n\s*+(?:[-*•]|\d+[.)])\s++|\n(?:[^\S\n]*+\n)++"
)
_CONSTRAINT = re.compile(
    r"\b(?:must|should|shall|without|only|at most|at least|no more than|no less than|never|cannot|"
    r"can't|don't|do not|doesn't|not allowed|avoid|in[- ]place|ensure|exactly|required|assume|"
    r"instead of|ignor(?:e|ing)|case[- ]insensitive(?:ly)?|raises?|throws?)\b"
    r"|\bO\([^()\n]{1,20}\)|必须|不要|不使用|不能|不得|不可|不允许|禁止|至多|最多|至少|只能|只用|仅|应该|应当|"
    r"确保|避免|时间复杂度|空间复杂度|原地|忽略|抛出",
    re.IGNORECASE,
)
_TAIL = re.compile(r"(?:[,;(]|(?<!\s))\s*+(?:e\.g|i\.e|for example|such as)\b.*", re.DOTALL)
_BLANKS = re.compile(r"\s++")


@dataclass(frozen=True)
class ParsedDocstring:
    """The parsed parts of a comment or docstring; "" and empty tuples for missing ones."""

    name: str
    parameters: tuple[Parameter, ...]
    result: str
    examples: tuple[Example, ...]
    constraints: tuple[str, ...]


def parse_docstring(text: str, name: str = "") -> ParsedDocstring:
    """Parse the text about one function; only the first 6,000 characters are read.

    ``name`` is the function's name when it is known.
    """
    text = text[:_MAX_CHARS]
    prose = without_examples(text)
    code = _CODE.search(prose) or _call_in_prose(prose)
    name = name or (code["name"] if code else "") or _name(prose)
    parameters = (
        parse_code_parameters(code["parameters"] if code else "")
        or parse_documented_parameters(prose)
        or parse_listed_parameters(prose, name)
    )
    result = (code["result"] or "") if code else ""
    return ParsedDocstring(
        name, parameters, result or _result(prose), examples(text, name), constraints(prose)
    )


def _call_in_prose(text: str) -> re.Match[str] | None:
    """Find a call whose arguments are names, not values: ``add(a, b) returns the sum``."""
    for found in _CALL_IN_PROSE.finditer(text):
        inside = found["parameters"].strip()
        has_names_only = re.fullmatch(r"[\w\s,:*&\[\]<>|.=\-]*", inside) and not re.match(
            r"[\d.\-]", inside
        )
        is_quoted = found["tick"] == "`" or not text[: found.start()].strip() or found["result"]
        after_request_word = re.search(
            rf"(?i:{_KIND}|函数|方法|写|实现|write|implement|create|add|generate)\s*+`?$",
            text[max(0, found.start() - _REQUEST_WORD_REACH) : found.start()],
        )
        if has_names_only and (is_quoted or after_request_word) and can_be_name(found["name"]):
            return found
    return None


def _name(text: str) -> str:
    for pattern in _NAMES:
        for found in pattern.finditer(text):
            if can_be_name(found["name"]):
                return found["name"]
    return ""


def _result(text: str) -> str:
    for pattern in _RESULTS:
        found = pattern.search(text)
        if found:
            type_ = found.groupdict().get("type") or ""
            prose = _BLANKS.sub(" ", _TAIL.sub("", found["text"])).split(". ")[0].strip(" .,:，。")
            return ": ".join(part for part in (type_, prose) if part)[:200]
    return ""


def constraints(text: str) -> tuple[str, ...]:
    """Return the sentences that state a constraint: what code must do, must not do or may cost."""
    sentences = (_BLANKS.sub(" ", part).strip(" -*") for part in _SENTENCE.split(text))
    return tuple(dict.fromkeys(part for part in sentences if part and _CONSTRAINT.search(part)))[
        :20
    ]
