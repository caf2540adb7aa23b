"""Puts a WorkspaceEdit into texts, as an editor does: on the client's side of the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tabwright.cli.lsp_positions import offset_at, position_at
from tabwright.core.text import common_prefix


class StaleEdit(Exception):
    """An edit was made for another version of a document than the one that is open."""


def applied(
    edit: Mapping[str, Any],
    texts: Mapping[str, str],
    encoding: str,
    versions: Mapping[str, int] | None = None,
) -> dict[str, str]:
    """The text of every document that a WorkspaceEdit changes or creates, by URI.

    ``texts`` are the documents as they are; one that is not there counts as empty. Raises StaleEdit
    when the edit names another version than ``versions``, ValueError when two changes overlap.
    """
    found: dict[str, str] = {}
    for uri, version, changes in _documents(edit):
        known = (versions or {}).get(uri)
        if version is not None and known is not None and version != known:
            raise StaleEdit(f"made for version {version} of {uri}, which is at {known}")
        found[uri] = _changed(found.get(uri, texts.get(uri, "")), changes, encoding)
    return found


def _documents(edit: Mapping[str, Any]) -> Iterator[tuple[str, int | None, list[Any]]]:
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


def _changed(text: str, changes: list[Any], encoding: str) -> str:
    spans = [
        (
            offset_at(text, change["range"]["start"], encoding),
            offset_at(text, change["range"]["end"], encoding),
            str(change["newText"]),
        )
        for change in changes
    ]
    pieces: list[str] = []
    done = 0
    for start, end, new in sorted(spans, key=lambda span: span[:2]):
        if start < done:
            raise ValueError("two changes overlap")
        pieces += (text[done:start], new)
        done = end
    return "".join((*pieces, text[done:]))


def change_between(old: str, new: str, encoding: str) -> dict[str, Any]:
    """The change of a document that makes one text of another: the lines in which they differ."""
    start = old.rfind("\n", 0, common_prefix(old, new)) + 1
    behind = common_prefix(old[start:][::-1], new[start:][::-1])
    end = old.find("\n", len(old) - behind) + 1 or len(old)
    where = {
        "start": position_at(old, start, encoding),
        "end": position_at(old, end, encoding),
    }
    return {"range": where, "text": new[start : len(new) - (len(old) - end)]}
