"""The engine's process: one per user, behind a lock, gone when nobody asked for a while."""

from __future__ import annotations

import asyncio
import json
import logging
import logging.handlers
import os
import secrets
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import filelock
import psutil
from aiohttp import web

from tabwright import engine_pid, paths
from tabwright.engine import backends
from tabwright.engine.api import Api
from tabwright.engine.backends import BackendOptions
from tabwright.engine.registry import Registry
from tabwright.engine.worker import Worker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineOptions:
    """How to run: `tcp` is (host, port) or None for the private socket; 0 seconds never ends."""

    default_model: str
    idle_exit_s: float = 1800.0
    tcp: tuple[str, int] | None = None
    token: str = ""
    backend: BackendOptions = field(default_factory=BackendOptions)


def run(options: EngineOptions) -> int:
    """Serve until idle, a signal or a shutdown request; 0 also when another engine runs already.

    Raises OSError when the address cannot be bound.
    """
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
        engine_pid.write()  # before it listens: a start may hang too
        return asyncio.run(_serve(options))
    finally:
        lock.release()


async def _serve(options: EngineOptions) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # no signal handlers on Windows' loop
            loop.add_signal_handler(number, stopping.set)
    registry = Registry(options.backend, backends.load)
    worker = Worker(registry)
    worker.start()
    token, address = options.token, options.tcp
    private = hasattr(socket, "AF_UNIX") and address is None
    if not private and address is None:
        token, address = secrets.token_urlsafe(32), ("127.0.0.1", 0)
    api = Api(
        registry,
        worker,
        default_model=options.default_model,
        token=token,
        idle_exit_s=options.idle_exit_s,
        shut_down=stopping.set,
    )
    # Cancelling the handler when the client hangs up is what ends its work.
    runner = web.AppRunner(api.app(), handler_cancellation=True, access_log=None)
    await runner.setup()
    try:
        if private:
            await _listen_privately(runner)
        elif address is not None:
            await _listen(runner, address, token, announced=options.tcp is None)
        await _until_idle(worker, options.idle_exit_s, stopping)
    finally:
        log.info("stopping")
        await asyncio.to_thread(worker.stop)
        await runner.cleanup()
        for left in (paths.engine_socket(), paths.engine_address()) if options.tcp is None else ():
            left.unlink(missing_ok=True)
    return 0


async def _listen_privately(runner: web.AppRunner) -> None:
    path = paths.engine_socket()
    path.unlink(missing_ok=True)  # the lock is ours, so a socket that lies there is dead
    await web.UnixSite(runner, str(path)).start()
    path.chmod(0o600)
    log.info("listening on %s, pid %d", path, os.getpid())


async def _listen(
    runner: web.AppRunner, address: tuple[str, int], token: str, *, announced: bool
) -> None:
    site = web.TCPSite(runner, *address)
    await site.start()
    host, port = runner.addresses[0][:2]
    log.info("listening on http://%s:%d, pid %d", host, port, os.getpid())
    if announced:
        _write_private(
            paths.engine_address(), json.dumps({"host": host, "port": port, "token": token})
        )
    else:
        sys.stderr.write(f"Tabwright engine: http://{host}:{port}/v1/completions\n")


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


async def _until_idle(worker: Worker, idle_exit_s: float, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        idle = 0.0 if worker.queued() else time.monotonic() - worker.last_used
        if idle_exit_s and idle >= idle_exit_s:
            log.info("idle for %.0f s", idle)
            return
        wait = max(0.05, min(idle_exit_s - idle, 60.0)) if idle_exit_s else 60.0
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), wait)


def _lower_priority() -> None:
    """The editor comes first. Not being allowed to is no reason not to serve."""
    try:
        windows = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", None)
        psutil.Process().nice(10 if windows is None else windows)
    except psutil.Error as error:
        log.warning("the priority stays as it is: %s", error)


def _log_to_file() -> None:
    handler = logging.handlers.RotatingFileHandler(
        paths.engine_log(), maxBytes=1_000_000, backupCount=1, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
