"""Shared parts of actions that rewrite code: selecting, prompting, fitting the answer in."""

from __future__ import annotations

import ast
import re

from tabwright.assists.code_prompt import code_prompt
from tabwright.assists.request import ActionRequest, fence
from tabwright.core.action import Action, Kind, Proposal
from tabwright.core.message import Message
from tabwright.core.postprocess.replies import (
    common_indent,
    extract_code,
    fence_for,
    reindent,
    without_blank_edges,
)
from tabwright.core.prompting.chat import ChatMessage
from tabwright.core.syntax.python_parse import tree_of
from tabwright.core.syntax.regions import enclosing_block, outline
from tabwright.core.task import Nothing
from tabwright.core.text import Span, line_span, unix_line_ends

NO_CODE = Message("the model answered without code")
UNCHANGED = Message("the model changed nothing")
_CHARS_PER_TOKEN = 2.5
_MAX_SELECTION_CHARS = 12_000
_MAX_CONTEXT_CHARS = 2_500
_IMPORT = re.compile(r"(?:from\s++[\w.]+\s++import\s|import\s++\w)")


def selected_lines(request: ActionRequest) -> Span | Nothing:
    """Return the whole lines of the selection; without a selection the block around the cursor."""
    text, span = request.snapshot.text, request.span
    start, end = min(span.start, len(text)), min(span.end, len(text))
    if not text[start:end].strip():
        selected = enclosing_block(text, Span(start, end), request.snapshot.language_id)
    else:
        if end > start and text[end - 1] in "\r\n":
            end -= 1  # a selection that ends at the start of a line does not include that line
        last_definition = line_span(text, end).end
        selected = Span(line_span(text, start).start, _after_line_end(text, last_definition))
    if len(selected) > _MAX_SELECTION_CHARS:
        return Nothing(
            Message(
                "the selection is longer than {0} characters; select less of it",
                _MAX_SELECTION_CHARS,
            )
        )
    if not text[selected.start : selected.end].strip():
        return Nothing(Message("there is no code here"))
    return selected


def _after_line_end(text: str, at: int) -> int:
    if text.startswith("\r\n", at):
        return at + 2
    return min(len(text), at + 1)


def dedented_code(request: ActionRequest, span: Span) -> tuple[str, str]:
    """Return the lines of ``span`` without their common indentation, and that indentation."""
    code = unix_line_ends(request.snapshot.text[span.start : span.end])
    indent = common_indent(code.split("\n"))
    return reindent(code.removesuffix("\n"), "") + "\n", indent


def fenced(code: str, language_id: str) -> str:
    """Return the code in a Markdown fence longer than any run of backticks in the code."""
    ticks = fence_for(code)
    return f"{ticks}{fence(language_id)}\n{code.rstrip()}\n{ticks}"


def file_context(request: ActionRequest, span: Span) -> str:
    """Return the rest of the file as a paragraph of the prompt; of a large file an outline."""
    text, language_id = request.snapshot.text, request.snapshot.language_id
    if len(text) - len(span) <= _MAX_CONTEXT_CHARS:
        rest = unix_line_ends(
            f"{text[: span.start].rstrip()}\n\n{text[span.end :].lstrip()}"
        ).strip()
    else:
        rest = outline(text, span, language_id, _MAX_CONTEXT_CHARS).strip()
    if not rest:
        return ""
    return f"For context, the rest of the file:\n{fenced(rest, language_id)}\n\n"


def rewrite_action(
    kind: Kind,
    request: ActionRequest,
    span: Span,
    instruction: str,
    *,
    opening: str = "",
    from_scratch: bool = False,
    context: str | None = None,
) -> Action | Nothing:
    """Return the action that rewrites the lines of ``span`` by ``instruction``.

    ``opening`` is code that the answer must begin with, without the common indentation. With
    ``from_scratch`` the model sees nothing else of the lines. ``context`` is the prompt's first
    part; without it that is the rest of the file.
    """
    code, indent = dedented_code(request, span)
    language_id = request.snapshot.language_id
    shown_code = opening if from_scratch else code
    context = file_context(request, span) if context is None else context
    question = f"{context}{instruction.strip()}\n\n{fenced(shown_code, language_id)}"
    turns: list[ChatMessage] = []
    for turn in request.history:
        turns += [
            ChatMessage("user", turn.instruction),
            ChatMessage("assistant", fenced(turn.text, language_id)),
        ]
    max_tokens = round(len(code) / _CHARS_PER_TOKEN) + 256
    length = len(question) + sum(len(message.text) for message in turns)
    if length / _CHARS_PER_TOKEN + max_tokens > request.model.context_length:
        return Nothing(Message("the code and its context are too long for the model"))
    prompt, stop = code_prompt(request, question, language_id, opening, turns)
    return Action(
        kind=kind,
        snapshot=request.snapshot,
        span=span,
        language_id=language_id,
        prompt=prompt,
        stop=stop,
        max_tokens=max_tokens,
        opening=opening,
        draft=code.removeprefix(opening),
        indent=indent,
        instruction=request.instruction,
        diagnostics=request.diagnostics,
    )


def fit_answer(action: Action, answer: str) -> Proposal | Nothing:
    """Return the answer's code as a replacement for the action's lines, or why there is none."""
    code = without_blank_edges(action.opening + extract_code(answer, opened=True))
    if not code:
        return Nothing(NO_CODE)
    old = action.snapshot.text[action.span.start : action.span.end]
    old_code = unix_line_ends(old)
    imports: tuple[str, ...] = ()
    if action.language_id == "python":
        code = without_trailing_calls(code, old_code)
        code, imports = split_imports(code, old_code)
    text = reindent(code.removesuffix("\n"), action.indent)
    text = text if not old_code.endswith("\n") else text + "\n"
    # Blank lines around the old code are kept.
    blank_head = old_code[: len(old_code) - len(old_code.lstrip("\n"))]
    blank_tail = old_code[len(old_code.rstrip("\n")) :][1:]
    text = blank_head + text + blank_tail
    if text == old_code and not imports:
        return Nothing(UNCHANGED)
    if "\r\n" in old:
        text = text.replace("\n", "\r\n")
    return Proposal(text, imports)


def split_imports(code: str, old: str) -> tuple[str, tuple[str, ...]]:
    """Split leading import lines off the code, if the old code did not begin with imports."""
    if _IMPORT.match(old.lstrip()):
        return code, ()
    kept = code.split("\n")
    selected: list[str] = []
    while kept and (_IMPORT.match(kept[0]) or (selected and not kept[0].strip())):
        line = kept.pop(0)
        if line.count("(") != line.count(")"):
            return code, ()
        selected += [line.strip()] if line.strip() else []
    if not any(line.strip() for line in kept):
        return code, ()
    return "\n".join(kept), tuple(line for line in selected if line not in old)


def without_trailing_calls(code: str, old: str) -> str:
    """Return the code without statements after the last definition, if the old code had none."""
    dedented = reindent(old, "")
    old_tree, new_tree = tree_of(dedented), tree_of(code)
    if old_tree is None or new_tree is None:
        return code
    before, after = old_tree.body, new_tree.body
    defines = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    if not before or not all(isinstance(node, defines) for node in before):
        return code
    last_definition = max(
        (n for n, node in enumerate(after) if isinstance(node, defines)), default=None
    )
    if last_definition is None or last_definition == len(after) - 1:
        return code
    return "".join(f"{line}\n" for line in code.split("\n")[: after[last_definition].end_lineno])
