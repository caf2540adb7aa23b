"""The client that ``tabwright demo`` and the benchmarks use: pygls' own, and a server process.

Messages stay JSON. lsprotocol would read a code action that has a command as that command, and
pygls the result of a command as a named tuple.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lsprotocol import converters, types
from pygls.client import JsonRPCClient
from pygls.exceptions import JsonRpcException, JsonRpcRequestCancelled
from pygls.io_ import run_async

from tabwright import processes
from tabwright.core.text import Span, common_prefix
from tabwright.lsp import convert
from tabwright.lsp.workspace_edits import StaleEdit, apply_workspace_edit

__all__ = ["CANCELLED", "Item", "Json", "LspClient", "ResponseError", "ServerFailed", "StaleEdit"]

logger = logging.getLogger(__name__)

Json = dict[str, object]
OnNotification = Callable[[str, Json], None]

# The server answered a request with an error; ``code`` is JSON-RPC's.
ResponseError = JsonRpcException
CANCELLED = JsonRpcRequestCancelled.CODE

# Requests of this client are not the user's own work.
_UNCOUNTED: Mapping[str, object] = {"statistics": {"enabled": False}}
_ANSWER_S = 300.0
_INITIALIZE_S = 30.0
_END_S = 5.0
_STDERR_LINES = 20


class ServerFailed(Exception):
    """The server process ended, or did not answer in time; the message says which."""


@dataclass(frozen=True)
class Item:
    """One suggestion: ``new_text`` replaces ``text[start:end]`` of the requested buffer."""

    start: int
    end: int
    new_text: str

    def apply(self, text: str) -> str:
        """Return the buffer as it is after this suggestion was accepted."""
        return text[: self.start] + self.new_text + text[self.end :]


class LspClient(JsonRPCClient):
    """One server process and the connection to it; make it with ``start``, end it with ``stop``.

    ``initialize_ms`` is the time from the start of the process to its answer to ``initialize``,
    ``server_info`` that answer.
    """

    process: processes.Process
    initialize_ms = 0.0
    server_info: Json

    def __init__(
        self,
        settings: Mapping[str, object],
        encoding: str,
        on_notification: OnNotification | None,
        answer_s: float,
    ) -> None:
        """Prepare a client without a server; use ``start``."""
        super().__init__(converter_factory=converters.get_converter)
        self.settings = settings
        self.encoding = encoding
        self.on_notification = on_notification
        self._answer_s = answer_s
        self._versions: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._register()

    @classmethod
    async def start(
        cls,
        *,
        settings: Mapping[str, object] | None = None,
        root: Path | None = None,
        encoding: str = "utf-16",
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        on_notification: OnNotification | None = None,
        trusts: bool = False,
        answer_s: float = _ANSWER_S,
    ) -> LspClient:
        """Start ``tabwright serve`` and initialize it; ``settings`` is the ``tabwright`` section.

        ``trusts`` allows the root's own tools to run; ``answer_s`` is how long any answer may take.
        Raises ServerFailed when the process ends instead of answering, or does not answer.
        """
        client = cls({**_UNCOUNTED, **(settings or {})}, encoding, on_notification, answer_s)
        params = client._initialize_params(root, trusts)
        # The first use compiles the conversion; that time is not the server's.
        client.protocol._converter.unstructure(params)
        started = time.perf_counter()
        await client._start_process(command or processes.tabwright("serve"), environment)
        try:
            answer = await client.request(types.INITIALIZE, params, min(answer_s, _INITIALIZE_S))
        except BaseException:
            client.process.kill()
            await client.stop()
            raise
        client.initialize_ms = (time.perf_counter() - started) * 1000
        client.server_info = _object(answer)
        capabilities = _object(client.server_info.get("capabilities"))
        client.encoding = str(capabilities.get("positionEncoding") or "utf-16")
        client.notify(types.INITIALIZED, {})
        return client

    async def stop(self) -> None:
        """Shut the server down and wait for its end; kill it when it has not ended in 5 s."""
        if self.process.returncode is None:
            with contextlib.suppress(ResponseError, ServerFailed):
                await self.request(types.SHUTDOWN, None, _END_S)
            self.notify(types.EXIT, None)
            await self._wait_or_kill()
        for task in self._async_tasks:
            task.cancel()
        await asyncio.gather(*self._async_tasks, return_exceptions=True)

    # Documents ----------------------------------------------------------------------------------

    def open(self, uri: str, language_id: str, text: str) -> None:
        """Open a document."""
        self._versions[uri], self._texts[uri] = 1, text
        document = types.TextDocumentItem(uri, language_id, 1, text)
        self.notify(types.TEXT_DOCUMENT_DID_OPEN, types.DidOpenTextDocumentParams(document))

    def change(self, uri: str, text: str) -> None:
        """Change an open document to this text; as editors do, send only the changed lines."""
        self._versions[uri] += 1
        document = types.VersionedTextDocumentIdentifier(self._versions[uri], uri)
        change = change_between(self._texts[uri], text, self.encoding)
        self._texts[uri] = text
        params = types.DidChangeTextDocumentParams(document, [change])
        self.notify(types.TEXT_DOCUMENT_DID_CHANGE, params)

    def close(self, uri: str) -> None:
        """Close a document."""
        self._versions.pop(uri, None)
        self._texts.pop(uri, None)
        params = types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri))
        self.notify(types.TEXT_DOCUMENT_DID_CLOSE, params)

    def version(self, uri: str) -> int:
        """The version of an open document."""
        return self._versions[uri]

    # Requests -----------------------------------------------------------------------------------

    def completion_params(
        self, uri: str, text: str, offset: int, *, invoked: bool
    ) -> types.InlineCompletionParams:
        """Parameters of an inline completion at ``offset`` of the buffer ``text``."""
        kinds = types.InlineCompletionTriggerKind
        return types.InlineCompletionParams(
            types.InlineCompletionContext(kinds.Invoked if invoked else kinds.Automatic),
            types.TextDocumentIdentifier(uri),
            convert.position_at(text, offset, self.encoding),
        )

    async def complete(
        self, uri: str, text: str, offset: int, *, invoked: bool = False
    ) -> tuple[Item, ...]:
        """Request inline completions at ``offset`` of the open buffer, whose text is ``text``."""
        params = self.completion_params(uri, text, offset, invoked=invoked)
        answer = await self.request(types.TEXT_DOCUMENT_INLINE_COMPLETION, params)
        return self.items(answer, text, offset)

    def items(self, answer: object, text: str, offset: int) -> tuple[Item, ...]:
        """Read the answer to an inline completion that was requested at ``offset`` of ``text``."""
        listed = answer.get("items", []) if isinstance(answer, dict) else answer or []
        found: list[Item] = []
        for entry in listed if isinstance(listed, list) else []:
            where, new = entry.get("range"), entry["insertText"]
            span = convert.json_span(text, where, self.encoding) if where else Span(offset, offset)
            found.append(Item(span.start, span.end, new["value"] if isinstance(new, dict) else new))
        return tuple(found)

    async def code_actions(
        self,
        uri: str,
        text: str,
        start: int,
        end: int,
        *,
        only: Sequence[str] = (),
        diagnostics: Sequence[Json] = (),
    ) -> list[Json]:
        """List what applies to ``text[start:end]``; ``diagnostics`` are in the protocol's form."""
        context = {"diagnostics": list(diagnostics), "triggerKind": 1}
        answer = await self.request(
            types.TEXT_DOCUMENT_CODE_ACTION,
            {
                "textDocument": {"uri": uri},
                "range": self.range(text, start, end),
                "context": {**context, "only": list(only)} if only else context,
            },
        )
        listed = answer if isinstance(answer, list) else []
        return [action for action in listed if isinstance(action, dict)]

    async def resolve(self, action: Json) -> Json:
        """Execute a listed code action; returns the action with its edit."""
        return _object(await self.request(types.CODE_ACTION_RESOLVE, action))

    async def execute(self, command: str, *arguments: object) -> Json:
        """Run one of the server's commands; an empty result when its answer is no object."""
        params = types.ExecuteCommandParams(command, list(arguments))
        return _object(await self.request(types.WORKSPACE_EXECUTE_COMMAND, params))

    def applied(self, edit: Mapping[str, object], texts: Mapping[str, str]) -> dict[str, str]:
        """Documents after a WorkspaceEdit; raises StaleEdit when one has changed since."""
        return apply_workspace_edit(edit, texts, self.encoding, self._versions)

    def range(self, text: str, start: int, end: int) -> types.Range:
        """The protocol's range of ``text[start:end]``."""
        return convert.range_of(text, Span(start, end), self.encoding)

    # Messages -----------------------------------------------------------------------------------

    def notify(self, method: str, params: object) -> None:
        """Send a notification; ``params`` are JSON, lsprotocol's types, or one within the other."""
        self.protocol.notify(method, params)

    async def request(self, method: str, params: object, answer_s: float | None = None) -> object:
        """Send a request and return its result as JSON.

        Cancelling the waiting task sends ``$/cancelRequest``. Raises ResponseError, and
        ServerFailed when there is no answer in ``answer_s`` seconds.
        """
        limit = self._answer_s if answer_s is None else answer_s
        request_id, answer = self.begin(method, params)
        try:
            # The future stays in pygls' table, where a late answer finds it.
            async with asyncio.timeout(limit):
                return await asyncio.shield(answer)
        except asyncio.CancelledError:
            answer.add_done_callback(_retrieve)
            self.cancel(request_id)
            raise
        except TimeoutError as error:
            answer.add_done_callback(_retrieve)
            message = f"the server did not answer {method} within {limit:g} s"
            raise ServerFailed(message) from error
        except RuntimeError as error:  # what pygls says when the process ended
            await asyncio.wait(self._async_tasks, timeout=1)  # the last lines of stderr
            raise self._ended() from error

    def begin(self, method: str, params: object) -> tuple[str, asyncio.Future[object]]:
        """Send a request and return its id and the future of its result, for ``cancel``.

        The future raises RuntimeError when the server ends. Raises ServerFailed when it has ended.
        """
        if self.stopped:
            raise self._ended()
        request_id = str(uuid.uuid4())
        sent = self.protocol.send_request(method, params, msg_id=request_id)
        return request_id, asyncio.wrap_future(sent)

    def cancel(self, request_id: str) -> None:
        """Send ``$/cancelRequest``; the request's future then raises ResponseError."""
        self.notify(types.CANCEL_REQUEST, types.CancelParams(request_id))

    def _register(self) -> None:
        """Answer what the server requests, and pass its notifications on."""
        # A parameter of type ``object`` would be given this client by pygls.

        def configuration(params: Json) -> list[object]:
            wanted = params.get("items")
            return [
                dict(self.settings) if _object(item).get("section") == "tabwright" else None
                for item in (wanted if isinstance(wanted, list) else [])
            ]

        def no_choice(params: Json) -> None:
            return None

        def notified(method: str, params: Json) -> None:
            if self.on_notification is not None:
                self.on_notification(method, params)

        self.feature(types.WORKSPACE_CONFIGURATION)(configuration)
        for method in (types.WINDOW_WORK_DONE_PROGRESS_CREATE, types.WINDOW_SHOW_MESSAGE_REQUEST):
            self.feature(method)(no_choice)
        for method in (
            types.PROGRESS,
            types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS,
            types.WINDOW_SHOW_MESSAGE,
        ):
            self.feature(method)(partial(notified, method))

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log a message of the server that could not be read or handled."""
        logger.warning("a message of the server could not be handled", exc_info=error)

    # The process --------------------------------------------------------------------------------

    async def _start_process(
        self, command: Sequence[str], environment: Mapping[str, str] | None
    ) -> None:
        """Do what ``start_io`` does, with a process of ``tabwright.processes``."""
        # The server ends by itself when its input closes.
        self.process = self._server = await processes.start_async(
            command,
            stdin=processes.PIPE,
            environment=processes.own_environment(environment),
            limit=1 << 26,
            outlives=True,
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the server was started without pipes")
        self.protocol.set_writer(self.process.stdin)
        self._async_tasks += [
            asyncio.create_task(self._read_messages(self.process.stdout)),
            asyncio.create_task(self._read_stderr()),
            asyncio.create_task(self._server_exit()),  # type: ignore[no-untyped-call]
        ]

    async def _read_messages(self, stdout: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await run_async(
                self._stop_event, stdout, self.protocol, error_handler=self.report_server_error
            )
        # Nothing can be answered any more, so a process that goes on would leave requests open.
        await self._wait_or_kill()

    async def _read_stderr(self) -> None:
        while self.process.stderr and (line := await self.process.stderr.readline()):
            self._stderr.append(line.decode(errors="replace").rstrip())

    async def _wait_or_kill(self) -> None:
        try:
            await asyncio.wait_for(self.process.wait(), _END_S)
        except TimeoutError:
            self.process.kill()

    def _ended(self) -> ServerFailed:
        tail = "\n".join(self._stderr)
        return ServerFailed(f"the server ended with status {self.process.returncode}\n{tail}")

    def _initialize_params(self, root: Path | None, trusts: bool) -> types.InitializeParams:
        folder = types.WorkspaceFolder(root.as_uri(), root.name) if root else None
        kinds = types.ClientCodeActionKindOptions([""])
        return types.InitializeParams(
            process_id=os.getpid(),
            client_info=types.ClientInfo("tabwright-client"),
            root_uri=folder.uri if folder else None,
            workspace_folders=[folder] if folder else None,
            initialization_options={**self.settings, "trust": {"workspace": trusts}},
            capabilities=types.ClientCapabilities(
                general=types.GeneralClientCapabilities(position_encodings=[self.encoding]),
                window=types.WindowClientCapabilities(work_done_progress=True),
                workspace=types.WorkspaceClientCapabilities(
                    configuration=True,
                    workspace_folders=True,
                    workspace_edit=types.WorkspaceEditClientCapabilities(
                        document_changes=True,
                        resource_operations=[types.ResourceOperationKind.Create],
                    ),
                ),
                text_document=types.TextDocumentClientCapabilities(
                    inline_completion=types.InlineCompletionClientCapabilities(),
                    synchronization=types.TextDocumentSyncClientCapabilities(),
                    code_action=types.CodeActionClientCapabilities(
                        code_action_literal_support=types.ClientCodeActionLiteralOptions(kinds),
                        resolve_support=types.ClientCodeActionResolveOptions(["edit"]),
                        data_support=True,
                    ),
                ),
                notebook_document=types.NotebookDocumentClientCapabilities(
                    types.NotebookDocumentSyncClientCapabilities()
                ),
            ),
        )


def change_between(old: str, new: str, encoding: str) -> types.TextDocumentContentChangePartial:
    """The change of a document that makes ``new`` of ``old``: the lines in which they differ."""
    start = old.rfind("\n", 0, common_prefix(old, new)) + 1
    behind = common_prefix(old[start:][::-1], new[start:][::-1])
    end = old.find("\n", len(old) - behind) + 1 or len(old)
    where = convert.range_of(old, Span(start, end), encoding)
    return types.TextDocumentContentChangePartial(where, new[start : len(new) - (len(old) - end)])


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _retrieve(answer: asyncio.Future[object]) -> None:
    """Mark the error of an answer that nobody waits for as seen, or asyncio logs it."""
    if not answer.cancelled():
        answer.exception()
