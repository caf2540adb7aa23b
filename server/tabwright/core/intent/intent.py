"""Find the request for code at an offset: a comment, a TODO, a docstring or an empty function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tabwright.core.intent.comment_requests import (
    is_explicit_request,
    is_todo,
    may_be_request,
    request_text,
)
from tabwright.core.intent.description import ParsedDocstring, parse_docstring
from tabwright.core.intent.examples import Example
from tabwright.core.languages import by_id
from tabwright.core.syntax.comments import Comment, CommentBlock, blocks, comment_of
from tabwright.core.syntax.containers import Container, container_at, owner_in
from tabwright.core.syntax.excerpt import Excerpt, excerpt_around
from tabwright.core.syntax.extents import indent_columns, indent_unit
from tabwright.core.syntax.parameters import Parameter
from tabwright.core.syntax.signatures import Signature, comment_above, signature_near
from tabwright.core.syntax.stubs import is_placeholder
from tabwright.core.text import Snapshot, Span, indent_of

Kind = Literal["comment", "stub", "docstring", "todo"]

_MAX_SELECTION_CHARS = 20_000
_ABSTRACT_MARKERS = ("overload", "abstractmethod", "abstractproperty", "abstract")
_RECEIVERS = ("self", "cls", "&self", "&mut self", "this")
_BODILESS_CONTAINERS = ("interface", "trait", "protocol")


@dataclass(frozen=True)
class Intent:
    """A request for code found in a document; a missing part is "" or empty.

    ``text`` is the user's text without comment signs. ``span`` holds the whole lines that the code
    may replace: the body of a stub after its docstring; the whole function where body and header
    share a line or one of them is incomplete; for a comment an empty span at the start of the line
    below it, or at the text's end. ``indent`` is the indentation of the code to write.
    ``container`` is the name of the enclosing class. ``signature`` is the stub's, or that of the
    function around a comment.
    """

    language_id: str
    kind: Kind
    text: str
    name: str
    parameters: tuple[Parameter, ...]
    result: str
    examples: tuple[Example, ...]
    constraints: tuple[str, ...]
    span: Span
    indent: str
    container: str
    signature: Signature | None


def intent_at(snapshot: Snapshot, span: Span) -> Intent | None:
    """Return the request at a selection, or at the cursor when the span is empty.

    None when there is no request, or when the selection extends beyond it.
    Raises ValueError when the span lies outside the text.
    """
    selected = snapshot.text[span.start : span.end] if len(span) <= _MAX_SELECTION_CHARS else None
    if selected is None:
        return None
    begin = span.start + len(selected) - len(selected.lstrip())
    begin = begin if selected.strip() else span.start
    excerpt = excerpt_around(snapshot.text, begin, by_id(snapshot.language_id))
    if excerpt is None:
        return None
    found = _stub_intent(snapshot, excerpt) or _comment_intent(snapshot, excerpt)
    if found is None:
        return None
    intent, end = found
    return intent if span.start + len(selected.rstrip()) <= max(end, begin) else None


def _stub_intent(snapshot: Snapshot, excerpt: Excerpt) -> tuple[Intent, int] | None:
    """Return the request of a function with an empty body, and the function's end offset."""
    comment_blocks = blocks(excerpt)
    signature = signature_near(excerpt, excerpt.at) or _stub_below_comment(excerpt, comment_blocks)
    if signature is None or not signature.is_stub:
        return None
    container = container_at(snapshot.text, signature.header.start)
    if _is_empty_by_design(snapshot, signature, container):
        return None
    text = _stub_text(excerpt, comment_blocks, signature)
    described = parse_docstring(text, signature.name)
    intent = _intent(
        excerpt, "docstring" if signature.doc else "stub", text, described, _stub_span(signature)
    )
    intent = replace(
        intent,
        name=signature.name,
        parameters=_with_described_types(signature.parameters, described.parameters),
        result=signature.result or described.result,
        indent=_stub_indent(excerpt, signature),
        container=_container_name(excerpt, signature, container),
        signature=signature,
    )
    return intent, signature.span.end


def _stub_below_comment(
    excerpt: Excerpt, comment_blocks: tuple[CommentBlock, ...]
) -> Signature | None:
    """Return the function that begins directly below the comment at the cursor."""
    for block in comment_blocks:
        if block.start <= excerpt.at < block.end and block.kind != "string":
            signature = signature_near(excerpt, min(block.end, len(excerpt.text)))
            top = signature.span.start - excerpt.base if signature else -1
            return signature if top == block.end else None
    return None


def _is_empty_by_design(
    snapshot: Snapshot, signature: Signature, container: Container | None
) -> bool:
    """Tell whether the body is empty on purpose: overloads, abstract methods, interfaces."""
    markers = (marker.strip("@").split("(")[0].split(".")[-1] for marker in signature.decorators)
    if snapshot.uri.endswith(".pyi") or any(marker in _ABSTRACT_MARKERS for marker in markers):
        return True
    if container is None:
        return False
    bodiless = container.kind in _BODILESS_CONTAINERS and not signature.complete
    return bodiless or "Protocol" in container.header


def _stub_text(
    excerpt: Excerpt, comment_blocks: tuple[CommentBlock, ...], signature: Signature
) -> str:
    top = signature.span.start - excerpt.base
    above = comment_above(excerpt, comment_blocks, top)
    start, end = (signature.header.end - excerpt.base, signature.span.end - excerpt.base)
    inner = [
        block for block in comment_blocks if start <= block.start < end and block.kind != "string"
    ]
    parts = [comment_of(excerpt, above).text] if above else []
    parts += [signature.doc, *(comment_of(excerpt, block).text for block in inner)]
    described = [
        request_text(part) for part in parts if may_be_request(part) or part == signature.doc
    ]
    return "\n".join(dict.fromkeys(part for part in described if part))


def _stub_span(signature: Signature) -> Span:
    if signature.complete:
        return signature.rest
    return Span(signature.header.start, signature.span.end)


def _stub_indent(excerpt: Excerpt, signature: Signature) -> str:
    if not signature.complete:
        return signature.indent
    body = excerpt.text[signature.body.start - excerpt.base : signature.body.end - excerpt.base]
    margin = indent_columns(signature.indent + "x")
    for line in body.split("\n"):
        if line.strip() and indent_columns(line) > margin:
            return indent_of(line)
    return signature.indent + indent_unit(excerpt)


def _with_described_types(
    parameters: tuple[Parameter, ...], described: tuple[Parameter, ...]
) -> tuple[Parameter, ...]:
    """Return the parameters without receivers; missing types are taken from the description."""
    types = {parameter.name: parameter.type for parameter in described}
    return tuple(
        replace(parameter, type=parameter.type or types.get(parameter.name, ""))
        for parameter in parameters
        if parameter.name not in _RECEIVERS
    )


def _container_name(excerpt: Excerpt, signature: Signature, container: Container | None) -> str:
    scope = signature.name.rpartition("::")[0]
    header = excerpt.line(signature.header.start - excerpt.base)
    return container.name if container else scope or owner_in(header)


def _comment_intent(snapshot: Snapshot, excerpt: Excerpt) -> tuple[Intent, int] | None:
    """Return the request of a comment that describes no existing code, and its end offset."""
    block = _comment_block_at(excerpt)
    if block is None:
        return None
    comment = comment_of(excerpt, block)
    if not may_be_request(comment.text) or not _is_request(excerpt, block, comment):
        return None
    is_todo_comment = is_todo(comment.text)
    text = request_text(comment.text)
    kind: Kind = "todo" if is_todo_comment else "docstring" if comment.string else "comment"
    container = container_at(snapshot.text, comment.span.start)
    intent = replace(
        _intent(excerpt, kind, text, parse_docstring(text), _span_below(excerpt, block)),
        indent=comment.indent,
        container=container.name if container else "",
        signature=signature_near(excerpt, block.start),
    )
    return intent, max(comment.span.end, intent.span.end)


def _comment_block_at(excerpt: Excerpt) -> CommentBlock | None:
    """Return the comment at the cursor, or above it with at most one blank line between."""
    line = excerpt.line_start(excerpt.at)
    comment_blocks = blocks(excerpt)
    for _ in range(3):
        for block in comment_blocks:
            if block.start <= line < block.end or (block.end == line == len(excerpt.text)):
                return block
        if excerpt.line(line).strip() or line == 0:
            return None
        line = excerpt.line_start(line - 1)
    return None


def _is_request(excerpt: Excerpt, block: CommentBlock, comment: Comment) -> bool:
    """Tell whether a comment is a request, not a description of the code below it."""
    following = _next_code_start(excerpt, block.end)
    ends = following < 0 or indent_columns(excerpt.line(following)) < indent_columns(
        comment.indent + "x"
    )
    if comment.string:
        before = excerpt.masked.code[: block.start].rstrip()
        if not before:
            return following < 0
        header = before[before.rfind("\n") + 1 :].split()
        opened = before.endswith(":") and bool(header)
        in_class = opened and header[0] == "class"
        if opened:
            return in_class and (ends or _placeholder_end(excerpt, block) > block.end)
    if is_explicit_request(comment.text):
        return True
    below = excerpt.line(block.end) if block.end < len(excerpt.text) else ""
    return ends or not below.strip() or _placeholder_end(excerpt, block) > block.end


def _next_code_start(excerpt: Excerpt, at: int) -> int:
    code = excerpt.masked.code[at:]
    rest = code.lstrip()
    return at + len(code) - len(rest) if rest else -1


def _placeholder_end(excerpt: Excerpt, block: CommentBlock) -> int:
    """Return the end of the placeholder directly below a comment; the comment's end if none."""
    at = block.end
    line = excerpt.bare[at : excerpt.line_end(at)]
    same = indent_columns(line) == indent_columns(excerpt.line(block.start))
    if line.strip() and same and is_placeholder(line, excerpt.language.id):
        return excerpt.next_line(at)
    return at


def _span_below(excerpt: Excerpt, block: CommentBlock) -> Span:
    return excerpt.span(block.end, _placeholder_end(excerpt, block))


def _intent(
    excerpt: Excerpt, kind: Kind, text: str, described: ParsedDocstring, span: Span
) -> Intent:
    return Intent(
        excerpt.language.id,
        kind,
        text,
        described.name,
        described.parameters,
        described.result,
        described.examples,
        described.constraints,
        span,
        indent="",
        container="",
        signature=None,
    )
