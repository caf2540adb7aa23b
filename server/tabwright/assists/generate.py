"""Generate a function from a comment, a docstring or an empty body."""

from __future__ import annotations

from dataclasses import replace

from tabwright.assists.code_prompt import code_prompt
from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import NO_CODE, fenced, file_context, fit_answer, split_imports
from tabwright.core.action import Action, Proposal
from tabwright.core.intent.intent import Intent, intent_at
from tabwright.core.languages import by_id
from tabwright.core.message import Message
from tabwright.core.postprocess.replies import extract_code, reindent, without_blank_edges
from tabwright.core.prompting.prompt import Prompt
from tabwright.core.syntax.signatures import Signature
from tabwright.core.task import Nothing
from tabwright.core.text import Span, scrub_surrogates, unix_line_ends

EMPTY_FUNCTION = Message("the model left the function empty")
NO_INTENT = Message(
    "write a comment, a docstring or an empty function here that describes the code"
)
_STUB_KINDS = ("stub", "docstring")
_MAX_TOKENS = 600
_CONTEXT_CHARS = 3_000  # characters above the function that are shown to the model
# Stop texts for a top-level function when the model continues the file.
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


def intent_of(request: ActionRequest) -> Intent | None:
    """Return the request for code at the selection, None if there is none."""
    return intent_at(request.snapshot, request.span)


def prepare(request: ActionRequest) -> Action | Nothing:
    """Return the action that generates what a comment or stub describes, or why there is none."""
    intent = intent_of(request)
    if intent is None:
        return Nothing(NO_INTENT)
    if intent.signature is not None and intent.kind in _STUB_KINDS:
        return _complete_stub(request, intent, intent.signature)
    return _from_comment(request, intent)


def _complete_stub(
    request: ActionRequest, intent: Intent, signature: Signature
) -> Action | Nothing:
    """Return the action that generates the whole function; header and docstring are kept."""
    text = request.snapshot.text
    span = Span(signature.span.start, max(signature.span.end, signature.rest.end))
    header_text = unix_line_ends(text[span.start : signature.rest.start])
    opening = reindent(header_text.removesuffix("\n"), "") + "\n"
    instruction = (
        f"Complete this {by_id(intent.language_id).name} function so that it does what it says, "
        "for every input. Keep its signature and documentation as they are."
    )
    if intent.container:
        instruction += f" It is a method of {intent.container}."
    if intent.text and intent.text not in signature.doc:
        instruction += f"\n{intent.text}"
    question = (
        f"{file_context(request, span)}{instruction}\n\n{fenced(opening, intent.language_id)}"
    )
    if request.attempt % 2 and intent.language_id == "python" and not signature.indent:
        before = text[max(0, span.start - _CONTEXT_CHARS) : span.start]
        prompt = Prompt(
            (scrub_surrogates(unix_line_ends(before)) + opening,), request.model.family.specials
        )
        stop: tuple[str, ...] = _AFTER_FUNCTION
    else:
        prompt, stop = code_prompt(request, question, intent.language_id, opening)
    return _action(request, intent, span, prompt, stop, opening, signature.indent)


def _from_comment(request: ActionRequest, intent: Intent) -> Action | Nothing:
    """Return the action that inserts new lines below a comment."""
    text, language = request.snapshot.text, by_id(intent.language_id)
    above = unix_line_ends(text[max(0, intent.span.start - _CONTEXT_CHARS) : intent.span.start])
    question_lines = [f"Write the {language.name} code that this comment asks for:", intent.text]
    if intent.name:
        question_lines.append(f"It is called {intent.name}.")
    question_lines += [f"{call} gives {result}." for call, result in intent.examples]
    if intent.container:
        question_lines.append(f"It is a method of {intent.container}.")
    question_lines.append(
        "Answer with that code alone: no examples of its use, nothing that exists already."
    )
    question = "\n".join(question_lines)
    if above.strip():
        question = f"The file so far:\n{fenced(above, intent.language_id)}\n\n{question}"
    prompt, stop = code_prompt(request, question, intent.language_id)
    return _action(request, intent, intent.span, prompt, stop, "", intent.indent)


def _action(
    request: ActionRequest,
    intent: Intent,
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
        language_id=intent.language_id,
        prompt=prompt,
        stop=stop,
        max_tokens=_MAX_TOKENS,
        opening=opening,
        indent=indent,
        instruction=intent.text,
    )


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """Return the generated code in place, or why there is none."""
    found = fit_answer(action, answer) if len(action.span) else _insert_below(action, answer)
    if isinstance(found, Nothing) or not _is_empty(action, found.text):
        return found
    return Nothing(EMPTY_FUNCTION)


def _insert_below(action: Action, answer: str) -> Proposal | Nothing:
    """Return the answer's code as new lines at the action's empty span."""
    code = without_blank_edges(action.opening + extract_code(answer, opened=True))
    if not code:
        return Nothing(NO_CODE)
    imports: tuple[str, ...] = ()
    if action.language_id == "python":
        code, imports = split_imports(code, "")
    text = action.snapshot.text
    first_line_end = "" if not action.span.start or text[action.span.start - 1] in "\r\n" else "\n"
    new_lines = first_line_end + reindent(code.removesuffix("\n"), action.indent) + "\n"
    return Proposal(new_lines.replace("\n", "\r\n") if "\r\n" in text else new_lines, imports)


def _is_empty(action: Action, code: str) -> bool:
    """Tell whether the code is a function whose body is still empty."""
    start = len(code) - len(code.lstrip())
    intent = intent_at(replace(action.snapshot, text=code), Span(start, start))
    return intent is not None and intent.signature is not None and intent.kind in _STUB_KINDS
