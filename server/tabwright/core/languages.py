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
    closers: tuple[str, ...] = ()


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
    Language("ruby", "Ruby", "#", None, (".rb", ".rake"), ("do", "then", "|"), closers=("end",)),
    Language("perl", "Perl", "#", None, (".pl", ".pm")),
    Language(
        "lua",
        "Lua",
        "--",
        ("--[[", "]]"),
        (".lua",),
        ("then", "do", ")"),
        closers=("end", "until"),
    ),
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
        "elixir",
        "Elixir",
        "#",
        None,
        (".ex", ".exs"),
        ("do", "->"),
        quotes=('"""', '"', "'"),
        closers=("end",),
    ),
    Language(
        "shellscript",
        "Shell",
        "#",
        None,
        (".sh", ".bash", ".zsh"),
        ("then", "do", "{"),
        closers=("fi", "done", "esac"),
    ),
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

# What clients also call a language: other editors' ids, and names of Markdown's fences.
_ALIASES: Mapping[str, str] = {
    **dict.fromkeys(("sh", "bash", "shell", "zsh", "ksh", "bats"), "shellscript"),
    **dict.fromkeys(("cs", "c-sharp", "c#", "razor"), "csharp"),
    **dict.fromkeys(("c++", "cxx", "cuda", "cuda-cpp", "arduino"), "cpp"),
    **dict.fromkeys(("js", "node", "mjs", "cjs", "javascript.js"), "javascript"),
    **dict.fromkeys(("jsx", "javascript.jsx"), "javascriptreact"),
    **dict.fromkeys(("ts", "mts", "cts"), "typescript"),
    **dict.fromkeys(("tsx", "typescript.tsx", "typescript.jsx"), "typescriptreact"),
    **dict.fromkeys(("py", "python3", "py3", "pyi"), "python"),
    **dict.fromkeys(("golang",), "go"),
    **dict.fromkeys(("rs",), "rust"),
    **dict.fromkeys(("kt", "kts"), "kotlin"),
    **dict.fromkeys(("rb", "eruby"), "ruby"),
    **dict.fromkeys(("yml", "dockercompose", "yaml.docker-compose"), "yaml"),
    **dict.fromkeys(("xhtml", "htm", "htmldjango", "django-html", "handlebars"), "html"),
    **dict.fromkeys(("svg", "xsd", "xsl", "xslt"), "xml"),
    **dict.fromkeys(("json5", "jsonl", "json with comments"), "jsonc"),
    **dict.fromkeys(("md", "mdx", "gfm"), "markdown"),
    **dict.fromkeys(("docker", "containerfile"), "dockerfile"),
    **dict.fromkeys(("make", "mk"), "makefile"),
    **dict.fromkeys(("rst",), "restructuredtext"),
    **dict.fromkeys(("tex",), "latex"),
    **dict.fromkeys(("ps1", "pwsh"), "powershell"),
    **dict.fromkeys(("pgsql", "plsql", "mysql", "postgres", "sqlite"), "sql"),
    **dict.fromkeys(("text", "txt", "plain"), "plaintext"),
}

_BY_EXTENSION = {end: language for language in reversed(_ALL) for end in language.extensions}
_BY_NAME = {"dockerfile": "dockerfile", "makefile": "makefile", "gnumakefile": "makefile"}


def canonical_id(language_id: str, path: str = "") -> str:
    """The id that this project has for a language: of an alias, else as the file's name tells.

    An id that nothing is known of stays, so that the user reads his own word.
    """
    known = language_id.lower()
    known = _ALIASES.get(known, known)
    if known in LANGUAGES and known != PLAIN.id:
        return known
    named = by_path(path).id if path else PLAIN.id
    if named != PLAIN.id:
        return named
    return known if known in LANGUAGES else language_id


def by_id(language_id: str) -> Language:
    """Return the language of an LSP language id or of an alias of it; PLAIN if it is unknown."""
    return LANGUAGES.get(language_id) or LANGUAGES.get(canonical_id(language_id), PLAIN)


def by_path(path: str) -> Language:
    """Return the language by a file's name or extension; PLAIN if neither is known."""
    file = PurePosixPath(path.replace("\\", "/"))
    named = _BY_NAME.get(file.name.lower())
    if named is not None:
        return LANGUAGES[named]
    return _BY_EXTENSION.get(file.suffix) or _BY_EXTENSION.get(file.suffix.lower()) or PLAIN
