"""The programming languages: comment signs, block openers, quotes and file extensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Language:
    """One language by its LSP id; the comment signs are empty where it has no comments."""

    id: str
    name: str
    line_comment: str = ""
    block_comment: tuple[str, str] | None = None
    extensions: tuple[str, ...] = ()
    block_openers: tuple[str, ...] = ("{",)
    quotes: tuple[str, ...] = ('"', "'")


_C = ("/*", "*/")
_HTML = ("<!--", "-->")
_JS_QUOTES = ('"', "'", "`")

PLAIN = Language("plaintext", "Plain text", extensions=(".txt",), block_openers=(), quotes=())

_ALL = (
    PLAIN,
    Language(
        "python",
        "Python",
        "#",
        None,
        (".py", ".pyi", ".pyw"),
        (":",),
        quotes=('"""', "'''", '"', "'"),
    ),
    Language("javascript", "JavaScript", "//", _C, (".js", ".mjs", ".cjs"), quotes=_JS_QUOTES),
    Language("javascriptreact", "JavaScript JSX", "//", _C, (".jsx",), quotes=_JS_QUOTES),
    Language("typescript", "TypeScript", "//", _C, (".ts", ".mts", ".cts"), quotes=_JS_QUOTES),
    Language("typescriptreact", "TypeScript JSX", "//", _C, (".tsx",), quotes=_JS_QUOTES),
    Language("java", "Java", "//", _C, (".java",)),
    Language("c", "C", "//", _C, (".c", ".h")),
    Language("cpp", "C++", "//", _C, (".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx")),
    Language("csharp", "C#", "//", _C, (".cs",)),
    Language("go", "Go", "//", _C, (".go",), quotes=_JS_QUOTES),
    Language("rust", "Rust", "//", _C, (".rs",), quotes=('"',)),
    Language("kotlin", "Kotlin", "//", _C, (".kt", ".kts"), quotes=('"""', '"', "'")),
    Language("swift", "Swift", "//", _C, (".swift",), quotes=('"""', '"')),
    Language("scala", "Scala", "//", _C, (".scala", ".sc"), quotes=('"""', '"')),
    Language("dart", "Dart", "//", _C, (".dart",), quotes=("'''", '"""', '"', "'")),
    Language("php", "PHP", "//", _C, (".php",)),
    Language("ruby", "Ruby", "#", None, (".rb", ".rake"), ("do", "then", "|")),
    Language("perl", "Perl", "#", None, (".pl", ".pm")),
    Language("lua", "Lua", "--", ("--[[", "]]"), (".lua",), ("then", "do", ")")),
    Language("r", "R", "#", None, (".r", ".R")),
    Language("julia", "Julia", "#", ("#=", "=#"), (".jl",), (), quotes=('"""', '"')),
    Language(
        "haskell",
        "Haskell",
        "--",
        ("{-", "-}"),
        (".hs",),
        ("=", "do", "of", "where"),
        quotes=('"',),
    ),
    Language(
        "elixir", "Elixir", "#", None, (".ex", ".exs"), ("do", "->"), quotes=('"""', '"', "'")
    ),
    Language("shellscript", "Shell", "#", None, (".sh", ".bash", ".zsh"), ("then", "do", "{")),
    Language("powershell", "PowerShell", "#", ("<#", "#>"), (".ps1", ".psm1")),
    Language("sql", "SQL", "--", _C, (".sql",), ("(",), quotes=("'",)),
    Language("html", "HTML", "", _HTML, (".html", ".htm"), (">",)),
    Language("vue", "Vue", "", _HTML, (".vue",), (">", "{"), quotes=_JS_QUOTES),
    Language("svelte", "Svelte", "", _HTML, (".svelte",), (">", "{"), quotes=_JS_QUOTES),
    Language("xml", "XML", "", _HTML, (".xml", ".xsd", ".svg"), (">",)),
    Language("css", "CSS", "", _C, (".css",)),
    Language("scss", "SCSS", "//", _C, (".scss",)),
    Language("less", "Less", "//", _C, (".less",)),
    Language("json", "JSON", "", None, (".json",), ("{", "["), quotes=('"',)),
    Language("jsonc", "JSON with comments", "//", _C, (".jsonc",), ("{", "["), quotes=('"',)),
    Language("yaml", "YAML", "#", None, (".yaml", ".yml"), (":",)),
    Language("toml", "TOML", "#", None, (".toml",), ("[",), quotes=('"""', "'''", '"', "'")),
    Language("ini", "INI", ";", None, (".ini", ".cfg"), ()),
    Language("markdown", "Markdown", "", _HTML, (".md", ".markdown"), (), quotes=()),
    Language("restructuredtext", "reStructuredText", "", None, (".rst",), (), quotes=()),
    Language("latex", "LaTeX", "%", None, (".tex",), (), quotes=()),
    Language("dockerfile", "Dockerfile", "#", None, (".dockerfile",), ("\\",)),
    Language("makefile", "Makefile", "#", None, (".mk",), (":",)),
    Language("clojure", "Clojure", ";", None, (".clj", ".cljs", ".cljc"), ("(",), quotes=('"',)),
    Language("zig", "Zig", "//", None, (".zig",)),
)

LANGUAGES: Mapping[str, Language] = {language.id: language for language in _ALL}

_BY_EXTENSION = {end: language for language in reversed(_ALL) for end in language.extensions}
_BY_NAME = {"dockerfile": "dockerfile", "makefile": "makefile", "gnumakefile": "makefile"}


def by_id(language_id: str) -> Language:
    """Return the language of an LSP language id; PLAIN if it is unknown."""
    return LANGUAGES.get(language_id, PLAIN)


def by_path(path: str) -> Language:
    """Return the language by a file's name or extension; PLAIN if neither is known."""
    file = PurePosixPath(path.replace("\\", "/"))
    named = _BY_NAME.get(file.name.lower())
    if named is not None:
        return LANGUAGES[named]
    return _BY_EXTENSION.get(file.suffix) or _BY_EXTENSION.get(file.suffix.lower()) or PLAIN
