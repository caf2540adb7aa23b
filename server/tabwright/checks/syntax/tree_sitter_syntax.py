"""Other languages than Python: nodes of the syntax tree that are errors, before and after."""

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


_SLICE = 1024  # bytes
_MOST_S = 0.9  # of CPU time; a text without errors takes some 0.4 s for each megabyte


class NoSyntaxTree(MessageError):
    """A tree cannot be had, mostly for want of a grammar; the message says why."""


def error_lines(text: str, language_id: str) -> list[int]:
    """The lines (from 1) of the tree's error and missing nodes, in order.

    Raises NoGrammar when there is no parser for the language.
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
    """The tree of a text; raises NoGrammar, also where the parser takes too long.

    The parser keeps all other threads waiting, but for the calls of the functions given to it.
    """
    grammar = _grammar(language_id)
    from tree_sitter import Parser

    started = time.thread_time()

    def read(at: int, _: object) -> bytes:
        return raw[at : at + _SLICE]

    def is_too_long(at: int, has_error: bool) -> bool:
        return time.thread_time() - started > _MOST_S

    try:
        return Parser(grammar).parse(read, progress_callback=is_too_long)
    except ValueError as error:
        name = by_id(language_id).name
        raise NoSyntaxTree(
            Message("the parser for {0} takes too long for this text", name)
        ) from error


def check_syntax(candidate: EditCandidate, changes: LineChanges) -> tuple[Fault, ...]:
    """A fault when the tree has more errors than before."""
    try:
        now = error_lines(candidate.after, candidate.language_id)
        if not now:
            return ()
        if len(now) <= len(error_lines(candidate.before, candidate.language_id)):
            return ()
    except NoSyntaxTree as error:
        return (Fault("checker", Message("{0}, so the syntax was not checked", error)),)
    near = [line for line in now if line in changes.new_lines] or now
    name = by_id(candidate.language_id).name
    return (Fault("syntax", Message("it does not parse as {0}", name), near[0]),)


def _error_starts(root: Node) -> Iterator[int]:
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
        raise NoSyntaxTree(Message("no parser for {0} is installed", name))
    package, function = GRAMMARS[language_id]
    try:
        from tree_sitter import Language

        return Language(getattr(importlib.import_module(package), function)())
    except (ImportError, AttributeError, ValueError) as error:
        raise NoSyntaxTree(
            Message("the parser for {0} cannot be loaded ({1})", name, error)
        ) from error
