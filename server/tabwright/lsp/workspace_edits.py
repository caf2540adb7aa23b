"""Edits of documents as the protocol's WorkspaceEdit, in the form that a client takes."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types

from tabwright.core.text import Edit, Snapshot, Span
from tabwright.lsp import convert
from tabwright.lsp.convert import Encoding


def in_place(
    snapshot: Snapshot, edits: Sequence[Edit], encoding: Encoding, *, versions: bool
) -> types.WorkspaceEdit:
    """Edits of one open document, bound to the version they were made for where that can be."""
    sent = convert.text_edits(snapshot.text, edits, encoding)
    if not versions:
        return types.WorkspaceEdit(changes={snapshot.uri: sent})
    document = types.OptionalVersionedTextDocumentIdentifier(snapshot.uri, snapshot.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, list(sent))])


def new_document(uri: str, text: str) -> types.WorkspaceEdit:
    """A document that does not exist yet, with its text; refused by the client if it does."""
    options = types.CreateFileOptions(overwrite=False, ignore_if_exists=False)
    document = types.OptionalVersionedTextDocumentIdentifier(uri)
    everything = convert.text_edits("", [Edit(Span(0, 0), text)], "utf-16")
    return types.WorkspaceEdit(
        document_changes=[
            types.CreateFile(uri, options=options),
            types.TextDocumentEdit(document, list(everything)),
        ]
    )
