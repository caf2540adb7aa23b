"""Getting a model from inside the editor: the offer, the pull in a process of its own, its bar."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from asyncio import StreamReader
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tabwright import processes
from tabwright.app.runtime.client import Bar, Client
from tabwright.app.settings.settings import EngineSettings
from tabwright.core.message import Message, from_json, verbatim, without_full_stop
from tabwright.models.catalog import CATALOG
from tabwright.processes import Process

logger = logging.getLogger(__name__)

_CANCELLED = Message("cancelled; what was downloaded is kept")
YES, NO = Message("Pull it"), Message("Not now")
_GRACE_S = 3.0
_LINE_BYTES = 1 << 20
_STAGES = {
    "download": Message("downloading"),
    "verify": Message("checking"),
    "convert": Message("converting"),
    "compile": Message("compiling"),
}


@dataclass(frozen=True)
class Pulled:
    """How a pull ended; ``message`` says why not, or where the model is."""

    ok: bool
    message: Message


class Puller:
    """Pulls models for one server: each name is offered once, and pulled once at a time."""

    def __init__(
        self,
        client: Client,
        pulled: Callable[[str], None],
        engine: Callable[[], EngineSettings] = EngineSettings,
    ) -> None:
        """Speak through ``client``; ``pulled`` is called with each name that was got.

        ``engine`` are the settings in force, which decide what weights are kept.
        """
        self._engine = engine
        self._client = client
        self._pulled = pulled
        self._offered: set[str] = set()
        self._running: dict[str, asyncio.Task[Pulled]] = {}
        self._processes: set[Process] = set()

    @property
    def running(self) -> tuple[str, ...]:
        """Names that are being pulled now."""
        return tuple(self._running)

    async def offer(self, name: str) -> None:
        """Ask whether to pull a model that is missing, once a session, and do it on yes."""
        if name in self._offered or name in self._running:
            return
        self._offered.add(name)
        model = CATALOG.get(name)
        if model is None:
            question = Message(
                "Tabwright completes code with the model {0}, which is not on this machine. "
                "Pull it now?",
                name,
            )
        else:
            size = f"{model.download_bytes / 1e6:.0f} MB"
            question = Message(
                "Tabwright completes code with the model {0}, which is not on this machine. "
                "Pull it now? ({1} to download, licence {2})",
                name,
                size,
                model.licence,
            )
        chosen = await self._client.ask("info", question, (YES, NO))
        if chosen == YES:
            await self.pull(name)

    async def pull(self, name: str) -> Pulled:
        """Pull a model, or wait for the pull of it that is running; the result is shown."""
        running = self._running.get(name)
        if running is None:
            running = asyncio.create_task(self._pull(name))
            self._running[name] = running
            running.add_done_callback(lambda _: self._running.pop(name, None))
        return await asyncio.shield(running)

    def close(self) -> None:
        """End running pulls; downloaded data is kept for the next pull."""
        for process in list(self._processes):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()

    async def _pull(self, name: str) -> Pulled:
        bar = await self._client.bar(Message("Tabwright: pulling {0}", name), cancellable=True)
        try:
            result = await self._run(name, bar)
        except OSError as error:
            result = Pulled(False, Message("the pull could not be started: {0}", error))
        bar.end(result.message)
        if result.ok:
            self._client.show("info", Message("Tabwright: {0} is ready.", name))
            self._pulled(name)
        elif result.message != _CANCELLED:
            why = without_full_stop(result.message)
            self._client.show("error", Message("Tabwright: {0} was not pulled: {1}.", name, why))
        return result

    async def _run(self, name: str, bar: Bar) -> Pulled:
        engine = self._engine()
        command = processes.tabwright(
            "models",
            "pull",
            name,
            "--progress=json",
            f"--backend={engine.backend}",
            f"--precision={engine.precision}",
            f"--device={engine.device}",
        )
        process = await processes.start_async(command, limit=_LINE_BYTES)
        self._processes.add(process)
        messages: deque[Message] = deque(maxlen=5)
        readers = asyncio.gather(_relay(process, bar, messages), _listen(process, messages))
        cancelled = asyncio.ensure_future(bar.cancelled())
        try:
            ends: set[asyncio.Future[Any]] = {readers, cancelled}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if cancelled.done():
                await _end(process)
                return Pulled(False, _CANCELLED)
            await readers
            status = await process.wait()
        finally:
            await _end(process)
            processes.ended(process)
            self._processes.discard(process)
            cancelled.cancel()
            readers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await readers
        if status == 0:
            return Pulled(True, Message("ready"))
        return Pulled(
            False, messages[-1] if messages else Message("it ended with status {0}", status)
        )


async def _relay(process: Process, bar: Bar, messages: deque[Message]) -> None:
    """Show each line of progress; lines that are none are let be."""
    async for line in _lines(process.stdout):
        try:
            report = json.loads(line)
        except ValueError:
            logger.info("not a line of progress: %r", line[:200])
            continue
        if not isinstance(report, Mapping):
            continue
        if report.get("stage") == "error":
            messages.append(from_json(report))
        elif report.get("stage") != "done":
            bar.report(*_progress(report))


async def _listen(process: Process, messages: deque[Message]) -> None:
    async for line in _lines(process.stderr):
        text = line.decode("utf-8", "replace").strip()
        if text:
            messages.append(verbatim(text))
            logger.info("pull: %s", text)


async def _lines(stream: StreamReader | None) -> AsyncIterator[bytes]:
    if stream is not None:
        async for line in stream:
            yield line


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


def _progress(report: Mapping[str, object]) -> tuple[Message, float | None]:
    """The message and the percentage that a progress bar shows for a report."""

    def number(key: str) -> float:
        value = report.get(key)
        return float(value) if isinstance(value, int | float) else 0.0

    stage = str(report.get("stage"))
    message = _STAGES.get(stage) or verbatim(stage)
    done, total = number("done"), number("total")
    if stage == "download" and total:
        here, whole = f"{done / 1e6:.0f}", f"{total / 1e6:.0f}"
        message = Message("{0}, {1} of {2} MB", message, here, whole)
        if number("speed"):
            message = Message("{0}, {1} MB/s", message, format(number("speed") / 1e6, ".1f"))
        if number("eta_s"):
            message = Message("{0}, {1} s left", message, format(number("eta_s"), ".0f"))
    elif report.get("message"):
        message = Message("{0}, {1}", message, from_json(report))
    return message, 100 * done / total if total else None
