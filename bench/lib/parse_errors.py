"""How many syntax errors a text has: by tree-sitter's grammar of its language, Python's by ``ast``.

A judge of its own, apart from what the product uses. Grammars that are not installed are left out:
what they would say is then unknown, which is None here and never counts as an error.
"""

from __future__ import annotations

import ast
import importlib
import re
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

# Language id: the package of its grammar and the function in it that gives it.
GRAMMARS: Mapping[str, tuple[str, str]] = {
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "css": ("tree_sitter_css", "language"),
    "dart": ("tree_sitter_dart", "language"),
    "dockerfile": ("tree_sitter_dockerfile", "language"),
    "go": ("tree_sitter_go", "language"),
    "html": ("tree_sitter_html", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "json": ("tree_sitter_json", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "lua": ("tree_sitter_lua", "language"),
    "markdown": ("tree_sitter_markdown", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "python": ("tree_sitter_python", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "scala": ("tree_sitter_scala", "language"),
    "scss": ("tree_sitter_scss", "language"),
    "shellscript": ("tree_sitter_bash", "language"),
    "svelte": ("tree_sitter_svelte", "language"),
    "swift": ("tree_sitter_swift", "language"),
    "toml": ("tree_sitter_toml", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
    "vue": ("tree_sitter_html", "language"),
    "xml": ("tree_sitter_xml", "language_xml"),
    "yaml": ("tree_sitter_yaml", "language"),
}
MARKUP = ("html", "vue", "svelte")
# Elements that never have an end tag, and those whose end tag HTML lets one leave out.
_VOID = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"),
        *("source", "track", "wbr", "li", "dt", "dd", "option", "tr", "td", "th", "thead"),
        *("tbody", "tfoot", "html", "head", "body"),
    )
)
_MAGIC = re.compile(r"^[ \t]*[%!].*$", re.MULTILINE)


def is_judged(language_id: str) -> bool:
    """Whether the syntax of a language can be judged here."""
    return language_id == "python" or _parser(language_id) is not None


def errors(text: str, language_id: str) -> int | None:
    """The number of syntax errors of a text; None where the language cannot be judged here."""
    if language_id == "python":
        return _python_errors(text)
    parsed = tree(text, language_id)
    return None if parsed is None else sum(1 for _ in _bad(parsed.root_node, language_id))


def tree(text: str, language_id: str) -> Tree | None:
    """The syntax tree of a text; None where the grammar is not installed."""
    parser = _parser(language_id)
    return None if parser is None else parser.parse(_plain(text, language_id).encode())


def nodes(root: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the text."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def _python_errors(text: str) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(_plain(text, "python"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        parsed = tree(text, "python")
        found = 0 if parsed is None else sum(1 for _ in _bad(parsed.root_node, "python"))
        return max(1, found)
    return 0


def _plain(text: str, language_id: str) -> str:
    """The text without a notebook's magic lines and with lone surrogates replaced."""
    if language_id == "python":
        text = _MAGIC.sub(lambda found: "#" * len(found[0]), text)
    return text.encode("utf-8", "replace").decode()


def _bad(root: Node, language_id: str) -> Iterator[Node]:
    """Error and missing nodes; an error inside another is not counted again.

    Markup's grammar takes tags that do not match, so those count as errors too.
    """
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing or node.type == "erroneous_end_tag":
            yield node
            continue
        if language_id in MARKUP and node.type == "element" and _is_unclosed(node):
            yield node
        if node.has_error or language_id in MARKUP:
            waiting.extend(reversed(node.children))


def _is_unclosed(element: Node) -> bool:
    start = element.children[0] if element.children else None
    if start is None or start.type != "start_tag" or not start.named_children:
        return False
    name = (start.named_children[0].text or b"").decode(errors="replace").lower()
    return name not in _VOID and all(child.type != "end_tag" for child in element.children)


@cache
def _parser(language_id: str) -> Parser | None:
    if language_id not in GRAMMARS:
        return None
    package, function = GRAMMARS[language_id]
    try:
        from tree_sitter import Language, Parser

        module = importlib.import_module(package)
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a grammar's own binding
        return Parser(Language(getattr(module, function)()))
