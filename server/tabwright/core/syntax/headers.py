"""Tables of patterns for the headers of functions and classes in each language.

They are applied to masked code. Every pattern of a function matches from a line's start up to the
round bracket of the parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tabwright.core.syntax.parameters import Style

_START = r"^(?P<indent>[ \t]*+)"
_GENERIC = r"(?:<[^;{}\n]{0,200}>)?"
_TYPED = (
    r"(?P<result>(?:(?!(?:return|new|throw|else|case|goto|await|yield|delete|typedef|using|echo"
    r"|not|and|or|in|is)\b)[@\w:<>,\[\].?*&~]++[ \t]++){1,16}?[*&]*)(?P<name>~?[\w:]*\w)[ \t]*+"
)


@dataclass(frozen=True)
class FunctionSyntax:
    """The syntax of one language's functions.

    A match of ``starts`` is always a function, a match of ``calls`` only if a body follows.
    ``result`` is the sign between brackets and result type; "before" if the type comes first.
    ``after`` matches what may follow before the body. ``closer`` ends the body.
    """

    starts: tuple[re.Pattern[str], ...]
    style: Style
    result: str = ""
    after: re.Pattern[str] = re.compile("")
    calls: tuple[re.Pattern[str], ...] = ()
    closer: str = "}"


def _patterns(*bodies: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(_START + body, re.MULTILINE) for body in bodies)


def _modifiers(alternatives: str) -> str:
    return rf"(?:(?:{alternatives})\b[ \t]*+)*"


_EXPORT = r"(?:export[ \t]++)?(?:default[ \t]++)?"
_MEMBER = _modifiers("public|private|protected|static|readonly|override|abstract|declare|get|set")
_NOT_CALLED = r"(?!(?:if|for|while|switch|catch|return|function|with|super|await|typeof|do)\b)"
_ASYNC = r"(?:(?P<is_async>async)[ \t]++)?"

_JS_STARTS = (
    rf"{_EXPORT}{_ASYNC}function\b[ \t]*+\*?[ \t]*+(?P<name>[\w$]+)[ \t]*+{_GENERIC}[ \t]*+(?=\()",
    rf"{_EXPORT}(?:const|let|var)[ \t]++(?P<name>[\w$]+)[ \t]*+(?::[^=\n]+)?=[ \t]*+{_ASYNC}"
    rf"function\b[ \t]*+\*?[ \t]*+[\w$]*[ \t]*+{_GENERIC}(?=\()",
)
_JS_CALLS = (
    rf"{_EXPORT}(?:const|let|var)[ \t]++(?P<name>[\w$]+)[ \t]*+(?::[^=\n]+)?=[ \t]*+"
    rf"{_ASYNC}{_GENERIC}"
    r"(?=\(|[\w$]+[ \t]*+=>)",
    rf"{_MEMBER}{_ASYNC}\*?{_NOT_CALLED}(?P<name>\#?[\w$]+)[ \t]*+{_GENERIC}(?=\()",
    rf"{_MEMBER}(?P<name>[\w$.]+)[ \t]*+[:=][ \t]*+{_ASYNC}(?:function\b[ \t]*+\*?[ \t]*+)?"
    r"(?=\(|[\w$]+[ \t]*+=>)",
)
_JS = FunctionSyntax(_patterns(*_JS_STARTS), "bare", calls=_patterns(*_JS_CALLS))
_TS = FunctionSyntax(_patterns(*_JS_STARTS), "colon", ":", calls=_patterns(*_JS_CALLS))

_CTOR = r"(?P<name>~?[A-Z][\w:]*)[ \t]*+(?=\()"
_WHERE = re.compile(r"\s*+(?:where\b[^{;=]*)?")
_JAVA = FunctionSyntax(
    _patterns(rf"{_GENERIC}[ \t]*+{_TYPED}(?=\()"),
    "type first",
    "before",
    re.compile(r"\s*+(?:throws[ \t\n\w.,]+)?"),
    _patterns(_CTOR),
)
_CSHARP = FunctionSyntax(
    _patterns(rf"{_TYPED}{_GENERIC}(?=\()"),
    "type first",
    "before",
    re.compile(r"\s*+(?::\s*+(?:base|this)\s*+\([^()]*\))?\s*+(?:where\b[^{;=]*)?"),
    _patterns(_CTOR),
)
_CPP = FunctionSyntax(
    _patterns(rf"(?:template[ \t]*+<[^;{{}}\n]{{0,200}}>[ \t\n]*+)?{_TYPED}(?=\()"),
    "type first",
    "before",
    re.compile(
        r"\s*+(?:\b(?:const|noexcept|override|final|mutable|volatile)\b\s*+|&&?+\s*+)*+"
        r"(?:->\s*+[^{;]{1,200}?)?\s*+(?::(?!:)[^{;]{0,2000}+)?(?=\s*+[{;])|\s*+"
    ),
    _patterns(r"(?P<name>[A-Za-z_]\w*::~?\w+|~?[A-Z]\w*)[ \t]*+(?=\()"),
)
_GO = FunctionSyntax(
    _patterns(r"func[ \t]++(?:\([^()\n]*\)[ \t]*+)?(?P<name>\w+)[ \t]*+(?:\[[^\]\n]*\])?(?=\()"),
    "type last",
    "go",
)
_RUST_WORDS = _modifiers(r"pub(?:\([^)\n]*\))?|default|const|unsafe|extern") + "+"
_RUST = FunctionSyntax(
    _patterns(
        rf"{_RUST_WORDS}{_ASYNC}{_RUST_WORDS}(?:\"*[ \t]++)?fn[ \t]++(?P<name>\w+)[ \t]*+"
        r"(?:<[^;{}]{0,300}?>[ \t]*+)?(?=\()"
    ),
    "colon",
    "->",
    _WHERE,
)
_KOTLIN_WORDS = _modifiers(
    "public|private|protected|internal|override|open|abstract|final|inline|infix|operator|suspend"
    "|tailrec|external"
)
_KOTLIN = FunctionSyntax(
    _patterns(
        rf"{_KOTLIN_WORDS}fun[ \t]++(?:<[^;{{}}\n]{{0,200}}?>[ \t]*+)?(?:[\w<>?, ]+\.)?"
        r"(?P<name>\w+)[ \t]*+(?=\()"
    ),
    "colon",
    ":",
    _WHERE,
)
_SWIFT_WORDS = _modifiers(
    "public|private|fileprivate|internal|open|static|class|override|final|mutating|nonmutating"
    "|convenience|required|@\\w+"
)
_SWIFT = FunctionSyntax(
    _patterns(
        rf"{_SWIFT_WORDS}(?:func[ \t]++(?P<name>\w+)|(?P<init>init)\??)[ \t]*+"
        rf"{_GENERIC}[ \t]*+(?=\()"
    ),
    "colon",
    "->",
    _WHERE,
)
_PHP = FunctionSyntax(
    _patterns(
        rf"{_modifiers('public|private|protected|static|final|abstract')}"
        r"function[ \t]++&?(?P<name>\w+)[ \t]*+(?=\()"
    ),
    "type first",
    ":",
)
_SCALA = FunctionSyntax(
    _patterns(
        rf"{_modifiers('private|protected|override|final|implicit|inline')}"
        r"def[ \t]++(?P<name>\w+)[ \t]*+(?:\[[^\]\n]*\])?(?=\()"
    ),
    "colon",
    ":",
)
_SHELL = FunctionSyntax(
    _patterns(r"(?:function[ \t]++)?(?P<name>[\w-]+)[ \t]*+(?=\([ \t]*+\))"),
    "bare",
)
_RUBY = FunctionSyntax(
    _patterns(
        r"def[ \t]++(?P<name>(?:self\.)?\w+[?!=]?)(?:[ \t]*+(?=\(|\n|\Z|;)|[ \t]++(?=[a-z_*&]))"
    ),
    "bare",
    closer="end",
)
_LUA = FunctionSyntax(
    _patterns(
        r"(?:local[ \t]++)?function[ \t]++(?P<name>[\w.:]+)[ \t]*+(?=\()",
        r"(?:local[ \t]++)?(?P<name>[\w.]+)[ \t]*+=[ \t]*+function[ \t]*+(?=\()",
    ),
    "bare",
    closer="end",
)
_JULIA = FunctionSyntax(_patterns(r"function[ \t]++(?P<name>[\w.!]+)(?=\()"), "bare", closer="end")
_DART = FunctionSyntax(
    _JAVA.starts, "type first", "before", re.compile(r"\s*+(?:async\*?|sync\*)?"), _JAVA.calls
)

FUNCTION_SYNTAX: Mapping[str, FunctionSyntax] = {
    "javascript": _JS,
    "javascriptreact": _JS,
    "typescript": _TS,
    "typescriptreact": _TS,
    "java": _JAVA,
    "c": _CPP,
    "cpp": _CPP,
    "csharp": _CSHARP,
    "go": _GO,
    "rust": _RUST,
    "kotlin": _KOTLIN,
    "swift": _SWIFT,
    "php": _PHP,
    "scala": _SCALA,
    "dart": _DART,
    "ruby": _RUBY,
    "lua": _LUA,
    "julia": _JULIA,
    "shellscript": _SHELL,
}

CLASS = re.compile(
    _START
    + r"(?:(?:export|default|public|private|protected|internal|abstract|final|static|sealed|data"
    r"|partial|open|case|pub(?:\([^)\n]*\))?|typedef)[ \t]++)*"
    r"(?P<kind>class|struct|interface|trait|impl|object|enum|protocol|extension|module|record"
    r"|namespace|type(?=[ \t]++\w+[ \t]++(?:struct|interface)\b))\b(?:[ \t]*+<[^>{\n]*>)?"
    r"(?:[ \t]++(?:class[ \t]++)?(?P<name>[A-Za-z_]\w*(?:(?:::|\.)\w+)*))?(?P<rest>[^\n]*)",
    re.MULTILINE,
)
