"""The client of the local engine: finds it, starts it if there is none, replaces it on a hang."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tabwright import engine_pid, paths, private
from tabwright.client.engine import (
    Answer,
    EngineError,
    EngineUnavailable,
    ModelNotFound,
    OnText,
    Request,
)
from tabwright.client.http import Disconnected, Link, NotConnected, Target, own_body
from tabwright.client.local.launch import Launcher, engine_command
from tabwright.client.local.watchdog import HangLimits, Watchdog
from tabwright.client.stream import Json
from tabwright.core.message import Message, verbatim
from tabwright.core.prompting.families import family_of
from tabwright.core.task import ModelInfo
from tabwright.engine_pid import EngineProcess

T = TypeVar("T")
NAME = Message("the engine")
CONNECT_S = 5.0
LOOPBACK = "127.0.0.1"
_LAST_BREATHS = 20
_BREATH_S = 0.05
_END_S = 10.0  # that a process may take to end once it was killed
_CLOSE_S = 0.5
# The longest that anything is waited for, even from an engine that works; a load may be long.
_MOST_S = {"newest": 60.0, "actions": 3600.0, "background": 1800.0}
_INFO_S = 60.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocalOptions:
    """How an engine is run if this server has to start it; one that runs already stays as it is.

    ``threads`` 0 means one per core. ``command`` replaces the whole command, for tests.
    """

    idle_exit_s: float = 1800.0
    threads: int = 0
    precision: str = "auto"
    device: str = "auto"
    backend: str = "auto"
    command: tuple[str, ...] = ()
    start_timeout_s: float = 30.0
    limits: HangLimits = field(default_factory=HangLimits)
    unix: bool = hasattr(socket, "AF_UNIX")


class LocalEngine:
    """Client of the one engine process of this user; starts it when nothing listens.

    A request raises EngineUnavailable when the engine dies or hangs. A hanging engine is replaced;
    a dead one is started again by the next request.
    """

    def __init__(
        self, options: LocalOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Do not start or connect to anything yet."""
        self._options = options
        command = options.command or engine_command(
            f"--idle-exit={options.idle_exit_s:g}",
            f"--threads={options.threads}",
            f"--precision={options.precision}",
            f"--device={options.device}",
            f"--backend={options.backend}",
        )
        self._launcher = Launcher(command, self._answers, options.start_timeout_s, clock=clock)
        self._link: Link | None = None
        self._infos: dict[str, ModelInfo] = {}
        self._window = uuid.uuid4().hex[:12]
        self._dying = False  # a connection broke: the process may be on its way out
        self._watchdog = Watchdog(self.status, self._replace, options.limits)
        self._background: set[asyncio.Task[None]] = set()

    async def generate(self, request: Request, on_text: OnText | None = None) -> Answer:
        """See Engine."""
        body = own_body(request)
        if request.session:  # two windows may show one file and must not cancel each other
            body["session"] = f"{self._window} {request.session}"
        try:
            return await self._watchdog.guard(
                lambda: self._asked(lambda link: link.complete(body, on_text)),
                most_s=_MOST_S.get(request.lane, _INFO_S),
                urgent=request.lane == "newest",
                job=True,
            )
        except ModelNotFound:
            self._infos.pop(request.model, None)
            raise

    async def model_info(self, name: str) -> ModelInfo:
        """See Engine; requested once for each model, without loading its weights."""
        if name not in self._infos:
            found = await self._watchdog.guard(
                lambda: self._asked(lambda link: link.get("/tabwright/model", {"name": name})),
                most_s=_INFO_S,
            )
            self._infos[name] = _info(found, name)
        return self._infos[name]

    async def status(self) -> dict[str, object]:
        """See Engine; starts no engine, so EngineUnavailable also says that none runs.

        It waits for as long as the caller lets it.
        """
        return await (await self._connected()).get("/tabwright/status")

    async def aclose(self) -> None:
        """See Engine."""
        self._watchdog.close()
        for task in self._background:
            task.cancel()
        await self._launcher.aclose()
        await self._drop()

    async def _replace(self, process: EngineProcess) -> None:
        """Kill a process that hangs, and start another; its requests have already failed."""
        await self._drop()
        if not await asyncio.to_thread(engine_pid.kill, process):
            logger.warning("process %d is not the engine any more, or not to be ended", process.pid)
            return
        try:
            async with asyncio.timeout(_END_S):
                while (await asyncio.to_thread(engine_pid.look, process)).state != "gone":
                    await asyncio.sleep(_BREATH_S)
        except TimeoutError:
            logger.error("process %d was killed and does not end", process.pid)
            return
        self._dying = False
        starting = asyncio.create_task(self._start())
        self._background.add(starting)
        starting.add_done_callback(self._background.discard)

    async def _start(self) -> None:
        try:
            await self._launcher.ensure()
        except EngineUnavailable as error:
            logger.error("no other engine could be started: %s", error)

    async def _asked(self, ask: Callable[[Link], Awaitable[T]]) -> T:
        if self._dying:
            await self._see_whether_it_lives()
        try:
            return await ask(await self._connected())
        except Disconnected:
            self._dying = True
            raise
        except NotConnected:
            # Nothing was begun, so the same request may go to the engine that is started now.
            await self._launcher.ensure()
        if not self._options.unix:
            await self._drop()  # the new engine has another port
        return await ask(await self._connected())

    async def _see_whether_it_lives(self) -> None:
        """A process that was killed may take connections for a moment still: wait until it
        answers or is gone, so that the next request does not break off too."""
        for _ in range(_LAST_BREATHS):
            try:
                await (await self._connected()).get("/tabwright/status")
                break
            except Disconnected:
                await asyncio.sleep(_BREATH_S)
            except NotConnected:
                break
        self._dying = False

    async def _connected(self) -> Link:
        if self._link is None:
            target, token = self._target()
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            self._link = Link(target, lambda: headers)
        return self._link

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            try:
                async with asyncio.timeout(_CLOSE_S):
                    await link.aclose()
            except TimeoutError:
                logger.warning("the connections to the engine did not close")

    def _target(self) -> tuple[Target, str]:
        """Where the engine listens, if it runs, and the token it asks for ("" on a socket)."""
        try:
            if self._options.unix:
                return Target(NAME, socket=str(paths.engine_socket()), connect_s=CONNECT_S), ""
            said = json.loads(private.read(paths.engine_address()))
            if said["host"] != LOOPBACK:
                raise ValueError("it is not on this machine")
            url = f"http://{LOOPBACK}:{int(said['port'])}"
            return Target(NAME, url=url, connect_s=CONNECT_S), str(said["token"])
        except FileNotFoundError as error:
            raise NotConnected(Message("no engine runs")) from error
        except PermissionError as error:
            raise EngineUnavailable(verbatim(str(error))) from error
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise NotConnected(
                Message("the engine's address cannot be read: {0}", error)
            ) from error

    async def _answers(self) -> bool:
        """Tell whether something listens where the engine would."""
        try:
            target, _ = self._target()
        except NotConnected:
            return False
        try:
            async with asyncio.timeout(CONNECT_S):
                if target.socket is not None:
                    _, writer = await asyncio.open_unix_connection(target.socket)
                else:
                    host, _, port = target.url.removeprefix("http://").rpartition(":")
                    _, writer = await asyncio.open_connection(host, int(port))
                end = writer.get_extra_info("socket")
                writer.close()
                uid = private.foreign_peer(end) if target.socket is not None else None
        except (OSError, TimeoutError):
            return False
        if uid is not None:
            from tabwright.client.local.unix_socket import foreign

            raise foreign(str(target.socket), uid)
        return True


def _info(found: Json, name: str) -> ModelInfo:
    """What the engine told of a model; raises EngineError for what cannot be meant."""
    tokens, length = found.get("special_tokens"), found.get("context_length")
    listed = tokens if isinstance(tokens, list) else []
    if not isinstance(length, int) or length <= 0:
        raise EngineError(Message("the engine does not tell how much the model can read"))
    return ModelInfo(str(found.get("id", name)), family_of(list(map(str, listed))), length)
