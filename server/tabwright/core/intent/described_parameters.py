"""Parse a function's parameters from text: as code, from docstring sections, from sentences."""

from __future__ import annotations

import re

from tabwright.core.syntax.parameters import Parameter, parse

# The length is bounded, so that a search takes time linear in the text's length.
NAME = r"[A-Za-z_$][A-Za-z0-9_$]{0,99}+"
# Words after "function" that are not names.
_NO_NAME = re.compile(
    r"a|an|and|are|as|be|body|by|called|can|class|code|definition|does|doing|for|from"
    r"|function|have|header|here|in|into|is|it|its|like|method|must|name|named|object|of|on"
    r"|or|parameter|return|returning|returns|should|signature|so|take|takes|taking|than|that"
    r"|the|then|there|this|to|use|used|using|we|when|where|which|will|with|without|you"
)
_DOC_PARAMETERS = (
    re.compile(
        r"^[ \t]*+:param[ \t]++(?:(?P<type>[^:\s]++(?:[ \t]++[^:\s]++)*?)[ \t]++)?"
        r"(?P<name>\*{0,2}\w+):",
        re.MULTILINE,
    ),
    re.compile(
        r"^[ \t]*+@param[ \t]++(?:\{(?P<type>[^}\n]+)\}[ \t]++)?\[?(?P<name>[\w$.]+)", re.MULTILINE
    ),
)
_SECTION = re.compile(
    r"^[ \t]*+(?:Args|Arguments|Parameters|Params|参数)[ \t]*+[:：]?[ \t]*+\n"
    r"(?:[ \t]*+-+[ \t]*+\n)?"
    r"(?P<body>(?:[ \t]++\S[^\n]*(?:\n|\Z)|\w+[ \t]*+:[^\n]*(?:\n|\Z)|[ \t]*+\n(?=[ \t]++\S))+)",
    re.MULTILINE,
)
_SECTION_LINE = re.compile(
    r"^(?P<indent>[ \t]*+)(?P<name>\*{0,2}\w+)[ \t]*+(?:\((?P<type>[^)\n]*)\))?[ \t]*+:[ \t]*+"
    r"(?P<text>[^\n]*)$",
    re.MULTILINE,
)
_TYPED_FIRST = re.compile(r"\s*+(?:const\s++)?[\w<>\[\]]+[ \t*&]+\w+\s*+(?:,|$)")
_ONE = rf"(?:[`\"']?{NAME}[`\"']?)"
_LIST = (
    rf"{_ONE}(?:[ \t]*+(?:,|、|，|\band\b|\bor\b|和|与|及|以及|,[ \t]*+and\b)[ \t]*+{_ONE}){{0,9}}"
)
_LISTS = (
    re.compile(
        rf"(?i:\b(?:parameters?|params?|arguments?|args?|inputs?))(?:[ \t]++(?:are|is)|:)?[ \t]++"
        rf"(?P<names>{_LIST})(?=\s*+(?:$|[.;,:\n)]|(?i:and|that|which|returns?)\b))"
    ),
    re.compile(rf"(?:参数|形参|入参)(?:是|为|有|包括|：|:)?\s*+(?P<names>{_LIST})"),
    re.compile(
        rf"(?i:\b(?:takes?|taking|accepts?|accepting|receives?|given|of|for|with)[ \t]++)"
        rf"(?:(?:a|an|the|two|three|four|some|\d)[ \t]++)?"
        rf"(?P<type>(?:(?:integers?|ints?|floats?|numbers?|strings?|lists?|arrays?|bool(?:ean)?s?"
        rf"|dict(?:ionar(?:y|ies))?s?|tuples?|sets?|values?)\b[ \t]*+)"
        rf"(?:of[ \t]++[a-z]+[ \t]++)?)(?P<names>{_LIST})"
        rf"(?=\s*+(?:$|[.;,:\n]|(?i:and|that|which|to|returns?|as|with|by|in|is|are)\b))"
    ),
    re.compile(
        rf"(?i:\b(?:takes?|accepts?|receives?)[ \t]++)(?P<names>[`]?{NAME}[`]?[ \t]*+"
        rf"(?:,|and)[ \t]*+{_LIST})"
    ),
    re.compile(
        rf"(?:接收|接受|传入|输入|给定)(?:一个|两个|三个|若干)?"
        rf"(?P<type>[\u4e00-\u9fff]{{0,8}}?)\s*+(?P<names>{_LIST})"
    ),
)
_ONLY_TYPE = (
    re.compile(
        r"(?i:\b(?:takes?|taking|accepts?|accepting|receives?|given)[ \t]++)"
        r"(?:(?:a|an|the|one)[ \t]++)?"
        r"(?P<type>(?:[a-z-]+[ \t]++){0,2}?(?:list|array|string|integer|number|float"
        r"|dict(?:ionary)?|tuple|set|file|path|int|str|bool(?:ean)?|map|vector|matrix|tree|graph)s?"
        r"(?:[ \t]++of[ \t]++[a-z-]+(?:[ \t]++(?:lists|strings|integers|numbers|ints))?)?)\b"
    ),
    re.compile(r"(?:接收|接受|传入|输入|给定)(?:一个|一组)(?P<type>[\u4e00-\u9fff]{1,10})"),
)


def can_be_name(word: str) -> bool:
    """Tell whether a word of a sentence can be an identifier."""
    return _NO_NAME.fullmatch(word.lower()) is None


def parse_code_parameters(inside: str) -> tuple[Parameter, ...]:
    """Parse parameters written as code in parentheses, with types before or after the names."""
    typed_first = _TYPED_FIRST.match(inside) and ":" not in inside
    return parse(inside, "type first" if typed_first else "colon")


def parse_documented_parameters(text: str) -> tuple[Parameter, ...]:
    """Parse the parameters of a docstring: reST, JSDoc, Google or NumPy."""
    for pattern in _DOC_PARAMETERS:
        found = [Parameter(one["name"], one["type"] or "") for one in pattern.finditer(text)]
        if found:
            return tuple(found)
    section = _SECTION.search(text)
    ruled = section[0] if section else ""
    lines = list(_SECTION_LINE.finditer(section["body"])) if section else []
    margin = min((len(line["indent"]) for line in lines), default=0)
    return tuple(
        Parameter(line["name"], line["type"] or (line["text"] if "---" in ruled else ""))
        for line in lines
        if len(line["indent"]) == margin
    )


def parse_listed_parameters(text: str, name: str) -> tuple[Parameter, ...]:
    """Parse parameters from sentences; return one without a name when only its type is given."""
    for pattern in _LISTS:
        for found in pattern.finditer(text):
            type_ = (found.groupdict().get("type") or "").strip()
            names = re.findall(rf"(?<![A-Za-z0-9_$]){NAME}", found["names"])
            names = [one for one in names if one not in ("and", "or", name)]
            if names and not any(one != "a" and not can_be_name(one) for one in names):
                return tuple(Parameter(one, type_) for one in names)
    for pattern in _ONLY_TYPE:
        only = pattern.search(text)
        if only:
            return (Parameter("", only["type"].strip()),)
    return ()
