"""The handlers: each freezes what it needs, asks the host and translates the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.protocol import default_converter

from tabwright import __version__, paths
from tabwright.app.documents.buffers import Cursor, path_of
from tabwright.app.runtime.loop_hold import LoopHold
from tabwright.app.settings.layers import wanted_menu
from tabwright.app.settings.settings import SECTION
from tabwright.lsp import convert
from tabwright.lsp.document_sync import DocumentProtocol
from tabwright.lsp.localisation.language import ENGLISH, language_of
from tabwright.lsp.transport.json_rpc import RpcServer

if TYPE_CHECKING:
    from tabwright.app.runtime.host import Host
    from tabwright.lsp.action_commands import ActionCommands

_NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[
        types.NotebookDocumentFilterWithNotebook(
            notebook="*", cells=[types.NotebookCellLanguage(language="*")]
        )
    ],
    save=False,
)
_MENU = types.CompletionOptions(trigger_characters=[".", "(", "[", "{", "=", ":", ","])
_REWRITE = "refactor.rewrite.tabwright"
ACTION_KINDS = (
    "quickfix",
    f"{_REWRITE}.generate",
    f"{_REWRITE}.simplify",
    f"{_REWRITE}.document",
    f"{_REWRITE}.tests",
    f"{_REWRITE}.translate",
    f"{_REWRITE}.edit",
)
_ACTIONS = types.CodeActionOptions(code_action_kinds=list(ACTION_KINDS), resolve_provider=True)
_CONFIGURATION_ID = "tabwright-configuration"
# That ghost text waits for a model that is loading, and that somebody who asked for it does.
_PATIENCE_S, _INVOKED_PATIENCE_S = 10.0, 60.0

_Answer = dict[str, object]
_Handler = Callable[["Server", Mapping[str, object]], _Answer | Awaitable[_Answer]]


class Server(RpcServer):
    """The language server; ``host`` holds its state."""

    protocol: DocumentProtocol

    def __init__(self) -> None:
        """Register every handler; nothing runs before ``initialize``."""
        super().__init__(
            "tabwright",
            __version__,
            types.TextDocumentSyncKind.Full,
            _NOTEBOOKS,
            protocol_cls=DocumentProtocol,
            converter_factory=default_converter,
        )
        self.protocol.get_host = lambda: self.host
        self.protocol.before_capabilities = self._before_capabilities
        self.initial: object = None
        self.loop_hold = LoopHold()
        self.language = ENGLISH
        _register(self)

    @cached_property
    def host(self) -> Host:
        """The state between requests; imported only after ``initialize`` is answered."""
        from tabwright.app.documents.syntax_errors import SyntaxReports
        from tabwright.app.runtime.host import Host
        from tabwright.lsp.client import Editor

        editor = Editor(self, self.language)
        host = Host(editor)
        host.start_settings(self.initial)
        encoding = host.workspace.buffers.encoding = self.protocol.encoding
        publish = partial(editor.publish, encoding=encoding)
        host.workspace.watchers.add(SyntaxReports(host, publish))
        return host

    @cached_property
    def commands(self) -> ActionCommands:
        """The actions; imported when the client first asks for one."""
        from tabwright.lsp.action_commands import ActionCommands
        from tabwright.lsp.client import Editor
        from tabwright.lsp.client_capabilities import abilities
        from tabwright.lsp.code_actions import CodeActions

        able = abilities(self.client_capabilities)
        actions = CodeActions(self.host, Editor(self, self.language), able)
        found = ActionCommands(actions, self.host)
        self.host.workspace.watchers.add(found)
        return found

    @property
    def has_host(self) -> bool:
        """Whether there is any state to give up at the end."""
        return "host" in self.__dict__

    def _before_capabilities(self, params: types.InitializeParams) -> None:
        inline = convert.has_inline_completion(params.capabilities)
        menu = wanted_menu(params.initialization_options, paths.config_file())
        self.initial = params.initialization_options
        self.language = language_of(params.locale)
        if menu == "always" or (menu == "auto" and not inline):
            self.feature(types.TEXT_DOCUMENT_COMPLETION, _MENU)(_complete_menu)


def _register(server: Server) -> None:
    options = types.InlineCompletionOptions()
    server.feature(types.INITIALIZED)(_initialized)
    server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, options)(_inline_completion)
    server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(_did_change_configuration)
    server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(_did_change_folders)
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, _ACTIONS)(_code_action)
    server.feature(types.CODE_ACTION_RESOLVE)(_resolve)
    for name, handler in _COMMANDS.items():
        server.command(f"tabwright.{name}")(_spoken(handler))


def _spoken(handler: _Handler) -> Callable[[Server, Mapping[str, object]], Awaitable[_Answer]]:
    """The handler of a command, answering in the client's language."""

    async def spoken(ls: Server, argument: Mapping[str, object]) -> _Answer:
        found = handler(ls, argument)
        return ls.language.answer(await found if isinstance(found, Awaitable) else found)

    return spoken


async def _status(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    longest_ms = round(ls.loop_hold.longest_s * 1000, 1)
    return {**await ls.host.status(), "loop_longest_ms": longest_ms}


def _why(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return ls.host.why()


async def _pull(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return await ls.host.engines.pull(str(argument.get("model") or ""))


async def _trust(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return ls.host.folders.take_workspace_trust(argument)


async def _statistics(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return await ls.host.usage.report(argument.get("days"))


async def _delete_statistics(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return await ls.host.usage.delete()


async def _code_action(
    ls: Server, params: types.CodeActionParams
) -> list[types.CodeAction | types.Command]:
    return await ls.commands.actions.offer(params)


async def _resolve(ls: Server, action: types.CodeAction) -> types.CodeAction:
    return await ls.commands.actions.resolve(action)


async def _act(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return await ls.commands.actions.act(argument)


async def _edit(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return await ls.commands.edit(argument)


def _accept(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return ls.commands.accept(argument)


def _drop(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return ls.commands.drop(argument)


async def _translate(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return await ls.commands.translate(argument)


async def _tests(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return await ls.commands.tests(argument)


async def _explain(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return await ls.commands.explain(argument)


async def _show(ls: Server, argument: Mapping[str, object]) -> dict[str, object]:
    return await ls.commands.actions.show(argument)


_COMMANDS: Mapping[str, _Handler] = {
    "act": _act,
    "edit": _edit,
    "accept": _accept,
    "drop": _drop,
    "translate": _translate,
    "tests": _tests,
    "explain": _explain,
    "show": _show,
    "status": _status,
    "why": _why,
    "pull": _pull,
    "trust": _trust,
    "statistics": _statistics,
    "deleteStatistics": _delete_statistics,
}


def _cursor(
    ls: Server, document: types.TextDocumentIdentifier, position: types.Position
) -> Cursor | None:
    """All that an answer may use, as it is now; None, noted for ``why``, where nothing is open."""
    buffers, uri = ls.host.workspace.buffers, document.uri
    cursor = convert.take_snapshot(buffers, uri, position)
    if cursor is None:
        ls.host.completions.not_open(uri, convert.line_and_character(position))
    return cursor


async def _inline_completion(
    ls: Server, params: types.InlineCompletionParams
) -> types.InlineCompletionList:
    cursor = _cursor(ls, params.text_document, params.position)
    if cursor is None:
        return types.InlineCompletionList(items=[])
    encoding = ls.host.workspace.buffers.encoding
    invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    result = await ls.host.completions.complete(
        cursor,
        invoked=invoked,
        patience_s=_INVOKED_PATIENCE_S if invoked else _PATIENCE_S,
        selected=convert.selected(cursor, params.context, encoding),
    )
    return convert.inline_list(cursor.snapshot, result.edits, encoding)


async def _complete_menu(ls: Server, params: types.CompletionParams) -> types.CompletionList:
    cursor = _cursor(ls, params.text_document, params.position)
    if cursor is None:
        return types.CompletionList(is_incomplete=True, items=[])
    result = await ls.host.completions.complete(cursor, invoked=False)
    encoding = ls.host.workspace.buffers.encoding
    return convert.menu_list(cursor.snapshot, cursor.offset, result.edits, encoding)


async def _initialized(ls: Server, params: types.InitializedParams) -> None:
    ls.host.folders.take_roots(_roots(ls))  # the editor may add some while it answers
    workspace = ls.client_capabilities.workspace
    if workspace is None or not workspace.configuration or not await _ask_for_settings(ls):
        ls.host.configure(None, _roots(ls))
    ls.host.engines.start()
    changes = workspace.did_change_configuration if workspace is not None else None
    if changes is not None and changes.dynamic_registration:
        await _register_for_settings(ls)


async def _did_change_configuration(ls: Server, params: types.DidChangeConfigurationParams) -> None:
    sent = params.settings
    if isinstance(sent, Mapping) and sent:
        ls.host.configure(sent, _roots(ls))
        return
    workspace = ls.client_capabilities.workspace
    if workspace is not None and workspace.configuration:
        await _ask_for_settings(ls)


def _did_change_folders(ls: Server, params: types.DidChangeWorkspaceFoldersParams) -> None:
    ls.host.change_roots(_roots(ls))


async def _ask_for_settings(ls: Server) -> bool:
    """Configure from what the editor answers; False when it has nothing under our name."""
    item = types.ConfigurationItem(section=SECTION)
    found = await ls.ask(
        ls.workspace_configuration_async(types.ConfigurationParams(items=[item])),
        "the settings",
    )
    if not found or not isinstance(found[0], Mapping):
        return False
    ls.host.configure(found[0], _roots(ls))
    return True


async def _register_for_settings(ls: Server) -> None:
    method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
    options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
    registration = types.Registration(_CONFIGURATION_ID, method, options)
    params = types.RegistrationParams(registrations=[registration])
    await ls.ask(ls.client_register_capability_async(params), "news of changed settings")


def _roots(ls: Server) -> tuple[str, ...]:
    folders = [folder.uri for folder in ls.workspace.folders.values()]
    if not folders and ls.workspace.root_uri:
        folders = [ls.workspace.root_uri]
    return tuple(path for path in map(path_of, folders) if path)
