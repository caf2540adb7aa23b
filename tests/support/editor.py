"""An editor for the end-to-end tests: pygls' own client, and the real server over stdio."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from lsprotocol import types
from pygls.exceptions import JsonRpcMethodNotFound
from pygls.io_ import run_async
from pygls.lsp.client import LanguageClient
from pygls.protocol import default_converter
from support import prepared_server, scripted_engine

from tabwright import paths
from tabwright.lsp.workspace_edits import apply_workspace_edit
from tabwright.trust import TrustFile

ROOT = Path(__file__).resolve().parents[2]
URI = "file:///work/code.py"
# As a user's editor has it; with "-m" Python would look for it in the working folder first.
INSTALLED = (str(Path(sys.executable).with_name("tabwright")),)


# What is compiled for this machine, once for all tests, as the user's own engine keeps it.
COMPILED = os.environ.get("NUMBA_CACHE_DIR") or str(paths.cache_dir() / "numba")


@dataclass
class Home:
    """Own folders for one server: nothing of the user's is read or written."""

    path: Path

    @property
    def socket(self) -> Path:
        return self.path / "run" / "engine.sock"

    @property
    def trust_file(self) -> TrustFile:
        """What the user of this home allowed; write through it what a test needs allowed."""
        return TrustFile(self.path / ".local" / "share" / "tabwright" / "trust.json")

    @property
    def log(self) -> str:
        found = list(self.path.rglob("server.log"))
        return found[0].read_text("utf-8") if found else ""

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        (self.path / "run").mkdir(mode=0o700, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        imported = [str(ROOT / "server"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **kept,
            "HOME": str(self.path),
            "PYTHONPATH": os.pathsep.join(imported),
            "TABWRIGHT_RUNTIME_DIR": str(self.path / "run"),
            "TABWRIGHT_MODELS_DIR": str(self.path / "models"),
            "NUMBA_CACHE_DIR": COMPILED,
            **(extra or {}),
        }


def with_puller(home: Home, script: str) -> dict[str, str]:
    """An environment in which the server runs this script for ``models pull NAME …``."""
    folder = home.path / "fake"
    folder.mkdir()
    (folder / "pull.py").write_text(script)
    (folder / "sitecustomize.py").write_text(
        "from tabwright import processes\n"
        "real = processes.tabwright\n"
        "def stand_in(*arguments):\n"
        "    if 'pull' not in arguments:\n"
        "        return real(*arguments)\n"
        f"    return processes.python({str(folder / 'pull.py')!r}, *arguments)\n"
        "processes.tabwright = stand_in\n"
    )
    return {"PYTHONPATH": f"{folder}:{home.environment()['PYTHONPATH']}"}


class _Client(LanguageClient):
    """pygls' client, which can also take a server that is forked."""

    async def start_prepared(
        self, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """As ``start_io``, with a server of ``support.prepared_server``."""
        server = await prepared_server.start(arguments, environment)
        self.protocol.set_writer(server.stdin)
        reading = run_async(
            stop_event=self._stop_event,
            reader=server.stdout,
            protocol=self.protocol,
            logger=logging.getLogger(__name__),
            error_handler=self.report_server_error,
        )
        self._server = cast(asyncio.subprocess.Process, server)
        self._async_tasks += [
            asyncio.create_task(reading),
            asyncio.create_task(self._server_exit()),  # type: ignore[no-untyped-call]
        ]


@dataclass
class Editor:
    """A client and all that the server told it."""

    client: _Client
    settings: Any = None
    chosen: str | None = None  # what the user answers to every question
    answers: str = "at once"  # whether questions are answered: "never", or "unable" to ask
    shown: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    bars: list[Any] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)
    applied: list[types.ApplyWorkspaceEditParams] = field(default_factory=list)
    refusal: str | None = None  # why the editor refuses every edit of the server's
    opened: list[str] = field(default_factory=list)  # uris of window/showDocument
    published: list[types.PublishDiagnosticsParams] = field(default_factory=list)
    result: types.InitializeResult | None = None
    started_s: float = 0.0
    version: int = 1

    def _listen(self) -> None:
        def show(params: types.ShowMessageParams) -> None:
            self.shown.append(params.message)

        async def ask(params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
            if self.answers == "unable":
                raise JsonRpcMethodNotFound
            self.asked.append(params.message)
            if self.answers == "never":
                await asyncio.Event().wait()
            return types.MessageActionItem(self.chosen) if self.chosen else None

        def configuration(params: types.ConfigurationParams) -> list[Any]:
            return [self.settings for _ in params.items]

        def create(params: types.WorkDoneProgressCreateParams) -> None:
            return None

        def progress(params: types.ProgressParams) -> None:
            self.bars.append(params)

        def register(params: types.RegistrationParams) -> None:
            self.registered.extend(each.method for each in params.registrations)

        def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            self.applied.append(params)
            return types.ApplyWorkspaceEditResult(self.refusal is None, self.refusal)

        def open_document(params: types.ShowDocumentParams) -> types.ShowDocumentResult:
            self.opened.append(params.uri)
            return types.ShowDocumentResult(True)

        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.published.append(params)

        for method, handler in (
            (types.WORKSPACE_APPLY_EDIT, apply),
            (types.WINDOW_SHOW_DOCUMENT, open_document),
            (types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, publish),
            (types.WINDOW_SHOW_MESSAGE, show),
            (types.WINDOW_SHOW_MESSAGE_REQUEST, ask),
            (types.WORKSPACE_CONFIGURATION, configuration),
            (types.WINDOW_WORK_DONE_PROGRESS_CREATE, create),
            (types.PROGRESS, progress),
            (types.CLIENT_REGISTER_CAPABILITY, register),
        ):
            self.client.feature(method)(handler)

    async def initialize(
        self,
        capabilities: types.ClientCapabilities,
        options: Any,
        root: Path | None,
        locale: str | None = None,
    ) -> None:
        params = types.InitializeParams(
            process_id=os.getpid(),
            capabilities=capabilities,
            initialization_options=options,
            root_uri=root.as_uri() if root else None,
            locale=locale,
        )
        self.result = await asyncio.wait_for(self.client.initialize_async(params), 20)
        self.client.initialized(types.InitializedParams())

    def open(self, text: str, uri: str = URI, language: str = "python") -> None:
        self.version = 1
        item = types.TextDocumentItem(uri, language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, text: str, uri: str = URI) -> None:
        self.version += 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.version, uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def params(
        self, line: int, character: int, *, invoked: bool = False, uri: str = URI
    ) -> types.InlineCompletionParams:
        kinds = types.InlineCompletionTriggerKind
        return types.InlineCompletionParams(
            context=types.InlineCompletionContext(kinds.Invoked if invoked else kinds.Automatic),
            text_document=types.TextDocumentIdentifier(uri),
            position=types.Position(line, character),
        )

    async def complete(
        self, line: int, character: int, *, invoked: bool = False, uri: str = URI
    ) -> list[types.InlineCompletionItem]:
        params = self.params(line, character, invoked=invoked, uri=uri)
        answer = await asyncio.wait_for(
            self.client.text_document_inline_completion_async(params), 20
        )
        assert isinstance(answer, types.InlineCompletionList)
        return list(answer.items)

    async def texts(self, line: int, character: int, **how: Any) -> list[Any]:
        return [item.insert_text for item in await self.complete(line, character, **how)]

    def send(self, params: types.InlineCompletionParams, msg_id: str) -> asyncio.Future[Any]:
        method = types.TEXT_DOCUMENT_INLINE_COMPLETION
        return asyncio.wrap_future(self.client.protocol.send_request(method, params, msg_id=msg_id))

    def cancel(self, msg_id: str) -> None:
        self.client.cancel_request(types.CancelParams(msg_id))

    async def command(self, name: str, *arguments: Any) -> dict[str, Any]:
        params = types.ExecuteCommandParams(f"tabwright.{name}", list(arguments))
        found = await asyncio.wait_for(self.client.workspace_execute_command_async(params), 20)
        return as_dict(found)

    async def actions(
        self, where: types.Range, *diagnostics: types.Diagnostic, uri: str = URI, only: Any = None
    ) -> list[Any]:
        """What the server offers at a range."""
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri),
            where,
            types.CodeActionContext(list(diagnostics), only=only),
        )
        found = await asyncio.wait_for(self.client.text_document_code_action_async(params), 20)
        return list(found or ())

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        return await asyncio.wait_for(self.client.code_action_resolve_async(action), 30)

    async def plain(self, method: str, params: object) -> Any:
        """A request whose answer is left as plain JSON.

        lsprotocol reads an action that has a command as that command.
        """
        sent = self.client.protocol.send_request(method, params, msg_id=f"plain-{method}")
        self.client.protocol._result_types.pop(f"plain-{method}")
        return plain(await asyncio.wait_for(asyncio.wrap_future(sent), 20))

    def edited(self, edit: Any, texts: Mapping[str, str]) -> dict[str, str]:
        """The documents after a WorkspaceEdit, as this editor's units of positions have it."""
        assert self.result is not None
        converter = cast(Any, default_converter)()
        found = edit if isinstance(edit, Mapping) else converter.unstructure(edit)
        agreed = self.result.capabilities.position_encoding or "utf-16"
        return apply_workspace_edit(
            found, texts, types.PositionEncodingKind(agreed).value, {URI: self.version}
        )

    async def until_ready(self) -> None:
        async with asyncio.timeout(20):
            while (await self.command("status"))["state"] != "ready":
                await asyncio.sleep(0.02)

    async def until(self, what: Any, seconds: float = 10.0) -> None:
        """Wait until ``what()`` holds."""
        async with asyncio.timeout(seconds):
            while not what():
                await asyncio.sleep(0.01)

    @property
    def process(self) -> asyncio.subprocess.Process:
        process = self.client._server
        assert process is not None
        return process


def as_dict(value: Any) -> dict[str, Any]:
    """pygls gives answers of commands as named tuples."""
    if hasattr(value, "_asdict"):
        return {key: plain(each) for key, each in value._asdict().items()}
    assert isinstance(value, Mapping)
    return {str(key): plain(each) for key, each in value.items()}


def plain(value: Any) -> Any:
    if hasattr(value, "_asdict") or isinstance(value, Mapping):
        return as_dict(value)
    return [plain(each) for each in value] if isinstance(value, list) else value


def capabilities(
    *encodings: str,
    inline: bool = True,
    configuration: bool = True,
    dynamic: bool = False,
    actions: str = "resolve",
    versions: bool = True,
    creates: bool = True,
) -> types.ClientCapabilities:
    """What a modern editor announces.

    ``actions``: "resolve" (and their commands too: "resolve all"), "literal" (actions, but nothing
    of them can be asked for later), "command" (commands alone).
    """
    literals = types.ClientCodeActionLiteralOptions(types.ClientCodeActionKindOptions([""]))
    later = {"resolve": ["edit"], "resolve all": ["edit", "command"]}.get(actions)
    tags = types.CodeActionTagOptions([types.CodeActionTag.LlmGenerated])
    code_action = types.CodeActionClientCapabilities(
        code_action_literal_support=literals if actions != "command" else None,
        resolve_support=types.ClientCodeActionResolveOptions(later) if later else None,
        tag_support=tags if later else None,
    )
    return types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=list(encodings) or None),
        text_document=types.TextDocumentClientCapabilities(
            inline_completion=types.InlineCompletionClientCapabilities(dynamic_registration=dynamic)
            if inline
            else None,
            code_action=code_action,
        ),
        notebook_document=types.NotebookDocumentClientCapabilities(
            types.NotebookDocumentSyncClientCapabilities()
        ),
        window=types.WindowClientCapabilities(
            work_done_progress=True,
            show_document=types.ShowDocumentClientCapabilities(True),
        ),
        workspace=types.WorkspaceClientCapabilities(
            apply_edit=True,
            workspace_edit=types.WorkspaceEditClientCapabilities(
                document_changes=versions,
                resource_operations=[types.ResourceOperationKind.Create] if creates else None,
            ),
            configuration=configuration,
            did_change_configuration=types.DidChangeConfigurationClientCapabilities(
                dynamic_registration=dynamic
            ),
        ),
    )


@contextlib.asynccontextmanager
async def editing(
    home: Home,
    *,
    announce: types.ClientCapabilities | None = None,
    options: Any = None,
    settings: Any = None,
    chosen: str | None = None,
    root: Path | None = None,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    locale: str | None = None,
    folder: Path | None = None,
    within: Sequence[str] = (),
    answers: str = "at once",
    fresh: bool = False,
) -> AsyncIterator[Editor]:
    """Start a server, initialize it, and end it properly.

    With a ``folder`` it is the installed command that starts there, as editors do it in a project.
    ``within`` is a command that starts the server in turn. A ``fresh`` server imports all that it
    needs; so does one with a folder, a ``within`` or a variable of Python's own. Others are forked
    from a process that has imported it (``support.prepared_server``).
    """
    editor = Editor(_Client("test-editor", "1"), settings, chosen, answers)
    editor._listen()
    started = time.perf_counter()
    of_python = any(name.startswith("PYTHON") for name in environment or ())
    if fresh or folder or within or of_python or not prepared_server.POSSIBLE:
        program = INSTALLED if folder else (sys.executable, "-m", "tabwright")
        await editor.client.start_io(
            *within, *program, "serve", *arguments, env=home.environment(environment), cwd=folder
        )
    else:
        await editor.client.start_prepared(arguments, home.environment(environment))
    await editor.initialize(announce or capabilities("utf-16"), options, root, locale)
    editor.started_s = time.perf_counter() - started
    try:
        yield editor
    finally:
        if editor.process.returncode is None:
            await asyncio.wait_for(editor.client.shutdown_async(None), 5)
            editor.client.exit(None)
            await asyncio.wait_for(editor.process.wait(), 5)
        with contextlib.suppress(Exception):
            await cast(Any, editor.client).stop()


@contextlib.asynccontextmanager
async def engine_for(
    home: Home, *rules: Mapping[str, Any], **script: Any
) -> AsyncIterator[scripted_engine.ScriptedEngine]:
    """A scripted engine where that home's servers look for one."""
    home.environment()
    async with scripted_engine.running(
        {"rules": list(rules), **script}, socket=home.socket
    ) as engine:
        yield engine
