"""What the client supports for code actions, edits and documents."""

from __future__ import annotations

from dataclasses import dataclass

from lsprotocol import types


@dataclass(frozen=True)
class Abilities:
    """What a client announced.

    ``literals``: it supports code actions, not only commands. ``resolves_edit`` and
    ``resolves_command``: it resolves that part of an action when the user chose it. ``tags``: it
    shows that an action is LLM-generated. ``versions``: it supports edits with a document version.
    ``creates``, ``applies``, ``shows``: it creates documents, applies edits and shows documents at
    the server's request.
    """

    literals: bool = False
    resolves_edit: bool = False
    resolves_command: bool = False
    tags: bool = False
    versions: bool = False
    creates: bool = False
    applies: bool = False
    shows: bool = False


def abilities(client: types.ClientCapabilities) -> Abilities:
    """Read the abilities from the client's capabilities."""
    document, workspace, window = client.text_document, client.workspace, client.window
    action = document.code_action if document else None
    resolve = action.resolve_support.properties if action and action.resolve_support else ()
    tags = action.tag_support.value_set if action and action.tag_support else ()
    edit = workspace.workspace_edit if workspace else None
    versions = bool(edit and edit.document_changes)
    operations = (edit.resource_operations if edit else None) or ()
    return Abilities(
        literals=bool(action and action.code_action_literal_support),
        resolves_edit="edit" in resolve,
        resolves_command="command" in resolve,
        tags=types.CodeActionTag.LlmGenerated in tags,
        versions=versions,
        creates=versions and types.ResourceOperationKind.Create in operations,
        applies=bool(workspace and workspace.apply_edit),
        shows=bool(window and window.show_document and window.show_document.support),
    )
