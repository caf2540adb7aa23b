"""The commands that editors call with words of the user's: edit, translate, tests and explain."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tabwright.app.actions.conversations import Conversation, Conversations
from tabwright.app.actions.executor import Done
from tabwright.app.actions.inert_markdown import inert_markdown
from tabwright.app.actions.request import Wish
from tabwright.app.actions.search import Candidate
from tabwright.app.runtime.host import Host
from tabwright.assists.inputs import Turn
from tabwright.core.message import Message
from tabwright.core.text import Snapshot
from tabwright.lsp.code_actions import Actions, faults_of

_EDIT = Message("Edit")
Json = dict[str, object]


class Commands:
    """Answers commands with plain objects; ``reason`` is "" where there is something to show."""

    def __init__(self, actions: Actions, host: Host) -> None:
        """Do the work through ``actions``; follows ``host``'s documents."""
        self.actions = actions
        self._host = host
        self._conversations = Conversations()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    # Conversations ------------------------------------------------------------------------------

    async def edit(self, argument: Mapping[str, object]) -> Json:
        """Edit as the instruction says; a further one about the same place goes on from there."""
        wished = self.actions.read(argument, _EDIT, "edit")
        if isinstance(wished, str):
            return _nothing(wished)
        uri = wished.snapshot.uri
        talk = self._conversations.get(uri)
        if talk is not None and argument.get("range") is not None and not talk.covers(wished.span):
            self._conversations.end(uri)
            talk = None
        done = await self._edited(wished, talk)
        made = await self.actions.edit(wished, done)
        if done.candidate is None or made.edit is None:
            self.actions.refuse(done, made.reason)
            return _nothing(made.reason)
        self.actions.tell(done)
        self._conversations.put(uri, _turned(wished, done.candidate, talk))
        answer: Json = {
            "edit": made.edit,
            "text": done.candidate.text,
            "version": wished.snapshot.version,
            "reason": "",
            "applied": False,
            **faults_of(done),
        }
        if argument.get("apply") is True:
            answer |= await self.actions.applied(done, made)
        return answer

    async def _edited(self, wished: Wish, talk: Conversation | None) -> Done:
        if talk is None:
            return await self.actions.doing.do(wished, _EDIT)
        now = Snapshot(
            wished.snapshot.uri, wished.snapshot.language_id, wished.snapshot.version, talk.text
        )
        return await self.actions.doing.do(
            wished, _EDIT, snapshot=now, span=talk.span, history=talk.turns
        )

    def accept(self, argument: Mapping[str, object]) -> Json:
        """The user is content: the next instruction begins anew."""
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
        title = self.actions.doing.title_of(kind)
        wished = self.actions.read(argument, title, kind)
        if isinstance(wished, str):
            return _nothing(wished)
        done = await self.actions.doing.do(wished, title)
        if done.candidate is None:
            return _nothing(done.reason)
        made = await self.actions.edit(wished, done)
        self.actions.tell(done)
        answer: Json = {
            "edit": made.edit,
            "uri": made.uri,
            "text": done.candidate.text,
            "name": done.candidate.action.new_document,
            "languageId": done.candidate.action.language_id,
            "version": wished.snapshot.version,
            "reason": "",
            "applied": False,
            **faults_of(done),
        }
        if made.edit is not None and self.actions.able.applies and argument.get("apply", True):
            answer |= await self.actions.applied(done, made)
        return answer

    async def explain(self, argument: Mapping[str, object]) -> Json:
        """Explain a range, or the document, in Markdown; ``open`` shows that as a document."""
        wished = self.actions.read(argument, "Explain", "explain")
        if isinstance(wished, str):
            return {"markdown": "", "reason": wished}
        done = await self.actions.doing.do(wished, "Explain")
        if done.candidate is None:
            return {"markdown": "", "reason": done.reason}
        # What a model wrote may hold what an editor's page would load or run.
        text = await self.actions.doing.work(inert_markdown, done.candidate.text)
        if argument.get("open") is True and self.actions.able.shows:
            uri = await self._host.files(self._written, text)
            await self.actions.editor.show_document(uri)
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

    # What the host tells ------------------------------------------------------------------------

    def changed(self, uri: str) -> None:
        """A document has a new text: a conversation about it may be over."""
        snapshot = self._host.buffers.get(uri)
        if snapshot is not None:
            self._conversations.changed(uri, snapshot.text)

    def closed(self, uri: str) -> None:
        """A document is gone, and its conversation with it."""
        self._conversations.end(uri)

    def configured(self) -> None:
        """Settings are read when an action begins."""

    def close(self) -> None:
        """Begin nothing more, and remove what was written to be shown."""
        self.actions.doing.close()
        if self._folder is not None:
            self._folder.cleanup()


def _turned(wished: Wish, candidate: Candidate, talk: Conversation | None) -> Conversation:
    """The conversation after one more turn, whose edit the editor has yet to apply."""
    turn = Turn(wished.instruction, candidate.text)
    begun = talk if talk is not None else _begun(wished, candidate)
    return replace(begun, turns=(*begun.turns, turn), text=candidate.after, span=candidate.changed)


def _begun(wished: Wish, candidate: Candidate) -> Conversation:
    base, span = wished.snapshot.text, candidate.action.span
    return Conversation((), base, span, base, span)


def _nothing(reason: str) -> Json:
    return {
        "edit": None,
        "text": "",
        "faults": [],
        "applied": False,
        "reason": reason,
    }
