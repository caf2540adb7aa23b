"""Counts how suggestions are accepted, for the user alone; no count leaves the machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import date
from urllib.parse import unquote

from tabwright.app.completion.query import CompletionResult
from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.core.acceptance import Shown, Step, is_kept, step
from tabwright.core.message import Message
from tabwright.core.text import Snapshot
from tabwright.statistics import Event, Kind, Statistics, StatisticsError

logger = logging.getLogger(__name__)

_WRITE_S = 5.0
_USUAL_DAYS, _MOST_DAYS = 30, 366
_LONGEST = 1_000_000  # characters of a document that is followed
_LATER: tuple[tuple[float, Kind, Kind], ...] = (
    (30.0, "kept_30s", "lost_30s"),
    (300.0, "kept_5min", "lost_5min"),
)


@dataclass(frozen=True)
class _Accepted:
    """An accepted text that is looked for again later."""

    uri: str
    language: str
    inserted: str
    start: int
    kept: Kind
    lost: Kind


class AcceptanceStatistics:
    """Follows documents as a Watcher; writes its counts every few seconds."""

    def __init__(
        self,
        statistics: Statistics,
        get: Callable[[str], Snapshot | None],
        files: WorkerThreads,
        spawn: Callable[[Coroutine[object, object, None]], None],
        is_enabled: Callable[[], bool],
    ) -> None:
        """Count in ``statistics`` while ``is_enabled``; ``get`` finds an open document."""
        self._statistics = statistics
        self._get = get
        self._files = files
        self._spawn = spawn
        self._is_enabled = is_enabled
        self._shown: dict[str, Shown] = {}
        self._counted: dict[str, str] = {}  # the last suggestion of a document that was counted
        self._begun: dict[str, str] = {}  # the last of which some was accepted
        self._texts: dict[str, Snapshot] = {}
        self._events: list[Event] = []
        self._pending: dict[_Accepted, asyncio.TimerHandle] = {}
        self._writing = False

    def shown(self, snapshot: Snapshot, result: CompletionResult) -> None:
        """Count a suggestion given to the editor; one shown again while it is typed counts once."""
        if not self._is_enabled() or not result.edits or len(snapshot.text) > _LONGEST:
            return
        uri = unquote(snapshot.uri)
        found = self._shown[uri] = Shown.of(snapshot.text, result.edits[0])
        if self._counted.get(uri) != found.after:
            self._counted[uri] = found.after
            self._count(Event("shown", snapshot.language_id, ms=result.ms))

    def acted(self, language: str) -> None:
        """An action was done for the user."""
        if self._is_enabled():
            self._count(Event("actions", language))

    def changed(self, uri: str) -> None:
        """See Watcher."""
        uri, now = unquote(uri), self._get(uri)
        if now is None:
            return
        if any(accepted.uri == uri for accepted in self._pending):
            self._texts[uri] = now
        shown = self._shown.get(uri)
        if shown is None or now.text == shown.text:
            return
        found = step(shown, now.text)
        if found is None or found.rest is None:
            del self._shown[uri]
        else:
            self._shown[uri] = found.rest
        if found is not None and found.accepted:
            self._texts[uri] = now
            self._took(found, uri, now)
            if self._begun.get(uri) == shown.after:
                self._count(Event("again", now.language_id))
            self._begun[uri] = shown.after

    def _took(self, found: Step, uri: str, now: Snapshot) -> None:
        """Count an acceptance, and look for it again later."""
        kind: Kind = "partly" if found.rest else "accepted"
        self._count(Event(kind, now.language_id, len(found.inserted)))
        loop = asyncio.get_running_loop()
        for seconds, kept, lost in _LATER:
            accepted = _Accepted(uri, now.language_id, found.inserted, found.start, kept, lost)
            self._pending[accepted] = loop.call_later(seconds, self._look, accepted)

    def closed(self, uri: str) -> None:
        """See Watcher; a document that is closed sooner counts as it stood."""
        uri = unquote(uri)
        self._shown.pop(uri, None)
        self._counted.pop(uri, None)
        self._begun.pop(uri, None)
        for accepted in [one for one in self._pending if one.uri == uri]:
            self._look(accepted)
        self._texts.pop(uri, None)

    def configured(self) -> None:
        """See Watcher; when statistics are switched off, unwritten counts are discarded."""
        if not self._is_enabled():
            self._forget()

    def close(self) -> None:
        """See Watcher."""
        for accepted in list(self._pending):
            self._look(accepted)
        self._write()

    async def report(self, days: object = None) -> dict[str, object]:
        """Return the figures of the last days, 30 by default."""
        number = days if isinstance(days, int) else _USUAL_DAYS
        number = min(max(number, 1), _MOST_DAYS)
        about = {"enabled": self._is_enabled(), "file": str(self._statistics.file)}
        try:
            await self._files(self._write)
            found = await self._files(self._statistics.report, number, date.today())
        except StatisticsError as error:
            return {**about, "problem": str(error)}
        return {**about, **found}

    async def delete(self) -> dict[str, object]:
        """Delete all counts; ``message`` tells the outcome."""
        self._forget()
        try:
            await self._files(self._statistics.delete)
        except StatisticsError as error:
            return {"ok": False, "message": str(error)}
        return {"ok": True, "message": Message("the statistics are deleted")}

    def _forget(self) -> None:
        self._events.clear()
        self._shown.clear()
        for handle in self._pending.values():
            handle.cancel()
        self._pending.clear()

    def _look(self, accepted: _Accepted) -> None:
        """Whether an accepted text still stands."""
        handle = self._pending.pop(accepted, None)
        snapshot = self._texts.get(accepted.uri)
        if handle is None or snapshot is None:
            return
        handle.cancel()
        kept = is_kept(accepted.inserted, accepted.start, snapshot.text)
        self._count(Event(accepted.kept if kept else accepted.lost, accepted.language))

    def _count(self, event: Event) -> None:
        self._events.append(event)
        if not self._writing:
            self._writing = True
            self._spawn(self._write_soon())

    async def _write_soon(self) -> None:
        await asyncio.sleep(_WRITE_S)
        self._writing = False
        await self._files(self._write)

    def _write(self) -> None:
        """Write the counts; those that cannot be written are lost, and the log says so."""
        events, self._events = self._events, []
        if not events:
            return
        try:
            self._statistics.add(events, date.today())
        except StatisticsError as error:
            logger.warning("%d counts are lost: %s", len(events), error)
