"""pygls made stricter: one answer to every request, bad input tolerated, no code logged."""

from __future__ import annotations

import asyncio
import itertools
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from tabwright.app.runtime import log
from tabwright.lsp.transport.framing import Malformed

logger = logging.getLogger(__name__)

T = TypeVar("T")

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
NOT_INITIALIZED = -32002

_ALWAYS = frozenset({types.INITIALIZE, types.EXIT})


class RpcServer(LanguageServer):
    """A pygls server that logs errors of the protocol layer instead of showing them."""

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log the kind of an error; its message may quote the user's code."""
        log.failure("while handling a message", error)

    async def ask(self, question: Awaitable[T], what: str, seconds: float = 10.0) -> T | None:
        """The client's answer to a request of ours; None when there is none in time."""
        # A cancelled wait must not cancel pygls' future, or the late answer raises (pygls 621).
        response = asyncio.ensure_future(question)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(response)
        except (JsonRpcException, TimeoutError) as error:
            logger.info("the editor did not send %s: %s", what, type(error).__name__)
            return None


class RpcProtocol(LanguageServerProtocol):
    """The state of the protocol; it refuses more than pygls does.

    ``stop`` is called with the exit status when the client sends exit. ``before_capabilities`` may
    still change what is offered once the client's abilities are known.
    """

    stop: Callable[[int], None]
    before_capabilities: Callable[[types.InitializeParams], None]
    initialized = False
    # pygls keeps the client's ids and ours in one table; no client counts up to this.
    _numbers = itertools.count(2**30)

    @property
    def is_shut_down(self) -> bool:
        """Whether the client has asked for shutdown."""
        return self._shutdown

    def receive(self, value: object) -> None:
        """Handle one decoded message of whatever shape; never raises."""
        if isinstance(value, Malformed):
            logger.warning("%s", value.reason)
            return self._send_error(value.identity, PARSE_ERROR, value.reason)
        if not isinstance(value, dict) or value.get("jsonrpc") != self.VERSION:
            found = value.get("id") if isinstance(value, dict) else None
            return self._send_error(found, INVALID_REQUEST, "not a JSON-RPC 2.0 message")
        if "method" not in value:
            return self._receive_response(value)
        method, is_request = value["method"], "id" in value
        if not isinstance(method, str) or (is_request and not _is_id(value["id"])):
            return self._send_error(
                value.get("id"), INVALID_REQUEST, "method or id of a wrong type"
            )
        problem = self._problem(method)
        if method == types.SHUTDOWN and not is_request and problem is None:
            return self.lsp_shutdown()  # Kate sends it as a notification
        if problem is None:
            return self._receive_call(value, is_request)
        if is_request:
            self._send_error(value["id"], *problem)
        elif not method.startswith("$/"):
            logger.info("ignored %s: %s", method[:80], problem[1])
        return None

    def _problem(self, method: str) -> tuple[int, str] | None:
        if not self.initialized and method not in _ALWAYS:
            return NOT_INITIALIZED, "initialize must come first"
        if self._shutdown and method != types.EXIT:
            return INVALID_REQUEST, "the server is shutting down"
        if self.initialized and method == types.INITIALIZE:
            return INVALID_REQUEST, "initialize came twice"
        known = method == types.CANCEL_REQUEST or method in self.fm.builtin_features
        if not known and method not in self.fm.features:
            return METHOD_NOT_FOUND, f"unknown method: {method[:80]}"
        return None

    def _receive_call(self, value: dict[str, Any], is_request: bool) -> None:
        _repair_inline_completion(value)
        try:
            message = self.structure_message(value)
            if is_request and not hasattr(message, "id"):
                raise TypeError("a notification's method came with an id")
        except (JsonRpcException, TypeError) as error:
            logger.warning("unusable parameters of %s", value["method"])
            if is_request:
                self._send_error(value["id"], INVALID_PARAMS, f"unusable parameters: {error}")
            return
        if value["method"] == types.INITIALIZE:
            self.initialized = True
        self.handle_message(cast(Any, message))

    def _receive_response(self, value: dict[str, Any]) -> None:
        msg_id = value.get("id")
        if not _is_id(msg_id) or msg_id not in self._request_futures:
            logger.info("ignored a response to an unknown request")
            return
        future = self._request_futures[msg_id]
        if future.done():
            # The waiting task was cancelled; setting a result would raise.
            self._request_futures.pop(msg_id)
            self._result_types.pop(msg_id, None)
            return
        try:
            message = self.structure_message(value)
        except JsonRpcException as error:
            self._request_futures.pop(msg_id)
            future.set_exception(error)
            return
        self.handle_message(cast(Any, message))

    def _send_error(self, msg_id: object, code: int, message: str) -> None:
        if not _is_id(msg_id):
            msg_id = None
        error = {"code": code, "message": message}
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": error})

    def _handle_cancel_notification(self, msg_id: int | str) -> None:
        # A cancel that comes after the answer is normal, so it needs no warning.
        future = self._request_futures.pop(msg_id, None)
        self._result_types.pop(msg_id, None)
        if future is not None:
            future.cancel()

    def _handle_notification(self, method_name: str, params: object) -> None:
        if method_name == types.CANCEL_REQUEST:
            self._handle_cancel_notification(cast(Any, params).id)
            return
        # pygls keeps the future of every notification: remove it once it is done.
        msg_id = str(uuid.uuid4())

        def done(future: Any) -> None:
            self._request_futures.pop(msg_id, None)
            self._check_handler_result(future)

        self._execute_handler(msg_id, self._get_handler(method_name), done, args=(params,))

    def send_request(
        self,
        method: str,
        params: object = None,
        callback: Callable[[Any], None] | None = None,
        msg_id: int | str | None = None,
    ) -> Any:
        """Send a request to the client; its id is a number, since Vim does not answer strings."""
        number = next(self._numbers) if msg_id is None else msg_id
        return super().send_request(method, params, callback, number)

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Any:
        """Call ``before_capabilities`` before the server's capabilities are computed."""
        self.client_capabilities = params.capabilities
        self.before_capabilities(params)
        result = yield from super().lsp_initialize(params)
        return result

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: object) -> None:  # type: ignore[override]
        """Cancel all open requests; pygls' own method fails when one of them ends meanwhile."""
        self._shutdown = True
        for future in list(self._request_futures.values()):
            if not future.done():
                future.cancel()

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: object) -> None:  # type: ignore[override]
        """End with status 0 after a shutdown, else 1."""
        self.stop(0 if self._shutdown else 1)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]
        self, params: types.ExecuteCommandParams
    ) -> object:
        """Run one of our commands; InvalidParams for an unknown name."""
        handler = self.fm.commands.get(params.command)
        if handler is None:
            raise JsonRpcException(f"unknown command: {params.command}", code=INVALID_PARAMS)
        given = params.arguments or []
        first = given[0] if given and isinstance(given[0], Mapping) else {}
        found = handler(first)
        return await found if asyncio.iscoroutine(found) else found


def _is_id(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _repair_inline_completion(value: dict[str, Any]) -> None:
    """Accept what older clients send for inline completion: trigger 0, or no context at all."""
    params = value.get("params")
    if value["method"] != types.TEXT_DOCUMENT_INLINE_COMPLETION or not isinstance(params, dict):
        return
    context = params.get("context")
    if not isinstance(context, dict) or context.get("triggerKind") not in (0, 1, 2):
        params["context"] = {"triggerKind": types.InlineCompletionTriggerKind.Automatic.value}
    elif context["triggerKind"] == 0:
        context["triggerKind"] = types.InlineCompletionTriggerKind.Invoked.value
