"""Add docstrings and comments, and check that the code itself is unchanged."""

from __future__ import annotations

import ast

from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import fit_answer, rewrite_action, selected_lines
from tabwright.core.action import Action, Proposal
from tabwright.core.languages import by_id
from tabwright.core.message import Message
from tabwright.core.postprocess.replies import reindent
from tabwright.core.syntax.excerpt import whole_document
from tabwright.core.syntax.python_parse import tree_of
from tabwright.core.task import Nothing
from tabwright.core.text import unix_line_ends

CHANGED = Message("the model changed the code and not only its comments")


def prepare(request: ActionRequest) -> Action | Nothing:
    """Return the action that documents the selected code, or why there is none."""
    span = selected_lines(request)
    if isinstance(span, Nothing):
        return span
    task = (
        "Add a docstring to each function and class that lacks one"
        if request.snapshot.language_id == "python"
        else "Add a documentation comment to each function and type that lacks one"
    )
    instruction = (
        f"{task}, and a short comment where the code is hard to follow. "
        "Do not change the code itself in any way. Return the whole code:"
    )
    return rewrite_action("document", request, span, instruction)


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """Return the documented code; Nothing if more than comments and docstrings changed."""
    proposal = fit_answer(action, answer)
    if isinstance(proposal, Nothing):
        return proposal
    old = action.snapshot.text[action.span.start : action.span.end]
    if proposal.imports or not same_code(old, proposal.text, action.language_id):
        return Nothing(CHANGED)
    return proposal


def same_code(old: str, new: str, language_id: str) -> bool:
    """Tell whether two texts are the same code apart from comments and docstrings.

    Python's syntax trees are compared; in other languages the text without comments and blanks.
    """
    if language_id == "python":
        left, right = _tree_without_docstrings(old), _tree_without_docstrings(new)
        return left is not None and left == right
    return _code_characters(old, language_id) == _code_characters(new, language_id)


def _tree_without_docstrings(source: str) -> str | None:
    tree = tree_of(reindent(unix_line_ends(source), ""))
    if tree is None:
        return None
    documented = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            # A body needs a statement, so ``pass`` replaces a body that is only a docstring.
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _code_characters(source: str, language_id: str) -> str:
    """Return the text without comments and blanks; strings are unchanged."""
    document = whole_document(source, by_id(language_id))
    kept = list(document.text)
    for comment in document.masked.comments:
        kept[comment.span.start : comment.span.end] = " " * len(comment.span)
    return "".join("".join(kept).split())
