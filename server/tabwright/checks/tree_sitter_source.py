"""Other languages than Python: nodes of the syntax tree that are errors, before and after."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from tabwright.checks.faults import Fault, Subject
from tabwright.checks.lines import Changes, line_of
from tabwright.core.languages import by_id
from tabwright.core.text import scrub_surrogates

if TYPE_CHECKING:
    from tree_sitter import Language, Node

# Language id: the package of its grammar and the function in it that gives it.
GRAMMARS: Mapping[str, tuple[str, str]] = {
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
    "java": ("tree_sitter_java", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "shellscript": ("tree_sitter_bash", "language"),
}


class NoGrammar(Exception):
    """A language's grammar cannot be had; the message says why."""


def errors(text: str, language_id: str) -> list[int]:
    """The lines (from 1) of the tree's error and missing nodes, in order.

    Raises NoGrammar when there is no parser for the language.
    """
    raw = scrub_surrogates(text).encode("utf-8")
    grammar = _grammar(language_id)
    from tree_sitter import Parser

    root = Parser(grammar).parse(raw).root_node
    # Offsets in the tree are bytes.
    return [line_of(text, len(raw[:start].decode("utf-8", "ignore"))) for start in _bad(root)]


def check_syntax(subject: Subject, changes: Changes) -> tuple[Fault, ...]:
    """A fault when the tree has more errors than before."""
    try:
        now = errors(subject.after, subject.language_id)
        if not now:
            return ()
        if len(now) <= len(errors(subject.before, subject.language_id)):
            return ()
    except NoGrammar as error:
        return (Fault("checker", f"{error}, so whether it parses was not checked"),)
    near = [line for line in now if line in changes.new] or now
    name = by_id(subject.language_id).name
    return (Fault("syntax", f"it does not parse as {name}", near[0]),)


def _bad(root: Node) -> Iterator[int]:
    """Where error and missing nodes begin; an error inside another is not counted again."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield node.start_byte
        elif node.has_error:
            waiting.extend(reversed(node.children))


@cache
def _grammar(language_id: str) -> Language:
    name = by_id(language_id).name
    if language_id not in GRAMMARS:
        raise NoGrammar(f"there is no parser for {name} here")
    package, function = GRAMMARS[language_id]
    try:
        from tree_sitter import Language

        return Language(getattr(importlib.import_module(package), function)())
    except (ImportError, AttributeError, ValueError) as error:
        raise NoGrammar(f"the parser for {name} cannot be loaded ({error})") from error
