"""Code actions: what is offered at a place, the edit of what was chosen, and its applying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lsprotocol import types

from tabwright.app.actions.candidate_checks import Checks
from tabwright.app.actions.executor import Doing, Done, guessed, said_in_full
from tabwright.app.actions.listing import MOST_DIAGNOSTICS, Listed, listed
from tabwright.app.actions.request import Unusable, Wish
from tabwright.app.actions.search import Candidate
from tabwright.app.completion.outcome import KEPT_OUT
from tabwright.app.documents import new_documents
from tabwright.app.documents.line_edits import line_edits
from tabwright.app.documents.privacy import refused_by
from tabwright.app.runtime.host import Host
from tabwright.assists.inputs import Inputs
from tabwright.assists.registry import ASSISTS, Assist
from tabwright.core.message import Message, joined, without_stop
from tabwright.core.text import Snapshot
from tabwright.lsp import convert, workspace_edits
from tabwright.lsp.action_data import data_of, wish
from tabwright.lsp.client import Editor
from tabwright.lsp.client_capabilities import Abilities

ACT, SHOW = "tabwright.act", "tabwright.show"
_MOST_TOLD = 3


@dataclass(frozen=True)
class Made:
    """An edit, and the uri of the document it makes; or why there is none."""

    edit: types.WorkspaceEdit | None
    uri: str = ""
    reason: str = ""


class Actions:
    """The handlers' other half: takes the protocol's types and gives them back."""

    def __init__(
        self,
        host: Host,
        editor: Editor,
        able: Abilities,
        assists: Sequence[Assist] = ASSISTS,
        checks: Checks | None = None,
    ) -> None:
        """Serve a client that is ``able`` of so much."""
        self.host = host
        self.editor = editor
        self.able = able
        self.doing = Doing(host, assists, checks)
        self._assists = assists

    # Listing ------------------------------------------------------------------------------------

    async def offer(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        """What applies at a range; the model is not asked."""
        host, uri = self.host, params.text_document.uri
        snapshot, path = host.buffers.get(uri), host.buffers.path_of(uri)
        cursor = convert.take_snapshot(host.buffers, uri, params.range.end)
        if snapshot is None or not await host.until_configured():
            return []
        if not host.settings.is_on(snapshot.language_id):
            return []
        refusal = await host.files(refused_by, host.refused, path, uri)
        if refusal is not None:
            start = params.range.start
            host.report.refuse(KEPT_OUT, refusal, uri, (start.line, start.character))
            return []
        if cursor is not None:
            host.moved(cursor)
        return await self.doing.work(self._offers, snapshot, params)

    def _offers(
        self, snapshot: Snapshot, params: types.CodeActionParams
    ) -> list[types.CodeAction | types.Command]:
        encoding, text = self.host.buffers.encoding, snapshot.text
        sent = params.context.diagnostics
        # No more are offered; each is looked for in the whole text.
        ours = [convert.to_diagnostic(text, each, encoding) for each in sent[:MOST_DIAGNOSTICS]]
        span = convert.span_of(text, params.range, encoding)
        inputs = Inputs(snapshot, span, guessed(self.host.settings.model))
        only = [str(getattr(kind, "value", kind)) for kind in params.context.only or ()]
        found = listed(self._assists, inputs, ours, only)
        return [self._shown(one, snapshot, params) for one in found]

    def _shown(
        self, one: Listed, snapshot: Snapshot, params: types.CodeActionParams
    ) -> types.CodeAction | types.Command:
        """The action, its edit yet to be resolved; or its command for clients that cannot."""
        fixed = [] if one.diagnostic is None else [params.context.diagnostics[one.diagnostic]]
        where = fixed[0].range if fixed else params.range
        data = data_of(one.assist.kind, snapshot, where, fixed, one.target)
        title = self.editor.language.title(one.title)
        command = types.Command(title, ACT, arguments=[{**data, "title": title}])
        if not self.able.literals:
            return command
        return types.CodeAction(
            title=title,
            kind=one.assist.lsp_kind,
            diagnostics=fixed or None,
            data=data if self.able.resolves_edit else None,
            command=None if self.able.resolves_edit else command,
            tags=[types.CodeActionTag.LlmGenerated] if self.able.tags else None,
        )

    # Doing --------------------------------------------------------------------------------------

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """The action with its edit; without one when there is none, and why has been shown."""
        wished = self.read(action.data, action.title)
        if isinstance(wished, str):
            return action
        done = await self.doing.do(wished, action.title)
        made = await self.edit(wished, done)
        if made.edit is None:
            self.refuse(done, made.reason)
            return action
        self.tell(done)
        title = self.editor.language.title
        action.title, action.edit = title(done.marked), made.edit
        if made.uri and self.able.resolves_command and self.able.shows:
            action.command = types.Command(
                title(Message("Show it")), SHOW, arguments=[{"uri": made.uri}]
            )
        return action

    async def act(self, argument: Mapping[str, object]) -> dict[str, object]:
        """The same by command: the edit is applied as soon as it is there."""
        title = str(argument.get("title") or self.doing.title_of(str(argument.get("id"))))
        wished = self.read(argument, title)
        if isinstance(wished, str):
            return {"applied": False, "reason": wished}
        done = await self.doing.do(wished, title)
        made = await self.edit(wished, done)
        if made.edit is None:
            self.refuse(done, made.reason)
            return {"applied": False, "reason": done.reason or made.reason}
        self.tell(done)
        return {**faults_of(done), **await self.applied(done, made, unannounced=True)}

    def read(self, data: object, title: str, kind: str = "") -> Wish | str:
        """What is wished, or why it cannot be done, which is shown."""
        try:
            return wish(data, self.host.buffers, kind)
        except Unusable as error:
            told = Message("Tabwright: {0}: {1}.", title or Message("this action"), str(error))
            self.host.client.show("warning", told)
            return str(error)

    async def edit(self, wished: Wish, done: Done) -> Made:
        """The edit that a candidate makes, bound to the state of the document it was made for."""
        candidate = done.candidate
        if candidate is None:
            return Made(None, reason=done.reason)
        if candidate.action.new_document:
            return await self._new_document(wished, candidate)
        encoding, versions = self.host.buffers.encoding, self.able.versions
        edit = await self.doing.work(_edit, wished.snapshot, candidate.after, encoding, versions)
        stale = self.doing.stale(wished)
        return Made(None, reason=stale) if stale else Made(edit)

    async def _new_document(self, wished: Wish, candidate: Candidate) -> Made:
        folder = new_documents.folder_of(wished.snapshot.uri, wished.path)
        if not self.able.creates:
            return Made(None, reason=Message("the editor does not let a server make documents"))
        if folder is None:
            return Made(None, reason=Message("the document has no folder yet; save it first"))
        buffers = self.host.buffers
        paths = [buffers.path_of(open_one.uri) for open_one in buffers]
        name = candidate.action.new_document
        path = await self.host.files(new_documents.free_path, folder, name, paths)
        uri = path.as_uri()
        return Made(workspace_edits.new_document(uri, candidate.after), uri)

    async def applied(
        self, done: Done, made: Made, *, unannounced: bool = False
    ) -> dict[str, object]:
        """Have the edit applied, and a new document shown; tells the user when it was refused.

        A client that did not announce that it applies edits is only asked when ``unannounced``:
        Kate and ALE do apply them.
        """
        if made.edit is None:
            return {"applied": False, "reason": made.reason}
        reason: Message | None = Message("the editor does not let a server edit")
        if self.able.applies or unannounced:
            reason = await self.editor.apply(Message("Tabwright: {0}", done.title), made.edit)
        if reason:
            self.refuse(done, reason)
        elif made.uri and self.able.shows:
            await self.editor.show_document(made.uri)
        return {"applied": not reason, "reason": reason or ""}

    async def show(self, argument: Mapping[str, object]) -> dict[str, object]:
        """Show a document that an action made."""
        uri = str(argument.get("uri") or "")
        return {"shown": self.able.shows and bool(uri) and await self.editor.show_document(uri)}

    def tell(self, done: Done) -> None:
        """Warn of what is doubtful, and pass on what the model's answer was noted with.

        That something was not checked is said in the title each time, as a message once.
        """
        note = done.candidate.note if done.candidate is not None else ""
        heavy = [said_in_full(fault) for fault in done.faults if fault.weight]
        unchecked = [said_in_full(fault) for fault in done.faults if not fault.weight]
        if heavy:
            words = joined(heavy[:_MOST_TOLD])
            told = Message("Tabwright: {0}: look closely: {1}.", done.title, words)
            self.host.client.show("warning", told)
        for reason in unchecked:
            told = Message("Tabwright: {0}: {1}.", done.title, reason)
            self.host.notices.say(f"unchecked: {reason}", "warning", told)
        if note:
            told = Message("Tabwright: {0}: {1}.", done.title, without_stop(note))
            self.host.client.show("info", told)

    def refuse(self, done: Done, reason: str) -> None:
        """Show why a candidate cannot be had; that there is none has been shown already."""
        if done.candidate is not None:
            told = Message("Tabwright: {0}: {1}.", done.title, without_stop(reason))
            self.host.client.show("warning", told)


def _edit(snapshot: Snapshot, after: str, encoding: str, versions: bool) -> types.WorkspaceEdit:
    edits = line_edits(snapshot.text, after)
    return workspace_edits.in_place(snapshot, edits, encoding, versions=versions)


def faults_of(done: Done) -> dict[str, object]:
    """The title and the faults as a command's answer has them."""
    return {"title": done.marked, "faults": [said_in_full(fault) for fault in done.faults]}
