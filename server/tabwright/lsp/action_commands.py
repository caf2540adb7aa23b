"""The commands that take an instruction or a choice: edit, translate, tests, explain."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tabwright.app.actions.conversations import Conversation, Conversations
from tabwright.app.actions.inert_markdown import inert_markdown
from tabwright.app.runtime.host import Host
from tabwright.assists.request import ActionRequest, Turn
from tabwright.checks.faults import EditCandidate
from tabwright.core.message import Message
from tabwright.core.task import Nothing
from tabwright.lsp import workspace_edits
from tabwright.lsp.code_actions import CodeActions, faults_of

Json = dict[str, object]


class ActionCommands:
    """Answers commands with plain objects; ``reason`` is "" where there is a result."""

    def __init__(self, actions: CodeActions, host: Host) -> None:
        """Do the work through ``actions``; follows ``host``'s documents."""
        self.actions = actions
        self._host = host
        self._conversations = Conversations()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    # Conversations ------------------------------------------------------------------------------

    async def edit(self, argument: Mapping[str, object]) -> Json:
        """Edit as the instruction says; a further one about the same place goes on from there."""
        actions, title = self.actions, Message("Edit")
        request = actions.read(argument, title, "edit")
        if isinstance(request, Nothing):
            return _nothing(request.reason)
        uri = request.document.uri
        talk = self._conversations.get(uri)
        if talk is not None and argument.get("range") is not None and not talk.covers(request.span):
            self._conversations.end(uri)
            talk = None
        if talk is not None:
            request = _continued(request, talk)
        found = await actions.executor.execute(request, title)
        edit = await actions.edit(request, found)
        if isinstance(found, Nothing) or isinstance(edit, Nothing):
            return _nothing(actions.failure_reason(title, found, edit))
        actions.show_faults(title, found)
        self._conversations.put(uri, _with_turn(request, found, talk))
        answer: Json = {
            "edit": edit,
            "text": found.text,
            "version": request.document.version,
            "reason": "",
            "applied": False,
            **faults_of(title, found),
        }
        if argument.get("apply") is True:
            answer |= await actions.applied(title, found, edit)
        return answer

    def accept(self, argument: Mapping[str, object]) -> Json:
        """End the conversation; the next instruction starts a new one."""
        return {"ended": self._conversations.end(str(argument.get("uri") or ""))}

    drop = accept

    # New documents and explanations -------------------------------------------------------------

    async def translate(self, argument: Mapping[str, object]) -> Json:
        """Translate a range, or the document, into a new document."""
        return await self._new_document("translate", argument)

    async def tests(self, argument: Mapping[str, object]) -> Json:
        """Write tests for a range, or the document, into a new document."""
        return await self._new_document("tests", argument)

    async def _new_document(self, kind: str, argument: Mapping[str, object]) -> Json:
        """Made and shown where the editor can and ``apply`` is not false; its text in any case."""
        actions = self.actions
        title = actions.executor.title_of(kind)
        request = actions.read(argument, title, kind)
        if isinstance(request, Nothing):
            return _nothing(request.reason)
        found = await actions.executor.execute(request, title)
        if isinstance(found, Nothing):
            return _nothing(found.reason)
        edit = await actions.edit(request, found)
        actions.show_faults(title, found)
        answer: Json = {
            "edit": None if isinstance(edit, Nothing) else edit,
            "uri": "" if isinstance(edit, Nothing) else workspace_edits.created(edit),
            "text": found.text,
            "name": found.new_document,
            "languageId": found.language_id,
            "version": request.document.version,
            "reason": "",
            "applied": False,
            **faults_of(title, found),
        }
        if not isinstance(edit, Nothing) and actions.able.applies and argument.get("apply", True):
            answer |= await actions.applied(title, found, edit)
        return answer

    async def explain(self, argument: Mapping[str, object]) -> Json:
        """Explain a range, or the document, in Markdown; ``open`` shows that as a document."""
        actions, title = self.actions, Message("Explain")
        request = actions.read(argument, title, "explain")
        if isinstance(request, Nothing):
            return {"markdown": "", "reason": request.reason}
        found = await actions.executor.execute(request, title)
        if isinstance(found, Nothing):
            return {"markdown": "", "reason": found.reason}
        # A model's text may hold markup that an editor would load or run.
        text = await actions.executor.work(inert_markdown, found.text)
        if argument.get("open") is True and actions.able.shows:
            uri = await self._host.workspace.files(self._written, text)
            await actions.editor.show_document(uri)
            return {"markdown": text, "reason": "", "uri": uri}
        return {"markdown": text, "reason": ""}

    def _written(self, text: str) -> str:
        """The uri of a file with the text, in a folder that only the user can enter."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="tabwright-")
        number = sum(1 for _ in Path(self._folder.name).iterdir()) + 1
        path = Path(self._folder.name) / f"explanation-{number}.md"
        path.write_text(text, "utf-8")
        return path.as_uri()

    # Watcher ------------------------------------------------------------------------------------

    def changed(self, uri: str) -> None:
        """A document has a new text: a conversation about it may be over."""
        snapshot = self._host.workspace.buffers.get(uri)
        if snapshot is not None:
            self._conversations.changed(uri, snapshot.text)

    def closed(self, uri: str) -> None:
        """Take in that a document is closed; end its conversation."""
        self._conversations.end(uri)

    def configured(self) -> None:
        """See Watcher; settings are read when an action begins."""

    def close(self) -> None:
        """Remove the files that were written to be shown."""
        if self._folder is not None:
            self._folder.cleanup()


def _continued(request: ActionRequest, talk: Conversation) -> ActionRequest:
    """Return the request on the result of the last edit, applied by the editor or not."""
    document = request.document
    return replace(
        request,
        snapshot=replace(document, text=talk.text),
        span=talk.span,
        history=talk.turns,
        unedited=document,
    )


def _with_turn(
    request: ActionRequest, found: EditCandidate, talk: Conversation | None
) -> Conversation:
    """Return the conversation after one more turn, whose edit is not applied yet."""
    if talk is None:
        base, span = request.document.text, found.replaced
        talk = Conversation((), base, span, base, span)
    turn = Turn(request.instruction, found.text)
    return replace(talk, turns=(*talk.turns, turn), text=found.after, span=found.changed)


def _nothing(reason: Message) -> Json:
    return {
        "edit": None,
        "text": "",
        "faults": [],
        "applied": False,
        "reason": reason,
    }
