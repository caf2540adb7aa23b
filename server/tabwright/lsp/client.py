"""Messages that the server sends to the client: messages, questions, progress, edits."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tabwright.app.runtime.client import Bar, NoBar
from tabwright.core.action import Diagnostic
from tabwright.core.message import Message, verbatim
from tabwright.core.text import Snapshot
from tabwright.lsp.convert import to_sent_diagnostic
from tabwright.lsp.localisation.language import ENGLISH, Translator
from tabwright.lsp.transport.json_rpc import RpcServer

logger = logging.getLogger(__name__)

_CREATE_S = 5.0
_APPLY_S = 600.0  # an editor may ask its user first
_LEVELS = {
    "error": types.MessageType.Error,
    "warning": types.MessageType.Warning,
    "info": types.MessageType.Info,
}


class Editor:
    """A Client over pygls; it translates messages into the client's language."""

    def __init__(self, server: RpcServer, language: Translator = ENGLISH) -> None:
        """Send through ``server``, which must be initialized, in the client's ``language``."""
        self._server = server
        self.language = language

    def show(self, level: str, message: Message) -> None:
        """Send window/showMessage."""
        params = types.ShowMessageParams(_LEVELS[level], self.language.tell(message))
        self._server.window_show_message(params)

    async def ask(self, level: str, message: Message, actions: Sequence[Message]) -> str | None:
        """Send window/showMessageRequest and wait for the answer, however long that takes.

        The answer is one of ``actions`` as it was given, whatever the button was called.
        """
        named = {self.language.title(action): action for action in actions}
        items = [types.MessageActionItem(name) for name in named]
        text = self.language.tell(message)
        params = types.ShowMessageRequestParams(_LEVELS[level], text, items)
        request = self._server.window_show_message_request_async(params)
        chosen = await self._server.ask(request, "an answer", seconds=86_400)
        return named.get(chosen.title) if chosen is not None else None

    async def bar(self, title: Message, *, cancellable: bool) -> Bar:
        """Create and begin a work-done progress; a bar that shows nothing if that fails."""
        window = self._server.client_capabilities.window
        if window is None or not window.work_done_progress:
            return NoBar()
        token = f"tabwright-{uuid.uuid4()}"
        progress = self._server.work_done_progress
        try:
            created = asyncio.ensure_future(progress.create_async(token))
            async with asyncio.timeout(_CREATE_S):
                await asyncio.shield(created)
        except (JsonRpcException, TimeoutError) as error:
            logger.info("the editor shows no progress: %s", type(error).__name__)
            return NoBar()
        shown = self.language.title(title)
        begin = types.WorkDoneProgressBegin(title=shown, cancellable=cancellable)
        progress.begin(token, begin)
        return EditorBar(self._server, token, self.language)

    async def apply(self, label: Message, edit: types.WorkspaceEdit) -> Message | None:
        """Send workspace/applyEdit; returns why the edit was not applied, None when it was."""
        params = types.ApplyWorkspaceEditParams(edit, label=self.language.title(label))
        request = self._server.workspace_apply_edit_async(params)
        answer = await self._server.ask(request, "an answer to an edit", seconds=_APPLY_S)
        if answer is None:
            return Message("the editor did not apply it")
        if not answer.applied:
            reason = answer.failure_reason
            return verbatim(reason) if reason else Message("the editor refused it")
        return None

    async def show_document(self, uri: str) -> bool:
        """Send window/showDocument; False when the editor did not show it."""
        params = types.ShowDocumentParams(uri, take_focus=True)
        request = self._server.window_show_document_async(params)
        answer = await self._server.ask(request, "an answer to showing a document")
        return answer is not None and answer.success

    def publish(self, snapshot: Snapshot, found: Sequence[Diagnostic], encoding: str) -> None:
        """Send textDocument/publishDiagnostics: all diagnostics of one version of a document."""
        sent = [to_sent_diagnostic(snapshot.text, each, encoding) for each in found]
        params = types.PublishDiagnosticsParams(snapshot.uri, sent, version=snapshot.version)
        self._server.text_document_publish_diagnostics(params)


class EditorBar:
    """A Bar over $/progress."""

    def __init__(self, server: RpcServer, token: str, language: Translator) -> None:
        """Report on ``token``, whose progress has begun."""
        self._progress = server.work_done_progress
        self._token = token
        self._language = language
        self._open = True

    async def cancelled(self) -> None:
        """See Bar; pygls cancels the token's future when the user asks to stop."""
        cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def note(token: object) -> None:
            if not cancelled.done():
                cancelled.set_result(None)

        found = self._progress.tokens.get(self._token)
        if found is not None:
            found.add_done_callback(note)
        await cancelled

    def report(self, message: Message, percent: float | None = None) -> None:
        """Send a report."""
        whole = None if percent is None else min(100, max(0, int(percent)))
        if self._open:
            text = self._language.title(message)
            report = types.WorkDoneProgressReport(message=text, percentage=whole)
            self._progress.report(self._token, report)

    def end(self, message: Message) -> None:
        """Send the end, once."""
        if self._open:
            self._open = False
            end = types.WorkDoneProgressEnd(message=self._language.title(message))
            self._progress.end(self._token, end)
            self._progress.tokens.pop(self._token, None)
