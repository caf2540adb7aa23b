"""Edits of documents as the protocol's WorkspaceEdit, in the form that a client takes."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types

from tabwright.checks.lines import changes, span_of, split
from tabwright.core.text import Edit, Snapshot, Span
from tabwright.lsp import protocol
from tabwright.lsp.protocol import Encoding


def line_edits(before: str, after: str) -> tuple[Edit, ...]:
    """The edits that turn ``before`` into ``after``: whole lines, and none that stay the same."""
    new = split(after)
    return tuple(
        Edit(
            span_of(before, block.old_start, block.old_end),
            "".join(new[block.new_start - 1 : block.new_end - 1]),
        )
        for block in changes(before, after).blocks
    )


def moved(span: Span, old: str, new: str) -> Span:
    """Where a stretch of ``old`` stands in ``new``, without lines put in right above or below."""
    edits = line_edits(old, new)
    start = _moved_at(span.start, edits, is_end=False)
    return Span(start, max(start, _moved_at(span.end, edits, is_end=True)))


def _moved_at(at: int, edits: Sequence[Edit], *, is_end: bool) -> int:
    shift = 0
    for edit in edits:
        growth = len(edit.new_text) - len(edit.span)
        if edit.span.end <= at and (edit.span.start < at or not is_end):
            shift += growth
        elif edit.span.start < at:
            return edit.span.start + shift + (len(edit.new_text) if is_end else 0)
        else:
            break
    return at + shift


def in_place(
    snapshot: Snapshot, edits: Sequence[Edit], encoding: Encoding, *, versions: bool
) -> types.WorkspaceEdit:
    """Edits of one open document, bound to the version they were made for where that can be."""
    sent = protocol.text_edits(snapshot.text, edits, encoding)
    if not versions:
        return types.WorkspaceEdit(changes={snapshot.uri: sent})
    document = types.OptionalVersionedTextDocumentIdentifier(snapshot.uri, snapshot.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, list(sent))])


def new_document(uri: str, text: str) -> types.WorkspaceEdit:
    """A document that does not exist yet, with its text; refused by the client if it does."""
    options = types.CreateFileOptions(overwrite=False, ignore_if_exists=False)
    document = types.OptionalVersionedTextDocumentIdentifier(uri)
    everything = protocol.text_edits("", [Edit(Span(0, 0), text)], "utf-16")
    return types.WorkspaceEdit(
        document_changes=[
            types.CreateFile(uri, options=options),
            types.TextDocumentEdit(document, list(everything)),
        ]
    )
