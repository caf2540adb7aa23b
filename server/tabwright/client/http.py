"""HTTP connections to an engine: streamed completions and small JSON requests.

aiohttp is imported on first use, so that the language server answers ``initialize`` without it.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from tabwright.client.engine import (
    Answer,
    EngineError,
    EngineUnavailable,
    ModelNotFound,
    OnText,
    Request,
)
from tabwright.client.stream import MAX_ANSWER_BYTES, Json, StreamedAnswer, events, parse_object
from tabwright.core.message import Message, from_json, verbatim
from tabwright.core.prompting.prompt import Token

if TYPE_CHECKING:
    import aiohttp

_LONGEST_MESSAGE = 2000
_LONGEST_REASON = 300  # of a broken connection; it may quote what came


class NotConnected(EngineUnavailable):
    """No connection could be made: the request was not sent and may be retried."""


class Disconnected(EngineUnavailable):
    """The connection broke after the request was sent."""


@dataclass(frozen=True)
class Target:
    """Where an engine listens: a Unix socket, or a base URL without a trailing slash.

    Time limits in seconds; None is no limit. ``name`` is the engine's name in messages.
    """

    name: str
    socket: str | None = None
    url: str = "http://engine"
    connect_s: float = 5.0
    total_s: float | None = None


class Link:
    """The connections to one Target; made on first use, in the running loop."""

    def __init__(
        self,
        target: Target,
        headers: Callable[[], Mapping[str, str]] = dict,
        scrub: Callable[[str], str] = str,
    ) -> None:
        """``headers`` returns the headers of each request; ``scrub`` hides secrets in messages."""
        self.target = target
        self._headers = headers
        self._scrub = scrub
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """GET a JSON object; raises EngineError or a subclass."""
        async with self._exchange("GET", path, params=dict(params or {})) as response:
            return parse_object(await self._body(response))

    async def complete(self, body: Json, on_text: OnText | None = None) -> Answer:
        """POST /v1/completions and collect its stream.

        The connection is closed at once when the task is cancelled or ``on_text`` raises.
        """
        gathered = StreamedAnswer(on_text)
        async with self._exchange("POST", "/v1/completions", json=body) as response:
            if response.content_type == "text/event-stream":
                async for event in events(response.content.iter_any()):
                    if event == "[DONE]":
                        break
                    gathered.add(parse_object(event), self._fail)
                with suppress(TimeoutError):  # read to the end, and the connection can serve again
                    await asyncio.wait_for(response.content.read(), 0.02)
            else:
                gathered.add(parse_object(await self._body(response)), self._fail)
        if not gathered.whole:
            raise Disconnected(
                Message("{0} went away before the answer was whole", self.target.name)
            )
        return gathered.answer()

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        json: Json | None = None,
        params: dict[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request; yield its successful response, and release it after the caller."""
        await _load_aiohttp()
        import aiohttp

        name = self.target.name
        response: aiohttp.ClientResponse | None = None
        try:
            response = await self._open().request(
                method,
                self.target.url + path,
                json=json,
                params=params,
                headers=dict(self._headers()),
                allow_redirects=False,  # a key must only go to the address it was given for
            )
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise EngineError(
                    Message("{0} sent a compressed answer, which was not asked for", name)
                )
            if response.status >= 300:
                self._refuse(response, await self._body(response))
            yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotConnected(
                Message("{0} cannot be reached: {1}", name, _why(error)).map_text(self._scrub)
            ) from error
        except TimeoutError as error:
            limit = self.target.total_s or 0.0
            raise EngineUnavailable(
                Message("{0} did not answer within {1} s", name, format(limit, "g"))
            ) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            broken = Message("{0} broke the connection off: {1}", name, _why(error))
            raise Disconnected(broken.map_text(self._scrub)) from error
        except OSError as error:
            raise NotConnected(
                Message("{0} cannot be reached: {1}", name, _why(error)).map_text(self._scrub)
            ) from error
        finally:
            if response is not None and not response.content.is_eof():
                response.close()
            elif response is not None:
                response.release()

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None or self._session.closed:
            connector: aiohttp.BaseConnector
            if self.target.socket:
                from tabwright.client.local.unix_socket import OwnUnixConnector

                connector = OwnUnixConnector(self.target.socket)
            else:
                connector = aiohttp.TCPConnector()
            limits = aiohttp.ClientTimeout(
                total=self.target.total_s, sock_connect=self.target.connect_s
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=limits,
                # Nothing is decompressed: a few bytes can become gigabytes.
                auto_decompress=False,
                headers={"Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _body(self, response: aiohttp.ClientResponse) -> str:
        raw = bytearray()
        async for piece in response.content.iter_any():
            raw += piece
            if len(raw) > MAX_ANSWER_BYTES:
                raise EngineError(
                    Message("{0} sent more than {1} bytes", self.target.name, MAX_ANSWER_BYTES)
                )
        return raw.decode("utf-8", "replace")

    def _refuse(self, response: aiohttp.ClientResponse, body: str) -> NoReturn:
        """Raise the exception for a response that is not a success."""
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and "error" in found:
            self._fail(found["error"], response.status)
        self._fail({"message": " ".join(body.split())[:200]}, response.status)

    def _fail(self, error: object, status: int = 500) -> NoReturn:
        """Raise the exception for an error object (ours, OpenAI's, or a bare text)."""
        said = error if isinstance(error, dict) else {"message": str(error)}
        told = from_json(said) or Message("HTTP status {0}", status)
        message = told.map_text(self._scrub)
        if len(message) > _LONGEST_MESSAGE:
            message = verbatim(_short(message, _LONGEST_MESSAGE))
        code = said.get("code")
        name = self.target.name
        if code == "model_missing" or (status == 404 and "model" in message.lower()):
            raise ModelNotFound(message)
        if code == "unauthorized" or status in (401, 403):
            raise EngineError(Message("{0} does not accept the key: {1}", name, message))
        if 300 <= status < 400:
            raise EngineError(
                Message("{0} points elsewhere (HTTP {1}); name the right address", name, status)
            )
        if status == 404:
            raise EngineError(
                Message("{0} has no completions there (HTTP 404): {1}", name, message)
            )
        if status in (429, 502, 503, 504):
            raise EngineUnavailable(
                Message("{0} is not ready (HTTP {1}): {2}", name, status, message)
            )
        raise EngineError(Message("{0}: {1}", name, message))


def standard_body(request: Request) -> Json:
    """Return the fields of a streamed request that every completions API knows."""
    body: Json = {
        "model": request.model,
        "prompt": request.prompt.flat(),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
    }
    if request.stop:
        body["stop"] = list(request.stop)
    if request.temperature:
        body["seed"] = request.seed
    if request.n > 1:
        body["n"] = request.n
    return body


def own_body(request: Request) -> Json:
    """Return the standard fields and those of our engine: parts, healing, lanes, drafts."""
    parts = [
        {"token": part.text} if isinstance(part, Token) else {"text": part}
        for part in request.prompt.parts
    ]
    body = {
        **standard_body(request),
        "parts": parts,
        "heal": request.heal,
        "suffix_stop": request.suffix_stop,
        "lane": request.lane,
        "session": request.session,
        "avoid": list(request.avoid),
    }
    if request.prediction:
        body["prediction"] = {"type": "content", "content": request.prediction}
    return body


_aiohttp_is_loaded = False


async def _load_aiohttp() -> None:
    """Import aiohttp in a thread, since it takes 0.2 s and must not block the event loop."""
    global _aiohttp_is_loaded
    if not _aiohttp_is_loaded:
        await asyncio.to_thread(importlib.import_module, "aiohttp")
        _aiohttp_is_loaded = True


def _why(error: BaseException) -> str:
    cause = getattr(error, "os_error", None) or error
    said = str(getattr(cause, "strerror", None) or cause or type(cause).__name__)
    return _short(said, _LONGEST_REASON)


def _short(text: str, most: int) -> str:
    """A text of another's, cut to what may be shown."""
    return text if len(text) <= most else text[:most] + "…"
