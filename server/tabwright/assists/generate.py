"""Generate a function from a comment, a docstring or an empty body."""

from __future__ import annotations

from dataclasses import replace

from tabwright.assists.asking import for_code
from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import NO_CODE, about_the_file, fenced, fitted, split_imports
from tabwright.core.action import Action, Proposal
from tabwright.core.intent.intent import Asked, asked_at
from tabwright.core.languages import by_id
from tabwright.core.message import Message
from tabwright.core.postprocess.replies import code_in, reindent, without_blank_edges
from tabwright.core.prompting.prompt import Prompt
from tabwright.core.syntax.signatures import Signature
from tabwright.core.task import Nothing
from tabwright.core.text import Span, scrub_surrogates, unix_line_ends

EMPTY = Message("the model left the function empty")
NOT_ASKED = Message(
    "write a comment, a docstring or an empty function here that says what you want"
)
_BODIES = ("stub", "docstring")
_MOST_TOKENS = 600
_BEFORE = 3_000  # characters above that a plain continuation is shown
# What ends a function at the margin when the model simply writes the file on.
_AFTER_FUNCTION = (
    "\n\n\n",
    "\ndef ",
    "\nclass ",
    "\nif __name__",
    "\nprint(",
    "\n@",
    "\nassert ",
    "\n#",
)


def asks(request: ActionRequest) -> Asked | None:
    """What the user asks for at the place, None when they ask for nothing."""
    return asked_at(request.snapshot, request.span)


def prepare(request: ActionRequest) -> Action | Nothing:
    """What to ask to have the function written that a comment or a stub describes."""
    asked = asks(request)
    if asked is None:
        return Nothing(NOT_ASKED)
    if asked.signature is not None and asked.kind in _BODIES:
        return _body(request, asked, asked.signature)
    return _from_words(request, asked)


def _body(request: ActionRequest, asked: Asked, signature: Signature) -> Action | Nothing:
    """The whole function anew, its header and docstring as they stand."""
    text = request.snapshot.text
    span = Span(signature.span.start, max(signature.span.end, signature.rest.end))
    kept = unix_line_ends(text[span.start : signature.rest.start])
    opening = reindent(kept.removesuffix("\n"), "") + "\n"
    words = (
        f"Complete this {by_id(asked.language_id).name} function so that it does what it says, "
        "for every input. Keep its signature and documentation as they are."
    )
    if asked.inside:
        words += f" It is a method of {asked.inside}."
    if asked.words and asked.words not in signature.doc:
        words += f"\n{asked.words}"
    question = f"{about_the_file(request, span)}{words}\n\n{fenced(opening, asked.language_id)}"
    if request.attempt % 2 and asked.language_id == "python" and not signature.indent:
        before = text[max(0, span.start - _BEFORE) : span.start]
        prompt = Prompt(
            (scrub_surrogates(unix_line_ends(before)) + opening,), request.model.family.specials
        )
        stop: tuple[str, ...] = _AFTER_FUNCTION
    else:
        prompt, stop = for_code(request, question, asked.language_id, opening)
    return _action(request, asked, span, prompt, stop, opening, signature.indent)


def _from_words(request: ActionRequest, asked: Asked) -> Action | Nothing:
    """New lines below a comment."""
    text, language = request.snapshot.text, by_id(asked.language_id)
    above = unix_line_ends(text[max(0, asked.span.start - _BEFORE) : asked.span.start])
    said = [f"Write the {language.name} code that this comment asks for:", asked.words]
    if asked.name:
        said.append(f"It is called {asked.name}.")
    said += [f"{call} gives {result}." for call, result in asked.examples]
    if asked.inside:
        said.append(f"It is a method of {asked.inside}.")
    said.append("Answer with that code alone: no examples of its use, nothing that exists already.")
    question = "\n".join(said)
    if above.strip():
        question = f"The file so far:\n{fenced(above, asked.language_id)}\n\n{question}"
    prompt, stop = for_code(request, question, asked.language_id)
    return _action(request, asked, asked.span, prompt, stop, "", asked.indent)


def _action(
    request: ActionRequest,
    asked: Asked,
    span: Span,
    prompt: Prompt,
    stop: tuple[str, ...],
    opening: str,
    indent: str,
) -> Action:
    return Action(
        kind="generate",
        snapshot=request.snapshot,
        span=span,
        language_id=asked.language_id,
        prompt=prompt,
        stop=stop,
        max_tokens=_MOST_TOKENS,
        opening=opening,
        indent=indent,
        instruction=asked.words,
    )


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """The function in its place, or why there is none."""
    found = fitted(action, answer) if len(action.span) else _below(action, answer)
    if isinstance(found, Nothing) or not _is_empty(action, found.text):
        return found
    return Nothing(EMPTY)


def _below(action: Action, answer: str) -> Proposal | Nothing:
    """The code as new lines."""
    code = without_blank_edges(action.opening + code_in(answer, opened=True))
    if not code:
        return Nothing(NO_CODE)
    imports: tuple[str, ...] = ()
    if action.language_id == "python":
        code, imports = split_imports(code, "")
    text = action.snapshot.text
    lead = "" if not action.span.start or text[action.span.start - 1] in "\r\n" else "\n"
    placed = lead + reindent(code.removesuffix("\n"), action.indent) + "\n"
    return Proposal(placed.replace("\n", "\r\n") if "\r\n" in text else placed, imports)


def _is_empty(action: Action, code: str) -> bool:
    """Whether the code is a function whose body still is to be written."""
    start = len(code) - len(code.lstrip())
    asked = asked_at(replace(action.snapshot, text=code), Span(start, start))
    return asked is not None and asked.signature is not None and asked.kind in _BODIES
