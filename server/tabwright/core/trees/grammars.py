"""Which grammar parses a language, and which of its tokens open and close something.

A grammar is a shared library in a wheel of its own. Loading one takes less than a millisecond,
since the system maps it and reads no more of it than a parse touches.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tree_sitter

_BRACKETS = {"(": ")", "[": "]", "{": "}"}


def _none() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Grammar:
    """One grammar: its module, the function in it, and the delimiters among its tokens.

    ``pairs`` maps the type of a token that opens to that of the token that closes. ``tags`` maps
    the type of a start tag to that of an end tag. ``words``: closers that are words (``end``).
    ``openers_at_line_start`` open only as the first token of a line (Ruby's ``x if y``).
    ``raw`` maps the type of a node that holds text of another language to that language.
    """

    module: str
    function: str = "language"
    pairs: Mapping[str, str] = field(default_factory=lambda: _BRACKETS)
    tags: Mapping[str, str] = field(default_factory=_none)
    openers_at_line_start: frozenset[str] = frozenset()
    raw: Mapping[str, str] = field(default_factory=_none)
    indented: bool = False


_JS_PAIRS = {**_BRACKETS, "${": "}"}
_JSX_TAGS = {"jsx_opening_element": "jsx_closing_element"}
_HTML_TAGS = {"start_tag": "end_tag"}
_SVELTE = {
    **_HTML_TAGS,
    "if_start": "if_end",
    "each_start": "each_end",
    "await_start": "await_end",
    "key_start": "key_end",
    "snippet_start": "snippet_end",
}
_RUBY_WORDS = ("def", "class", "module", "begin", "if", "unless", "case", "do", "while", "until")
_RUBY_PAIRS = {**_BRACKETS, "#{": "}", **dict.fromkeys((*_RUBY_WORDS, "for"), "end")}
_LUA_PAIRS = {**_BRACKETS, **dict.fromkeys(("if", "function", "do"), "end"), "repeat": "until"}
_BASH_PAIRS = {**_BRACKETS, "${": "}", "$(": ")", "[[": "]]", "((": "))", "$((": "))"}
_BASH_PAIRS |= {"if": "fi", "do": "done", "case": "esac"}

GRAMMARS: Mapping[str, Grammar] = {
    "python": Grammar("tree_sitter_python", indented=True),
    "javascript": Grammar("tree_sitter_javascript", pairs=_JS_PAIRS, tags=_JSX_TAGS),
    "javascriptreact": Grammar("tree_sitter_javascript", pairs=_JS_PAIRS, tags=_JSX_TAGS),
    "typescript": Grammar("tree_sitter_typescript", "language_typescript", _JS_PAIRS),
    "typescriptreact": Grammar("tree_sitter_typescript", "language_tsx", _JS_PAIRS, _JSX_TAGS),
    "java": Grammar("tree_sitter_java"),
    "c": Grammar("tree_sitter_c"),
    "cpp": Grammar("tree_sitter_cpp"),
    "csharp": Grammar("tree_sitter_c_sharp"),
    "go": Grammar("tree_sitter_go"),
    "rust": Grammar("tree_sitter_rust"),
    "kotlin": Grammar("tree_sitter_kotlin", pairs={**_BRACKETS, "${": "}"}),
    "swift": Grammar("tree_sitter_swift", pairs={**_BRACKETS, "\\(": ")"}),
    "scala": Grammar("tree_sitter_scala"),
    "dart": Grammar("tree_sitter_dart", pairs={**_BRACKETS, "${": "}"}),
    "php": Grammar("tree_sitter_php", "language_php", raw={"text": "html"}),
    "ruby": Grammar(
        "tree_sitter_ruby",
        pairs=_RUBY_PAIRS,
        openers_at_line_start=frozenset(("if", "unless", "while", "until")),
    ),
    "lua": Grammar("tree_sitter_lua", pairs=_LUA_PAIRS),
    "shellscript": Grammar("tree_sitter_bash", pairs=_BASH_PAIRS),
    "html": Grammar("tree_sitter_html", pairs={}, tags=_HTML_TAGS),
    "vue": Grammar("tree_sitter_html", pairs={}, tags=_HTML_TAGS),
    "svelte": Grammar("tree_sitter_svelte", pairs={"{": "}"}, tags=_SVELTE),
    "xml": Grammar("tree_sitter_xml", "language_xml", {}, {"STag": "ETag"}),
    "css": Grammar("tree_sitter_css"),
    "scss": Grammar("tree_sitter_scss", pairs={**_BRACKETS, "#{": "}"}),
    "less": Grammar("tree_sitter_scss", pairs={**_BRACKETS, "#{": "}"}),
    "json": Grammar("tree_sitter_json"),
    "jsonc": Grammar("tree_sitter_json"),
    "yaml": Grammar("tree_sitter_yaml", indented=True),
    "toml": Grammar("tree_sitter_toml"),
    "markdown": Grammar("tree_sitter_markdown", pairs={}, indented=True),
    "dockerfile": Grammar("tree_sitter_dockerfile", pairs={"[": "]"}),
}


def grammar_of(language_id: str) -> Grammar | None:
    """The grammar of a language of `core.languages`; None when there is none."""
    return GRAMMARS.get(language_id)


@cache
def load(language_id: str) -> tree_sitter.Language | None:
    """The loaded grammar; None where its package is missing or does not fit the parser."""
    grammar = GRAMMARS.get(language_id)
    if grammar is None:
        return None
    try:
        import tree_sitter

        with warnings.catch_warnings():
            # Some wheels still give a number where the parser wants a capsule.
            warnings.simplefilter("ignore", DeprecationWarning)
            given = getattr(importlib.import_module(grammar.module), grammar.function)()
            return tree_sitter.Language(given)
    except (ImportError, AttributeError, ValueError, TypeError):
        return None


@cache
def query(language_id: str, source: str) -> tree_sitter.Query | None:
    """A compiled query; None where there is no grammar. Raises QueryError for a wrong one."""
    language = load(language_id)
    if language is None:
        return None
    from tree_sitter import Query

    return Query(language, source)
