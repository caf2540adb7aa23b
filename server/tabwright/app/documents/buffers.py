"""The open buffers, as the client has them: nothing here reads the disk or knows the protocol."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from tabwright.core.postprocess.selected_item import apply_edit
from tabwright.core.prompting.context import Document
from tabwright.core.text import Edit, Snapshot, Span, apply

Change = tuple[Callable[[str, str], Span] | None, str]
"""Where (a function of the text and the encoding; None: everywhere) and the new text."""


_MOST_OTHERS = 8
_MOST_CHARACTERS = 100_000


class NotOpen(Exception):
    """A change came for a document that was never opened, or was closed."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a notebook: the uri of its document, and whether it holds code."""

    uri: str
    is_code: bool


@dataclass(frozen=True, slots=True)
class Cursor:
    """All of the workspace that an answer may use: a document, the cursor in it, and the rest.

    ``before`` and ``after`` are a notebook's other cells, ``path`` the file's (of a cell: the
    notebook's), ``others`` the other open documents, which privacy rules have yet to see.
    ``position`` is the line and character as the client counts them, for reports alone.
    """

    snapshot: Snapshot
    offset: int
    before: str
    after: str
    path: str
    others: tuple[Document, ...] = ()
    position: tuple[int, int] = (0, 0)

    def after_edit(self, edit: Edit) -> Cursor:
        """Return the cursor after an edit is accepted: at the end of the inserted text."""
        snapshot, offset = apply_edit(self.snapshot, edit)
        return replace(self, snapshot=snapshot, offset=offset)


class Buffers:
    """Open documents and notebooks by uri; ``encoding`` is the unit of the client's positions."""

    def __init__(self, encoding: str = "utf-16") -> None:
        """Start with nothing open."""
        self.encoding = encoding
        self._documents: dict[str, Snapshot] = {}
        self._notebooks: dict[str, tuple[str, tuple[Cell, ...]]] = {}
        self._notebook_of: dict[str, str] = {}

    def __iter__(self) -> Iterator[Snapshot]:
        """The open documents, the one opened or changed last first."""
        return reversed(list(self._documents.values()))

    def get(self, uri: str) -> Snapshot | None:
        """The document as it is now, None when it is not open."""
        return self._documents.get(unquote(uri))

    def is_open(self, uri: str) -> bool:
        """Whether a document is open."""
        return unquote(uri) in self._documents

    def is_current(self, snapshot: Snapshot) -> bool:
        """Whether a document is still in this state, so that an edit for it is not misplaced."""
        return self._documents.get(unquote(snapshot.uri)) is snapshot

    def open_paths(self) -> list[str]:
        """Return the paths of all open documents; a new document must not get one of them."""
        return [self.path_of(snapshot.uri) for snapshot in self._documents.values()]

    def open(self, uri: str, language_id: str, version: int, text: str) -> None:
        """Take in a document; one that is open already is replaced."""
        self._put(Snapshot(uri, language_id, version, text))

    def change(self, uri: str, version: int | None, changes: Iterable[Change]) -> None:
        """Apply changes one after the other; raises NotOpen for an unknown document."""
        found = self.get(uri)
        if found is None:
            raise NotOpen(uri)
        text = found.text
        for where, new_text in changes:
            text = (
                new_text if where is None else _edited(text, where(text, self.encoding), new_text)
            )
        self._put(replace(found, version=found.version if version is None else version, text=text))

    def close(self, uri: str) -> None:
        """Forget a document; one that is not open is let be."""
        self._documents.pop(unquote(uri), None)

    def open_notebook(self, uri: str, cells: Sequence[Cell]) -> None:
        """Take in a notebook's order of cells; their documents are opened one by one."""
        self._set_cells(uri, tuple(cells))

    def splice_cells(self, uri: str, start: int, delete: int, cells: Sequence[Cell]) -> None:
        """Replace ``delete`` cells from ``start`` on; raises NotOpen for an unknown notebook."""
        if unquote(uri) not in self._notebooks:
            raise NotOpen(uri)
        _, old = self._notebooks[unquote(uri)]
        self._set_cells(uri, (*old[:start], *cells, *old[start + delete :]))

    def update_cells(self, uri: str, cells: Sequence[Cell]) -> None:
        """Take in new kinds of cells that are there already; raises NotOpen as above."""
        if unquote(uri) not in self._notebooks:
            raise NotOpen(uri)
        _, old = self._notebooks[unquote(uri)]
        fresh = {cell.uri: cell for cell in cells}
        self._set_cells(uri, tuple(fresh.get(cell.uri, cell) for cell in old))

    def close_notebook(self, uri: str) -> None:
        """Forget a notebook and the documents of its cells."""
        _, cells = self._notebooks.pop(unquote(uri), ("", ()))
        for cell in cells:
            self._notebook_of.pop(unquote(cell.uri), None)
            self.close(cell.uri)

    def notebook_cells(self, uri: str) -> tuple[Cell, ...]:
        """The cells of a notebook in order; none when it is not open."""
        return self._notebooks.get(unquote(uri), ("", ()))[1]

    def cells_around(self, uri: str) -> tuple[str, str]:
        """Text of the code cells before and after a cell, of its own language; else two blanks."""
        found, notebook = self.get(uri), self._notebook_of.get(unquote(uri))
        if found is None or notebook is None:
            return "", ""
        cells = self._notebooks[notebook][1]
        here = next(i for i, cell in enumerate(cells) if unquote(cell.uri) == unquote(uri))
        return self._code(cells[:here], found), self._code(cells[here + 1 :], found)

    def siblings(self, uri: str) -> frozenset[str]:
        """The uris of all cells in the same notebook, or of the document alone."""
        notebook = self._notebook_of.get(unquote(uri))
        if notebook is None:
            return frozenset({uri})
        return frozenset(cell.uri for cell in self._notebooks[notebook][1])

    def others(self, uri: str) -> tuple[Document, ...]:
        """The other open documents that a prompt may show, the one changed last first.

        A notebook's cells are no others to one another; long documents are left out.
        """
        own = self.siblings(uri)
        found: list[Document] = []
        for other in reversed(self._documents.values()):
            if other.uri not in own and 0 < len(other.text) <= _MOST_CHARACTERS:
                path = self.path_of(other.uri) or other.uri
                found.append(Document(path, other.language_id, other.text, other.uri))
            if len(found) == _MOST_OTHERS:
                break
        return tuple(found)

    def path_of(self, uri: str) -> str:
        """The file a document belongs to (a cell: to its notebook's); "" where there is none."""
        notebook = self._notebook_of.get(unquote(uri))
        return path_of(uri if notebook is None else self._notebooks[notebook][0])

    def _put(self, snapshot: Snapshot) -> None:
        key = unquote(snapshot.uri)
        self._documents.pop(key, None)
        self._documents[key] = snapshot

    def _set_cells(self, uri: str, cells: tuple[Cell, ...]) -> None:
        key = unquote(uri)
        for cell in self._notebooks.get(key, ("", ()))[1]:
            self._notebook_of.pop(unquote(cell.uri), None)
        self._notebooks[key] = (uri, cells)
        for cell in cells:
            self._notebook_of[unquote(cell.uri)] = key

    def _code(self, cells: Sequence[Cell], like: Snapshot) -> str:
        found = (self.get(cell.uri) for cell in cells if cell.is_code)
        return "\n\n".join(
            cell.text for cell in found if cell and cell.language_id == like.language_id
        )


def path_of(uri: str) -> str:
    """The file path in a uri, of any scheme that has one; "" for untitled buffers and bad uris."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    if parts.scheme == "untitled":
        return ""
    if os.name == "nt":
        # Imported here since it brings the whole HTTP client along.
        from urllib.request import url2pathname

        path = url2pathname(parts.path)
    else:
        path = unquote(parts.path)
    return f"//{parts.netloc}{path}" if parts.netloc and parts.scheme == "file" else path


def _edited(text: str, span: Span, new_text: str) -> str:
    return apply(text, (Edit(span, new_text),))
