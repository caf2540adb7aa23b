"""Document and notebook synchronization, into our own buffers instead of pygls' workspace."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.protocol import lsp_method

from tabwright.app.documents.buffers import NotOpen
from tabwright.app.runtime.log import logger
from tabwright.lsp import convert
from tabwright.lsp.transport.json_rpc import RpcProtocol

if TYPE_CHECKING:
    from tabwright.app.runtime.host import Host


class DocumentProtocol(RpcProtocol):
    """The protocol's methods that change buffers."""

    encoding = "utf-16"

    # A function, since the host is made when it is first needed.
    get_host: Callable[[], Host]

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(
        self, params: types.InitializeParams
    ) -> Generator[object, object, types.InitializeResult]:
        """Keep the negotiated position encoding."""
        result: types.InitializeResult = yield from super().lsp_initialize(params)
        encoding = result.capabilities.position_encoding or types.PositionEncodingKind.Utf16
        self.encoding = types.PositionEncodingKind(encoding).value
        return result

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Store an opened document."""
        self._open(params.text_document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Apply changes of a document."""
        changed = params.text_document
        self._change(changed.uri, changed.version, params.content_changes)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Remove a closed document."""
        self.get_host().workspace.buffers.close(params.text_document.uri)
        self.get_host().closed(params.text_document.uri)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: types.DidOpenNotebookDocumentParams) -> None:
        """Store an opened notebook and the documents of its cells."""
        notebook = params.notebook_document
        self.get_host().workspace.buffers.open_notebook(
            notebook.uri, convert.to_cells(notebook.cells)
        )
        for document in params.cell_text_documents:
            self._open(document)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(
        self, params: types.DidChangeNotebookDocumentParams
    ) -> None:
        """Apply changes of cells (their order, kind and text), in the protocol's order."""
        uri, cells = params.notebook_document.uri, params.change.cells
        if cells is None:
            return
        buffers = self.get_host().workspace.buffers
        try:
            if cells.structure is not None:
                array = cells.structure.array
                fresh = convert.to_cells(array.cells or ())
                buffers.splice_cells(uri, array.start, array.delete_count, fresh)
                for document in cells.structure.did_open or ():
                    self._open(document)
                for closed in cells.structure.did_close or ():
                    buffers.close(closed.uri)
                    self.get_host().closed(closed.uri)
            if cells.data:
                buffers.update_cells(uri, convert.to_cells(cells.data))
        except NotOpen:
            logger.warning("a change to a notebook that is not open was ignored")
            return
        for text in cells.text_content or ():
            self._change(text.document.uri, text.document.version, text.changes)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(
        self, params: types.DidCloseNotebookDocumentParams
    ) -> None:
        """Remove a closed notebook with its cells."""
        buffers = self.get_host().workspace.buffers
        known = [cell.uri for cell in buffers.notebook_cells(params.notebook_document.uri)]
        buffers.close_notebook(params.notebook_document.uri)
        for uri in [*known, *(document.uri for document in params.cell_text_documents)]:
            buffers.close(uri)
            self.get_host().closed(uri)

    def _open(self, document: types.TextDocumentItem) -> None:
        language = str(document.language_id)
        self.get_host().workspace.buffers.open(
            document.uri, language, document.version, document.text
        )
        self.get_host().changed(document.uri)

    def _change(
        self, uri: str, version: int | None, events: Sequence[types.TextDocumentContentChangeEvent]
    ) -> None:
        try:
            self.get_host().workspace.buffers.change(uri, version, convert.to_changes(events))
        except NotOpen:
            logger.warning("a change to a document that is not open was ignored")
            return
        self.get_host().changed(uri)
