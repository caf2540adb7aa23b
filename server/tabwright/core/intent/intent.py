"""What is asked for at a place in a document: by a comment, a TODO, a docstring or a bare stub."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tabwright.core.intent.comment_requests import asks, is_todo, may_be_request, request_text
from tabwright.core.intent.description import ParsedDocstring, parse_docstring
from tabwright.core.intent.examples import Example
from tabwright.core.languages import by_id
from tabwright.core.syntax.comments import Comment, CommentBlock, blocks, comment_of
from tabwright.core.syntax.containers import Container, container_at, owner_in
from tabwright.core.syntax.extents import columns, unit
from tabwright.core.syntax.parameters import Parameter
from tabwright.core.syntax.signatures import Signature, comment_above, signature_near
from tabwright.core.syntax.stubs import is_placeholder
from tabwright.core.syntax.surroundings import Surroundings, around
from tabwright.core.text import Snapshot, Span, indent_of

Kind = Literal["comment", "stub", "docstring", "todo"]

_LONGEST_SELECTION = 20_000
_INTENDED = ("overload", "abstractmethod", "abstractproperty", "abstract")
_RECEIVERS = ("self", "cls", "&self", "&mut self", "this")
_BODILESS = ("interface", "trait", "protocol")


@dataclass(frozen=True)
class Asked:
    """A request found in a document; what was not told is "" or empty.

    ``words`` are what the user said, without comment signs. ``span`` holds the whole lines an
    answer may replace: the body of a stub after its docstring, the whole function where body and
    header share lines or something of them is missing, else nothing (an empty span at the start of
    the line below the words, or at the text's end). ``indent`` is that of the code to write.
    ``inside`` names the class around, ``signature`` is the stub, or the function around a comment.
    """

    language_id: str
    kind: Kind
    words: str
    name: str
    parameters: tuple[Parameter, ...]
    result: str
    examples: tuple[Example, ...]
    constraints: tuple[str, ...]
    span: Span
    indent: str
    inside: str
    signature: Signature | None


def asked_at(snapshot: Snapshot, span: Span) -> Asked | None:
    """What is asked for at a selection, or at the cursor when the span is empty.

    None when nothing is, or when the selection goes beyond the request.
    Raises ValueError when the span lies outside the text.
    """
    selected = snapshot.text[span.start : span.end] if len(span) <= _LONGEST_SELECTION else None
    if selected is None:
        return None
    begin = span.start + len(selected) - len(selected.lstrip())
    begin = begin if selected.strip() else span.start
    near = around(snapshot.text, begin, by_id(snapshot.language_id))
    if near is None:
        return None
    found = _in_stub(snapshot, near) or _in_comment(snapshot, near)
    if found is None:
        return None
    asked, end = found
    return asked if span.start + len(selected.rstrip()) <= max(end, begin) else None


def _in_stub(snapshot: Snapshot, near: Surroundings) -> tuple[Asked, int] | None:
    """What a function asks for whose body does nothing yet, and where it ends."""
    there = blocks(near)
    signature = signature_near(near, near.at) or _below_comment(near, there)
    if signature is None or not signature.is_stub:
        return None
    around_it = container_at(snapshot.text, signature.header.start)
    if _is_intended(snapshot, signature, around_it):
        return None
    words = _words_of_stub(near, there, signature)
    said = parse_docstring(words, signature.name)
    asked = _asked(
        near, "docstring" if signature.doc else "stub", words, said, _stub_span(signature)
    )
    asked = replace(
        asked,
        name=signature.name,
        parameters=_typed(signature.parameters, said.parameters),
        result=signature.result or said.result,
        indent=_stub_indent(near, signature),
        inside=_owner(near, signature, around_it),
        signature=signature,
    )
    return asked, signature.span.end


def _below_comment(near: Surroundings, there: tuple[CommentBlock, ...]) -> Signature | None:
    """The function that begins right below the comment at the cursor."""
    for block in there:
        if block.start <= near.at < block.end and block.kind != "string":
            signature = signature_near(near, min(block.end, len(near.text)))
            top = signature.span.start - near.base if signature else -1
            return signature if top == block.end else None
    return None


def _is_intended(snapshot: Snapshot, signature: Signature, inside: Container | None) -> bool:
    """Whether the body is empty on purpose: overloads, abstract methods, interfaces."""
    marks = (mark.strip("@").split("(")[0].split(".")[-1] for mark in signature.decorators)
    if snapshot.uri.endswith(".pyi") or any(mark in _INTENDED for mark in marks):
        return True
    if inside is None:
        return False
    bodiless = inside.kind in _BODILESS and not signature.complete
    return bodiless or "Protocol" in inside.header


def _words_of_stub(
    near: Surroundings, there: tuple[CommentBlock, ...], signature: Signature
) -> str:
    top = signature.span.start - near.base
    above = comment_above(near, there, top)
    start, end = (signature.header.end - near.base, signature.span.end - near.base)
    inner = [block for block in there if start <= block.start < end and block.kind != "string"]
    parts = [comment_of(near, above).text] if above else []
    parts += [signature.doc, *(comment_of(near, block).text for block in inner)]
    said = [request_text(part) for part in parts if may_be_request(part) or part == signature.doc]
    return "\n".join(dict.fromkeys(part for part in said if part))


def _stub_span(signature: Signature) -> Span:
    if signature.complete:
        return signature.rest
    return Span(signature.header.start, signature.span.end)


def _stub_indent(near: Surroundings, signature: Signature) -> str:
    if not signature.complete:
        return signature.indent
    body = near.text[signature.body.start - near.base : signature.body.end - near.base]
    margin = columns(signature.indent + "x")
    for line in body.split("\n"):
        if line.strip() and columns(line) > margin:
            return indent_of(line)
    return signature.indent + unit(near)


def _typed(parameters: tuple[Parameter, ...], said: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """The signature's parameters without receivers, with the types that only the words tell."""
    types = {parameter.name: parameter.type for parameter in said}
    return tuple(
        replace(parameter, type=parameter.type or types.get(parameter.name, ""))
        for parameter in parameters
        if parameter.name not in _RECEIVERS
    )


def _owner(near: Surroundings, signature: Signature, around_it: Container | None) -> str:
    scope = signature.name.rpartition("::")[0]
    header = near.line(signature.header.start - near.base)
    return around_it.name if around_it else scope or owner_in(header)


def _in_comment(snapshot: Snapshot, near: Surroundings) -> tuple[Asked, int] | None:
    """What a comment asks for that describes no code yet, and where it ends."""
    block = _block_at(near)
    if block is None:
        return None
    comment = comment_of(near, block)
    if not may_be_request(comment.text) or not _is_free(near, block, comment):
        return None
    todo = is_todo(comment.text)
    words = request_text(comment.text)
    kind: Kind = "todo" if todo else "docstring" if comment.string else "comment"
    inside = container_at(snapshot.text, comment.span.start)
    asked = replace(
        _asked(near, kind, words, parse_docstring(words), _place_below(near, block)),
        indent=comment.indent,
        inside=inside.name if inside else "",
        signature=signature_near(near, block.start),
    )
    return asked, max(comment.span.end, asked.span.end)


def _block_at(near: Surroundings) -> CommentBlock | None:
    """The comment at the cursor, or above it over at most one more blank line."""
    line = near.line_start(near.at)
    there = blocks(near)
    for _ in range(3):
        for block in there:
            if block.start <= line < block.end or (block.end == line == len(near.text)):
                return block
        if near.line(line).strip() or line == 0:
            return None
        line = near.line_start(line - 1)
    return None


def _is_free(near: Surroundings, block: CommentBlock, comment: Comment) -> bool:
    """Whether a comment asks rather than describes what stands below it."""
    following = _next_code(near, block.end)
    ends = following < 0 or columns(near.line(following)) < columns(comment.indent + "x")
    if comment.string:
        before = near.masked.code[: block.start].rstrip()
        if not before:
            return following < 0
        header = before[before.rfind("\n") + 1 :].split()
        opened = before.endswith(":") and bool(header)
        in_class = opened and header[0] == "class"
        if opened:
            return in_class and (ends or _placeholder_end(near, block) > block.end)
    if asks(comment.text):
        return True
    below = near.line(block.end) if block.end < len(near.text) else ""
    return ends or not below.strip() or _placeholder_end(near, block) > block.end


def _next_code(near: Surroundings, at: int) -> int:
    code = near.masked.code[at:]
    rest = code.lstrip()
    return at + len(code) - len(rest) if rest else -1


def _placeholder_end(near: Surroundings, block: CommentBlock) -> int:
    """Where the placeholder ends that stands right below a comment; the comment's end if none."""
    at = block.end
    line = near.bare[at : near.line_end(at)]
    same = columns(line) == columns(near.line(block.start))
    if line.strip() and same and is_placeholder(line, near.language.id):
        return near.next_line(at)
    return at


def _place_below(near: Surroundings, block: CommentBlock) -> Span:
    return near.span(block.end, _placeholder_end(near, block))


def _asked(near: Surroundings, kind: Kind, words: str, said: ParsedDocstring, span: Span) -> Asked:
    return Asked(
        near.language.id,
        kind,
        words,
        said.name,
        said.parameters,
        said.result,
        said.examples,
        said.constraints,
        span,
        indent="",
        inside="",
        signature=None,
    )
