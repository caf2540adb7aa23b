"""A server and an engine of the benchmark's own, apart from those the user is working with."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabwright.lsp.language_client import Json, LspClient


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


_LONGEST_S = 300.0
_LOOK_S = 0.05
_CALM_LOOKS = 5


class EngineRefused(Exception):
    """The engine gave no answer; the message says why."""


@dataclass(frozen=True)
class Workbench:
    """A runtime folder of its own, which is what makes an engine one's own, and a workspace."""

    runtime: Path
    workspace: Path
    settings: Mapping[str, object]

    async def server(
        self,
        *,
        encoding: str = "utf-16",
        command: Sequence[str] = (),
        settings: Mapping[str, object] | None = None,
    ) -> LspClient:
        """Start a server that uses this bench's engine; ``command`` and ``settings`` if others."""
        return await LspClient.start(
            # The user's own settings may name an engine elsewhere, which is not what is measured.
            settings={"remote": {"url": ""}, **(self.settings if settings is None else settings)},
            trusts=True,  # what is written into the workspace comes from the benchmark itself
            root=self.workspace,
            encoding=encoding,
            command=command,
            environment={"TABWRIGHT_RUNTIME_DIR": str(self.runtime)},
        )

    async def asking_server(self, settings: Mapping[str, object] | None = None) -> LspClient:
        """One that asks the model at every key (see ``asking_server``)."""
        script = Path(__file__).with_name("asking_server.py")
        return await self.server(command=(sys.executable, str(script)), settings=settings)

    def uri(self, name: str) -> str:
        """A document in the workspace; it need not exist on the disk."""
        return (self.workspace / name).as_uri()

    async def engine_pid(self) -> int:
        """The engine's process. Raises LookupError when it does not tell."""
        pid = (await self.engine_status()).get("pid")
        if not isinstance(pid, int):
            raise LookupError("the engine does not tell its process id")
        return pid

    async def generate(self, body: Json, seconds: float = 300.0) -> dict[str, Any]:
        """The engine's whole answer to one request of its API. Raises EngineRefused."""
        return await asyncio.to_thread(self._generate, body, seconds)

    def _generate(self, body: Json, seconds: float) -> dict[str, Any]:
        connection = UnixConnection(self.runtime / "engine.sock")
        connection.timeout = seconds
        headers = {"Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/completions", json.dumps(body), headers)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        except (OSError, ValueError) as error:
            raise EngineRefused(f"the engine gave no answer: {error}") from error
        finally:
            connection.close()
        if "error" in answer:
            raise EngineRefused(f"the engine refused: {answer['error']}")
        return answer

    async def engine_status(self) -> Json:
        """The engine's own status; an empty object when none is running."""
        return await asyncio.to_thread(self._ask, "GET", "/tabwright/status")

    async def idle(self, seconds: float = 60.0) -> None:
        """Wait until the engine computes nothing. Raises TimeoutError after ``seconds``."""
        async with asyncio.timeout(seconds):
            while True:
                status = await self.engine_status()
                if not status.get("active") and not status.get("queued"):
                    return
                await asyncio.sleep(0.002)

    def _ask(self, method: str, path: str) -> Json:
        connection = UnixConnection(self.runtime / "engine.sock")
        try:
            connection.request(method, path)
            answer = json.loads(connection.getresponse().read() or b"{}")
        except (ConnectionError, FileNotFoundError, http.client.HTTPException):
            return {}
        finally:
            connection.close()
        return answer if isinstance(answer, dict) else {}

    async def rest(self, seconds: float = 1.0) -> None:
        """Do nothing for as long as a user who looks about, and then until nothing is computed.

        In such a pause the server computes ahead, several things one after the other.
        """
        await asyncio.sleep(seconds)
        calm = 0
        while calm < _CALM_LOOKS:
            await self.idle(_LONGEST_S)
            await asyncio.sleep(_LOOK_S)
            status = await self.engine_status()
            calm = 0 if status.get("active") or status.get("queued") else calm + 1

    async def end_engine(self) -> None:
        """End the engine, by request and then by its process id."""
        pid = (await self.engine_status()).get("pid")
        await asyncio.to_thread(self._ask, "POST", "/tabwright/shutdown")
        if not isinstance(pid, int):
            return
        for _ in range(50):
            if not _alive(pid):
                return
            await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def workbench(settings: Mapping[str, object]) -> AsyncIterator[Workbench]:
    """Make the folders, and end the engine and remove them afterwards."""
    runtime = Path(tempfile.mkdtemp(prefix="tabwright-bench-"))
    workspace = runtime / "workspace"
    workspace.mkdir()
    bench = Workbench(runtime, workspace, settings)
    try:
        yield bench
    finally:
        await bench.end_engine()
        shutil.rmtree(runtime, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def with_options(
    base: Mapping[str, object], *, model: str | None, assignments: list[str]
) -> dict[str, object]:
    """Settings with ``--model`` and each ``--set a.b=value`` (JSON, else text) put in."""
    settings: dict[str, object] = json.loads(json.dumps(base))
    if model:
        settings["model"] = model
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        if not sign:
            raise SystemExit(f"--set {assignment}: wanted NAME=VALUE")
        try:
            value: object = json.loads(text)
        except json.JSONDecodeError:
            value = text
        at = settings
        *groups, last = name.split(".")
        for group in groups:
            inner = at.setdefault(group, {})
            if not isinstance(inner, dict):
                raise SystemExit(f"--set {assignment}: {group} holds no settings")
            at = inner
        at[last] = value
    return settings
