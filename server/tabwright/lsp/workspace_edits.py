"""The protocol's WorkspaceEdit: the server's edits in the form a client takes; applying one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lsprotocol import types

from tabwright.core.text import Edit, Snapshot, Span
from tabwright.lsp import convert


def in_place(
    snapshot: Snapshot, edits: Sequence[Edit], encoding: str, *, versions: bool
) -> types.WorkspaceEdit:
    """Edits of one open document, with the version they were made for if ``versions``."""
    sent = convert.text_edits(snapshot.text, edits, encoding)
    if not versions:
        return types.WorkspaceEdit(changes={snapshot.uri: sent})
    document = types.OptionalVersionedTextDocumentIdentifier(snapshot.uri, snapshot.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, list(sent))])


def new_document(uri: str, text: str) -> types.WorkspaceEdit:
    """A new document with its text; the client refuses it when the document exists."""
    options = types.CreateFileOptions(overwrite=False, ignore_if_exists=False)
    document = types.OptionalVersionedTextDocumentIdentifier(uri)
    everything = convert.text_edits("", [Edit(Span(0, 0), text)], "utf-16")
    return types.WorkspaceEdit(
        document_changes=[
            types.CreateFile(uri, options=options),
            types.TextDocumentEdit(document, list(everything)),
        ]
    )


class StaleEdit(Exception):
    """An edit was made for another version of a document than the one that is open."""


def apply_workspace_edit(
    edit: Mapping[str, Any],
    texts: Mapping[str, str],
    encoding: str,
    versions: Mapping[str, int] | None = None,
) -> dict[str, str]:
    """The text of every document that a WorkspaceEdit in JSON changes or creates, by URI.

    ``texts`` are the documents before it; a missing one counts as empty. Raises StaleEdit when the
    edit names another version than ``versions``, ValueError when two changes overlap.
    """
    found: dict[str, str] = {}
    for uri, version, changes in _document_edits(edit):
        known = (versions or {}).get(uri)
        if version is not None and known is not None and version != known:
            raise StaleEdit(f"made for version {version} of {uri}, which is at {known}")
        found[uri] = _apply_changes(found.get(uri, texts.get(uri, "")), changes, encoding)
    return found


def _document_edits(edit: Mapping[str, Any]) -> Iterator[tuple[str, int | None, list[Any]]]:
    """URI, version and text edits of each part of the edit; a created document has none yet."""
    for part in edit.get("documentChanges") or ():
        if part.get("kind") == "create":
            yield str(part["uri"]), None, []
        elif "textDocument" in part:
            document = part["textDocument"]
            yield str(document["uri"]), document.get("version"), list(part["edits"])
    if not edit.get("documentChanges"):
        for uri, changes in (edit.get("changes") or {}).items():
            yield uri, None, list(changes)


def _apply_changes(text: str, changes: Sequence[Mapping[str, Any]], encoding: str) -> str:
    edits = [
        Edit(convert.json_span(text, change["range"], encoding), str(change["newText"]))
        for change in changes
    ]
    pieces: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
        if edit.span.start < done:
            raise ValueError("two changes overlap")
        pieces += (text[done : edit.span.start], edit.new_text)
        done = edit.span.end
    return "".join((*pieces, text[done:]))


def created(edit: types.WorkspaceEdit) -> str:
    """The uri of the document that an edit makes, "" where it makes none."""
    made = (one.uri for one in edit.document_changes or () if isinstance(one, types.CreateFile))
    return next(made, "")
