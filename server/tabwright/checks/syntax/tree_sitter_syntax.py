"""Check the syntax of other languages than Python: error nodes of the tree, before and after."""

from __future__ import annotations

import importlib
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from tabwright.checks.faults import EditCandidate, Fault
from tabwright.checks.lines import LineChanges
from tabwright.core.languages import by_id
from tabwright.core.message import Message, MessageError
from tabwright.core.text import line_starts, scrub_surrogates

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Tree

# Language id: the package of its grammar, and the function in it that returns the grammar.
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


_SLICE = 1024  # bytes
_MAX_CPU_S = 0.9  # of CPU time; a text without errors takes some 0.4 s for each megabyte


class NoSyntaxTree(MessageError):
    """There is no tree of a text, mostly because no grammar is installed; the message says why."""


def error_lines(text: str, language_id: str) -> list[int]:
    """Return the lines, from 1, of the tree's error and missing nodes, in order.

    Raises NoSyntaxTree when there is no parser for the language.
    """
    raw = scrub_surrogates(text).encode("utf-8")
    root = _tree(raw, language_id).root_node
    starts, found = line_starts(text), list[int]()
    at = characters = 0
    for start in sorted(_error_starts(root)):  # in bytes
        characters += len(raw[at:start].decode("utf-8", "ignore"))
        at = start
        found.append(bisect_right(starts, characters))
    return found


def _tree(raw: bytes, language_id: str) -> Tree:
    """Parse a text; raises NoSyntaxTree, also when the parser takes longer than 0.9 s of CPU time.

    The parser holds the GIL, except in its calls of the two functions below.
    """
    grammar = _grammar(language_id)
    from tree_sitter import Parser

    started = time.thread_time()

    def read(at: int, _: object) -> bytes:
        return raw[at : at + _SLICE]

    def is_too_long(at: int, has_error: bool) -> bool:
        return time.thread_time() - started > _MAX_CPU_S

    try:
        return Parser(grammar).parse(read, progress_callback=is_too_long)
    except ValueError as error:
        name = by_id(language_id).name
        raise NoSyntaxTree(
            Message("the parser for {0} takes too long for this text", name)
        ) from error


def check_syntax(candidate: EditCandidate, changes: LineChanges) -> tuple[Fault, ...]:
    """Return a fault when the tree has more errors than before."""
    try:
        after = error_lines(candidate.after, candidate.language_id)
        if not after:
            return ()
        if len(after) <= len(error_lines(candidate.before, candidate.language_id)):
            return ()
    except NoSyntaxTree as error:
        return (Fault("checker", Message("{0}, so the syntax was not checked", error)),)
    changed = [line for line in after if line in changes.new_lines] or after
    name = by_id(candidate.language_id).name
    return (Fault("syntax", Message("it does not parse as {0}", name), changed[0]),)


def _error_starts(root: Node) -> Iterator[int]:
    """Yield the byte offsets of error and missing nodes; an error inside another is skipped."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.is_error or node.is_missing:
            yield node.start_byte
        elif node.has_error:
            pending.extend(reversed(node.children))


@cache
def _grammar(language_id: str) -> Language:
    name = by_id(language_id).name
    if language_id not in GRAMMARS:
        raise NoSyntaxTree(Message("no parser for {0} is installed", name))
    package, function = GRAMMARS[language_id]
    try:
        from tree_sitter import Language

        return Language(getattr(importlib.import_module(package), function)())
    except (ImportError, AttributeError, ValueError) as error:
        raise NoSyntaxTree(
            Message("the parser for {0} cannot be loaded ({1})", name, error)
        ) from error
