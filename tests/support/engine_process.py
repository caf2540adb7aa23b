"""A real ``tabwright engine`` process, and HTTP requests written by hand, as an attacker does."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.editor import Home


@dataclass
class EngineProcess:
    """An engine, the lines it wrote at its start, and where it listens."""

    process: subprocess.Popen[str]
    home: Home
    port: int
    token: str
    told: str

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        bearer: bool = True,
    ) -> tuple[int, Any]:
        """One request with exactly these headers, and Host and the token where they lack: status
        and body (JSON where it is)."""
        given = {"Host": f"127.0.0.1:{self.port}"}
        if bearer and self.token:
            given["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        given |= headers or {}
        with contextlib.closing(self.connect()) as connection:
            lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in given.items() if v)]
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            raw = response.read()
            cors = [name for name, _ in response.getheaders() if "access-control" in name.lower()]
        assert not cors, cors
        with contextlib.suppress(ValueError):
            return response.status, json.loads(raw)
        return response.status, raw.decode("utf-8", "replace")

    def connect(self) -> socket.socket:
        """A connection to it: TCP, or to the private socket."""
        if self.port:
            return socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.home.socket))  # waits where the queue is full for a moment
        connection.settimeout(60)
        return connection

    def status(self) -> dict[str, Any]:
        """What it tells of itself, asked with the token."""
        status, found = self.ask("GET", "/tabwright/status")
        assert status == 200, found
        assert isinstance(found, dict)
        return found


@contextlib.contextmanager
def running(
    *arguments: str,
    tcp: bool = True,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "tabwright"),
) -> Iterator[EngineProcess]:
    """Start an engine with folders of its own, and end it (SIGTERM)."""
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        home = Home(Path(folder))
        where = ("--tcp", "127.0.0.1:0") if tcp else ()
        process = subprocess.Popen(
            [*command, "engine", *where, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=home.environment(environment),
        )
        try:
            yield _started(process, home, tcp)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()


def _started(process: subprocess.Popen[str], home: Home, tcp: bool) -> EngineProcess:
    assert process.stderr is not None
    if not tcp:
        import time

        for _ in range(600):
            if process.poll() is not None:
                raise AssertionError(process.stderr.read())
            # The file is there a moment before the engine listens.
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                EngineProcess(process, home, 0, "", "").connect().close()
                break
            time.sleep(0.1)
        return EngineProcess(process, home, 0, "", "")
    told = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", told)
    assert found, told + process.stderr.read()
    second = process.stderr.readline()
    token = ""
    if "token, also in" in second:
        token = process.stderr.readline().strip()
    return EngineProcess(process, home, int(found.group(1)), token, told + second)


def token_files(home: Home) -> list[Path]:
    """The token files in a home's runtime folder."""
    return sorted((home.path / "run").glob("*.token"))


def own_uid() -> int:
    """This user's number; -1 on Windows."""
    return os.getuid() if hasattr(os, "getuid") else -1
