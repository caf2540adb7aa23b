"""The protocol side of code actions: list them, resolve one to an edit, apply it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lsprotocol import types

from tabwright.app.actions.candidate_checks import CandidateChecker
from tabwright.app.actions.executor import ActionExecutor, title_with_fault, with_advice
from tabwright.app.actions.listing import MOST_DIAGNOSTICS, Listed, guessed, listed
from tabwright.app.completion.query import KEPT_OUT
from tabwright.app.documents import new_documents
from tabwright.app.documents.line_edits import line_edits
from tabwright.app.documents.privacy import refusal_for
from tabwright.app.runtime.host import Host
from tabwright.assists.registry import ASSISTS, Assist
from tabwright.assists.request import ActionRequest
from tabwright.checks.faults import EditCandidate
from tabwright.core.message import Message, joined, verbatim, without_full_stop
from tabwright.core.task import Nothing
from tabwright.core.text import Snapshot
from tabwright.lsp import convert, workspace_edits
from tabwright.lsp.action_data import Unusable, data_of, read_request
from tabwright.lsp.client import Editor
from tabwright.lsp.client_capabilities import Abilities

ACT, SHOW = "tabwright.act", "tabwright.show"
_MAX_SHOWN_FAULTS = 3


class CodeActions:
    """The handlers' other half: takes the protocol's types and gives them back."""

    def __init__(
        self,
        host: Host,
        editor: Editor,
        able: Abilities,
        assists: Sequence[Assist] = ASSISTS,
        checks: CandidateChecker | None = None,
    ) -> None:
        """Serve a client that is ``able`` of so much."""
        self.host = host
        self.editor = editor
        self.able = able
        self.executor = ActionExecutor(host, assists, checks)
        self._assists = assists

    # Listing ------------------------------------------------------------------------------------

    async def offer(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        """Return the actions that apply at a range, without asking the model."""
        workspace, uri, start = self.host.workspace, params.text_document.uri, params.range.start
        cursor = convert.take_snapshot(workspace.buffers, uri, params.range.end)
        if cursor is None or not await self.host.configuration.until_ready():
            return []
        if not self.host.configuration.settings.is_on(cursor.snapshot.language_id):
            return []
        refusal = await workspace.files(refusal_for, workspace.privacy.allowed, cursor.path, uri)
        if refusal is not None:
            where = convert.line_and_character(start)
            self.host.report.note_refusal(KEPT_OUT, refusal, uri, where)
            return []
        self.host.completions.moved(cursor)
        return await self.executor.work(self._offers, cursor.snapshot, params)

    def _offers(
        self, snapshot: Snapshot, params: types.CodeActionParams
    ) -> list[types.CodeAction | types.Command]:
        encoding, text = self.host.workspace.buffers.encoding, snapshot.text
        sent = params.context.diagnostics
        # No more are offered; each is looked for in the whole text.
        ours = [convert.to_diagnostic(text, each, encoding) for each in sent[:MOST_DIAGNOSTICS]]
        span = convert.span_of(text, params.range, encoding)
        model = guessed(self.host.configuration.settings.model)
        request = ActionRequest(snapshot, span, model)
        only = [str(getattr(kind, "value", kind)) for kind in params.context.only or ()]
        found = listed(self._assists, request, ours, only)
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

    # Executing ----------------------------------------------------------------------------------

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """Return the action with its edit; without an edit the reason has been shown."""
        request = self.read(action.data, action.title)
        if isinstance(request, Nothing):
            return action
        found = await self.executor.execute(request, action.title)
        edit = await self.edit(request, found)
        if isinstance(found, Nothing) or isinstance(edit, Nothing):
            self.failure_reason(action.title, found, edit)
            return action
        self.show_faults(action.title, found)
        title = self.editor.language.title
        uri = workspace_edits.created(edit)
        action.title, action.edit = title(title_with_fault(action.title, found.faults)), edit
        if uri and self.able.resolves_command and self.able.shows:
            action.command = types.Command(
                title(Message("Show it")), SHOW, arguments=[{"uri": uri}]
            )
        return action

    async def act(self, argument: Mapping[str, object]) -> dict[str, object]:
        """The same by command: the edit is applied as soon as it is there."""
        title = str(argument.get("title") or self.executor.title_of(str(argument.get("id"))))
        request = self.read(argument, title)
        if isinstance(request, Nothing):
            return {"applied": False, "reason": request.reason}
        found = await self.executor.execute(request, title)
        edit = await self.edit(request, found)
        if isinstance(found, Nothing) or isinstance(edit, Nothing):
            return {"applied": False, "reason": self.failure_reason(title, found, edit)}
        self.show_faults(title, found)
        applied = await self.applied(title, found, edit, unannounced=True)
        return {**faults_of(title, found), **applied}

    def read(self, data: object, title: str, kind: str = "") -> ActionRequest | Nothing:
        """Read a request; when it is not usable, show why and return the reason."""
        try:
            return read_request(data, self.host.workspace.buffers, kind)
        except Unusable as error:
            message = Message("Tabwright: {0}: {1}.", title or Message("this action"), str(error))
            self.host.client.show("warning", message)
            return Nothing(error.message)

    async def edit(
        self, request: ActionRequest, found: EditCandidate | Nothing
    ) -> types.WorkspaceEdit | Nothing:
        """The edit that a candidate makes, bound to the state of the document it was made for."""
        if isinstance(found, Nothing):
            return found
        if found.new_document:
            return await self._new_document(request, found)
        encoding, versions = self.host.workspace.buffers.encoding, self.able.versions
        edit = await self.executor.work(_edit, request.document, found.after, encoding, versions)
        stale = self.executor.stale(request)
        return Nothing(stale) if stale else edit

    async def _new_document(
        self, request: ActionRequest, found: EditCandidate
    ) -> types.WorkspaceEdit | Nothing:
        folder = new_documents.folder_of(request.document.uri, request.path)
        if not self.able.creates:
            return Nothing(Message("the editor does not let a server make documents"))
        if folder is None:
            return Nothing(Message("the document has no folder yet; save it first"))
        workspace = self.host.workspace
        paths = workspace.buffers.open_paths()
        path = await workspace.files(new_documents.free_path, folder, found.new_document, paths)
        return workspace_edits.new_document(path.as_uri(), found.after)

    async def applied(
        self,
        title: str,
        found: EditCandidate,
        edit: types.WorkspaceEdit,
        *,
        unannounced: bool = False,
    ) -> dict[str, object]:
        """Have the client apply an edit and show a new document; show a message when it refuses.

        A client that did not announce that it applies edits is only asked when ``unannounced``:
        Kate and ALE do apply them.
        """
        reason: Message | None = Message("the editor does not let a server edit")
        if self.able.applies or unannounced:
            reason = await self.editor.apply(Message("Tabwright: {0}", title), edit)
        uri = workspace_edits.created(edit)
        if reason:
            self.failure_reason(title, found, Nothing(reason))
        elif uri and self.able.shows:
            await self.editor.show_document(uri)
        return {"applied": not reason, "reason": reason or ""}

    async def show(self, argument: Mapping[str, object]) -> dict[str, object]:
        """Show a document that an action made."""
        uri = str(argument.get("uri") or "")
        return {"shown": self.able.shows and bool(uri) and await self.editor.show_document(uri)}

    def show_faults(self, title: str, found: EditCandidate) -> None:
        """Warn about the faults of a candidate.

        The title says each time that something was not checked; a message says it once.
        """
        heavy = [with_advice(fault) for fault in found.faults if fault.weight]
        unchecked = [with_advice(fault) for fault in found.faults if not fault.weight]
        if heavy:
            listed = joined(heavy[:_MAX_SHOWN_FAULTS])
            message = Message("Tabwright: {0}: look closely: {1}.", title, listed)
            self.host.client.show("warning", message)
        for reason in unchecked:
            message = Message("Tabwright: {0}: {1}.", title, reason)
            self.host.notices.show_once(f"unchecked: {reason}", "warning", message)

    def failure_reason(
        self,
        title: str,
        found: EditCandidate | Nothing,
        edit: types.WorkspaceEdit | Nothing,
    ) -> Message:
        """Return why there is no edit; show it, except where the executor has shown it."""
        if isinstance(found, Nothing):
            return found.reason
        reason = edit.reason if isinstance(edit, Nothing) else verbatim("")
        message = Message("Tabwright: {0}: {1}.", title, without_full_stop(reason))
        self.host.client.show("warning", message)
        return reason


def _edit(snapshot: Snapshot, after: str, encoding: str, versions: bool) -> types.WorkspaceEdit:
    edits = line_edits(snapshot.text, after)
    return workspace_edits.in_place(snapshot, edits, encoding, versions=versions)


def faults_of(title: str, found: EditCandidate) -> dict[str, object]:
    """The title and the faults as a command's answer has them."""
    faults = [with_advice(fault) for fault in found.faults]
    return {"title": title_with_fault(title, found.faults), "faults": faults}
