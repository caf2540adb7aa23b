"""Translate a selection or a whole file to another language, as a new document."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from tabwright.assists.code_prompt import code_prompt
from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import NO_CODE, fenced
from tabwright.core.action import Action, Proposal
from tabwright.core.languages import by_id
from tabwright.core.message import Message
from tabwright.core.postprocess.replies import extract_code, reindent, without_blank_edges
from tabwright.core.task import Nothing
from tabwright.core.text import Span, unix_line_ends

TARGETS = (
    "python",
    "javascript",
    "typescript",
    "java",
    "cpp",
    "c",
    "go",
    "rust",
    "csharp",
    "shellscript",
)
_PUBLIC_CLASS = re.compile(
    r"^[^\S\n]*+public\s++(?:final\s++|abstract\s++)*class\s++(\w+)", re.MULTILINE
)
_PUBLIC_TYPE = re.compile(r"public\s++(?:final\s++|abstract\s++)*(?:class|interface|enum|record)\b")
_MAX_CODE_CHARS = 12_000
_MAX_INDENTED_FACTOR = 8  # limit with indentation, as a multiple of the limit without
_TOKEN_GROWTH = 2.0  # how many times as many tokens the translation may have
_CHARS_PER_TOKEN = 2.5


def prepare(request: ActionRequest) -> Action | Nothing:
    """Return the action that translates the selection or document, or why there is none."""
    source, target = request.snapshot.language_id, request.target
    if target not in TARGETS:
        return Nothing(Message("choose one of these languages: {0}", ", ".join(TARGETS)))
    if source == target:
        return Nothing(Message("the code is already in {0}", by_id(target).name))
    text = request.snapshot.text
    selected = text[request.span.start : request.span.end]
    span = request.span if selected.strip() else Span(0, len(text))
    # A longer text is refused below, so removing its indentation would be wasted time.
    code = reindent(
        unix_line_ends(text[span.start : span.end][: _MAX_INDENTED_FACTOR * _MAX_CODE_CHARS]), ""
    )
    if not code.strip():
        return Nothing(Message("there is no code here"))
    if len(code) > _MAX_CODE_CHARS or len(span) > _MAX_INDENTED_FACTOR * _MAX_CODE_CHARS:
        return Nothing(
            Message("the code is longer than {0} characters; select less of it", _MAX_CODE_CHARS)
        )
    language = by_id(target).name
    declaration = unix_line_ends(request.declaration).strip("\n")
    instruction = (
        f"Translate this {by_id(source).name} code to {language}. Keep what it does exactly the "
        f"same, use {language}'s own naming and standard library, and leave nothing out."
    )
    if declaration:
        instruction += f" It must have this declaration:\n\n{fenced(declaration, target)}"
    question = f"{instruction}\n\n{fenced(code, source)}"
    opening = f"{declaration}\n" if declaration.rstrip().endswith(("{", ":")) else ""
    max_tokens = min(round(len(code) / _CHARS_PER_TOKEN * _TOKEN_GROWTH) + 256, 2048)
    if (
        len(question) + len(opening)
    ) / _CHARS_PER_TOKEN + max_tokens > request.model.context_length:
        return Nothing(Message("the code is too long for the model; select less of it"))
    prompt, stop = code_prompt(request, question, target, opening)
    return Action(
        kind="translate",
        snapshot=request.snapshot,
        span=span,
        language_id=target,
        prompt=prompt,
        stop=stop,
        max_tokens=max_tokens,
        opening=opening,
        new_document=_new_file_name(request.snapshot.uri, target),
        instruction=request.instruction,
    )


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """Return the new document's text, or why there is none."""
    code = without_blank_edges(action.opening + extract_code(answer, opened=True))
    if not code:
        return Nothing(NO_CODE)
    if action.language_id == "java":
        code = _one_public_class(code)
    return Proposal(code)


def _new_file_name(uri: str, target: str) -> str:
    """Return the file name with the target's extension; ``with_file_name`` corrects Java's."""
    name = unquote(urlsplit(uri).path).rsplit("/", 1)[-1]
    stem = name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name
    return f"{stem or 'translation'}{by_id(target).extensions[0]}"


def with_file_name(action: Action, text: str) -> Action:
    """Return the action with the required file name: that of the public class in Java."""
    found = _PUBLIC_CLASS.search(text)
    if action.language_id != "java" or found is None:
        return action
    return replace(action, new_document=f"{found[1]}.java")


def _one_public_class(code: str) -> str:
    """Return Java code in which only the first class is public, as Java requires in one file."""
    has_public_type = False
    lines = []
    for line in code.split("\n"):
        if _PUBLIC_TYPE.match(line):
            line = line.removeprefix("public").lstrip() if has_public_type else line
            has_public_type = True
        lines.append(line)
    return "\n".join(lines)
