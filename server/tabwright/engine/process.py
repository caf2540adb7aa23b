"""Run the engine process: one per user, guarded by a lock file; it exits when idle."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

import filelock
import psutil
from aiohttp import web

from tabwright import engine_pid, paths, private
from tabwright.engine import backends
from tabwright.engine.backends import BackendOptions
from tabwright.engine.http.access import Access
from tabwright.engine.http.api import Api
from tabwright.engine.http.connections import ConnectionLimits, Connections, Site
from tabwright.engine.registry import Registry
from tabwright.engine.worker import Worker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineOptions:
    """How to run an engine.

    `tcp` is a loopback (host, port); None listens on the private socket. With `tcp`, clients must
    send `token`; None generates one, "" needs none. `idle_exit_s` 0 never exits.
    """

    default_model: str
    idle_exit_s: float = 1800.0
    tcp: tuple[str, int] | None = None
    token: str | None = None
    backend: BackendOptions = field(default_factory=BackendOptions)


def run(options: EngineOptions) -> int:
    """Serve until idle, a signal or a shutdown request; return the exit status.

    Returns 0 at once when another engine of this user runs. Raises OSError when the address cannot
    be bound.
    """
    os.umask(0o077)  # files of an engine are readable by its user only
    _log_to_file()
    _lower_priority()
    if options.tcp is not None:
        return asyncio.run(_serve(options))
    lock = filelock.FileLock(paths.engine_lock())
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        sys.stderr.write("An engine is running already; this one is not needed.\n")
        return 0
    try:
        engine_pid.write()  # before listening, because a start may hang too
        return asyncio.run(_serve(options))
    finally:
        lock.release()


async def _serve(options: EngineOptions) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # no signal handlers on Windows' loop
            loop.add_signal_handler(number, stopping.set)
    endpoint = _Listener.of(options)
    registry = Registry(options.backend, backends.load)
    worker = Worker(registry)
    worker.start()
    limits = ConnectionLimits.of_this_process()
    api = Api(
        registry,
        worker,
        default_model=options.default_model,
        access=endpoint.access,
        limits=limits,
        idle_exit_s=options.idle_exit_s,
        shut_down=stopping.set,
    )
    # A disconnecting client cancels the handler, and that cancels the job.
    runner = web.AppRunner(api.app(), handler_cancellation=True, access_log=None)
    await runner.setup()
    try:
        await Site(runner, endpoint.listening, Connections(limits)).start()
        endpoint.announce()
        await _wait_until_idle(worker, options.idle_exit_s, stopping)
    finally:
        log.info("stopping")
        await asyncio.to_thread(worker.stop)
        await runner.cleanup()
        endpoint.close()
    return 0


@dataclass(frozen=True)
class _Listener:
    """Where an engine listens, its access rules, and the files that announce the address."""

    listening: socket.socket
    access: Access
    options: EngineOptions
    host: str = ""
    port: int = 0

    @classmethod
    def of(cls, options: EngineOptions) -> _Listener:
        """Bind the user's address, else the private socket, else (Windows) a loopback port."""
        if options.tcp is not None:
            token = secrets.token_urlsafe(32) if options.token is None else options.token
            return cls._bound(options.tcp, Access(token, network=True, trusted=False), options)
        if not hasattr(socket, "AF_UNIX"):
            access = Access(secrets.token_urlsafe(32), network=True, trusted=True)
            return cls._bound(("127.0.0.1", 0), access, options)
        path = paths.engine_socket()
        path.unlink(missing_ok=True)  # we hold the lock, so an existing socket file is stale
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(path))
        path.chmod(0o600)
        return cls(listening, Access(), options)

    @classmethod
    def _bound(cls, address: tuple[str, int], access: Access, options: EngineOptions) -> _Listener:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        listening = socket.create_server(address, family=family)
        host, port = listening.getsockname()[:2]
        return cls(listening, access, options, host, port)

    def announce(self) -> None:
        """Write the address and the token to the log, and to a file or stderr for clients."""
        if not self.access.network:
            log.info("listening on %s, pid %d", paths.engine_socket(), os.getpid())
            return
        host, port = self.host, self.port
        shown = f"[{host}]" if ":" in host else host
        log.info("listening on http://%s:%d, pid %d", shown, port, os.getpid())
        if self.options.tcp is None:
            address = json.dumps({"host": host, "port": port, "token": self.access.token})
            private.write(paths.engine_address(), address)
            return
        lines = [f"Tabwright engine: http://{shown}:{port}/v1/completions"]
        if self.options.token is None:
            private.write(paths.token_file("engine", port), self.access.token)
            lines.append(f"Its token, also in {paths.token_file('engine', port)}:")
            lines.append(self.access.token)
        elif self.access.token:
            lines.append("Clients must show the token that you gave it.")
        else:
            lines.append(
                "Without a token every program and every user of this machine can ask it; web "
                "pages are still refused."
            )
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Stop listening and remove the files with the address."""
        self.listening.close()
        if self.options.tcp is None:
            for path in (paths.engine_socket(), paths.engine_address()):
                path.unlink(missing_ok=True)
        elif self.options.token is None:
            paths.token_file("engine", self.port).unlink(missing_ok=True)


async def _wait_until_idle(worker: Worker, idle_exit_s: float, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        idle = 0.0 if worker.queued() else time.monotonic() - worker.last_used
        if idle_exit_s and idle >= idle_exit_s:
            log.info("idle for %.0f s", idle)
            return
        wait = max(0.05, min(idle_exit_s - idle, 60.0)) if idle_exit_s else 60.0
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), wait)


def _lower_priority() -> None:
    """Lower the process priority below the editor's; log a warning where it is not permitted."""
    try:
        windows = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", None)
        psutil.Process().nice(10 if windows is None else windows)
    except psutil.Error as error:
        log.warning("the priority stays as it is: %s", error)


def _log_to_file() -> None:
    handler = private.log_handler(paths.engine_log(), 1_000_000, 1)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
