"""Document: docstrings and comments, and proof that the code stayed the same."""

from __future__ import annotations

import ast

from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import fit_answer, rewrite_action, selected_lines
from tabwright.core.action import Action, Proposal
from tabwright.core.languages import by_id
from tabwright.core.message import Message
from tabwright.core.postprocess.replies import reindent
from tabwright.core.syntax.python_parse import tree_of
from tabwright.core.syntax.surroundings import whole_document
from tabwright.core.task import Nothing
from tabwright.core.text import unix_line_ends

CHANGED = Message("the model changed the code and not only its comments")


def prepare(request: ActionRequest) -> Action | Nothing:
    """What to ask to have the code at a place documented."""
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
    """The documented code; Nothing unless it is the same code but for comments and docstrings."""
    proposal = fit_answer(action, answer)
    if isinstance(proposal, Nothing):
        return proposal
    old = action.snapshot.text[action.span.start : action.span.end]
    if proposal.imports or not same_code(old, proposal.text, action.language_id):
        return Nothing(CHANGED)
    return proposal


def same_code(old: str, new: str, language_id: str) -> bool:
    """Whether two texts are the same code: equal syntax trees without docstrings in Python, equal
    text without comments and blanks elsewhere.
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
            # A body of a docstring alone still needs a statement, which `pass` would be as well.
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _code_characters(source: str, language_id: str) -> str:
    """The text without its comments and blanks; strings as they stand."""
    document = whole_document(source, by_id(language_id))
    kept = list(document.text)
    for comment in document.masked.comments:
        kept[comment.span.start : comment.span.end] = " " * len(comment.span)
    return "".join("".join(kept).split())
