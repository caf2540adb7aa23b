"""The documents of one window of the soak test: their texts by version, and checks against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.lib import soak_text
from bench.lib.soak_tally import Tally

Json = dict[str, Any]
_KEPT_VERSIONS = 200


@dataclass
class Document:
    """A document that is open in the editor."""

    uri: str
    language: str
    version: int = 0
    text: str = ""
    versions: dict[int, str] = field(default_factory=dict)

    def set(self, text: str, skip: int = 1) -> None:
        """Take in a new text, with a new version."""
        self.version += skip
        self.text = self.versions[self.version] = text
        while len(self.versions) > _KEPT_VERSIONS:
            del self.versions[next(iter(self.versions))]

    @property
    def identifier(self) -> Json:
        """As messages name it."""
        return {"uri": self.uri, "version": self.version}

    @property
    def item(self) -> Json:
        """As it is opened."""
        return {
            "uri": self.uri,
            "languageId": self.language,
            "version": self.version,
            "text": self.text,
        }


@dataclass
class Documents:
    """All of them, and those that were closed lately: an answer about one may still come."""

    tally: Tally
    encoding: str = "utf-16"
    open: dict[str, Document] = field(default_factory=dict)
    known: dict[str, Document] = field(default_factory=dict)

    def add(self, document: Document) -> None:
        """A document was opened."""
        self.open[document.uri] = self.known[document.uri] = document

    def remove(self, uri: str) -> None:
        """A document was closed."""
        self.open.pop(uri, None)

    def check_items(self, message: Json, text: str, cursor: int | None) -> None:
        """Inline completions: each in range, around the cursor, and applied."""
        result = message.get("result")
        items = result.get("items", []) if isinstance(result, Mapping) else result or []
        for item in items:
            if item.get("range") is None:
                raise ValueError("an item without a range")
            self.tally.checked_edits += 1
            start, end = soak_text.span(text, item["range"], self.encoding)
            if cursor is not None and not start <= cursor <= end:
                raise ValueError(f"an item at {start} to {end}, not around the cursor {cursor}")
            new = item["insertText"]
            self._encodable(text, text[:start] + new + text[end:])

    def check_edit(self, edit: object) -> dict[str, str]:
        """A workspace edit: the texts that it makes. Raises ValueError for one out of range."""
        if not isinstance(edit, Mapping):
            raise ValueError("an edit of another shape")
        texts: dict[str, str] = {}
        for uri, edits in (edit.get("changes") or {}).items():
            texts[uri] = self._applied(texts, uri, None, edits)
        for change in edit.get("documentChanges") or ():
            if change.get("kind") == "create":
                texts[change["uri"]] = ""
            else:
                named = change["textDocument"]
                uri = named["uri"]
                texts[uri] = self._applied(texts, uri, named.get("version"), change["edits"])
        return texts

    def _applied(
        self, texts: Mapping[str, str], uri: str, version: int | None, edits: Sequence[object]
    ) -> str:
        text = texts.get(uri)
        if text is None:
            document = self.known.get(uri)
            if document is None:
                raise ValueError(f"an edit of {uri}, which was never open")
            text = document.versions.get(document.version if version is None else version)
            if text is None:
                raise ValueError(f"an edit for version {version}, which there never was")
        self.tally.checked_edits += len(edits)
        after = soak_text.apply(text, edits, self.encoding)
        self._encodable(text, after)
        return after

    def check_diagnostics(self, params: Json) -> None:
        """Published diagnostics, against the version that they name."""
        document = self.known.get(str(params.get("uri")))
        text = document.versions.get(params.get("version", -1)) if document else None
        for each in params.get("diagnostics") or () if text is not None else ():
            self.tally.checked_edits += 1
            soak_text.span(text or "", each["range"], self.encoding)

    def _encodable(self, before: str, after: str) -> None:
        def lone(text: str) -> int:
            return sum(1 for char in text if "\ud800" <= char <= "\udfff")

        if lone(after) > lone(before):
            raise ValueError("an edit brings half of a surrogate pair")
