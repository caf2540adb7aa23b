"""What became of suggestions, counted by day and language in one file that stays on the machine.

Counts alone: no code, no file names. Any number of servers may write at once.
"""

from __future__ import annotations

import contextlib
import logging
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, get_args

from tabwright import private
from tabwright.core.message import Message, MessageError

logger = logging.getLogger(__name__)

Kind = Literal[
    "shown", "accepted", "partly", "again", "kept_30s", "lost_30s", "kept_5min", "lost_5min",
    "actions",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
_Count = tuple[str, str, str, int, int]  # as the tables below have them
_Latency = tuple[str, str, int, int]
_WAIT_S = 2.0  # for another server that writes
_STEP = math.log(1.05)  # latencies are counted in classes 5 % wide
_SCHEMA = """
CREATE TABLE IF NOT EXISTS counts (
    day TEXT, language TEXT, kind TEXT, count INTEGER, characters INTEGER,
    PRIMARY KEY (day, language, kind));
CREATE TABLE IF NOT EXISTS latencies (
    day TEXT, language TEXT, class INTEGER, count INTEGER,
    PRIMARY KEY (day, language, class));
"""


@dataclass(frozen=True)
class Event:
    """One thing that happened; ``characters`` came into the document by it.

    "again" goes with an acceptance where some of the same suggestion was accepted before. ``ms``
    is how long a suggestion took that was shown.
    """

    kind: Kind
    language: str
    characters: int = 0
    ms: float | None = None


class StatisticsError(MessageError):
    """The file cannot be read or written; the message says why."""


class Statistics:
    """The file of counts; made when something is first written."""

    def __init__(self, file: Path) -> None:
        """Use ``file``; nothing is opened yet."""
        self.file = file

    def add(self, events: Iterable[Event], day: date) -> None:
        """Count what happened. Raises StatisticsError."""
        with self._open() as database:
            for event in events:
                database.execute(
                    "INSERT INTO counts VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET "
                    "count = count + 1, characters = characters + excluded.characters",
                    (day.isoformat(), event.language, event.kind, event.characters),
                )
                if event.ms is not None:
                    database.execute(
                        "INSERT INTO latencies VALUES (?, ?, ?, 1) "
                        "ON CONFLICT DO UPDATE SET count = count + 1",
                        (day.isoformat(), event.language, _class(event.ms)),
                    )

    def report(self, days: int, today: date) -> dict[str, object]:
        """The figures of the last ``days`` days: together, by language and by day.

        Raises StatisticsError.
        """
        first = (today - timedelta(days=days - 1)).isoformat()
        counts: list[_Count] = []
        latencies: list[_Latency] = []
        if self.file.exists():
            with self._open() as database:
                counts = database.execute(
                    "SELECT * FROM counts WHERE day >= ?", (first,)
                ).fetchall()
                latencies = database.execute(
                    "SELECT * FROM latencies WHERE day >= ?", (first,)
                ).fetchall()
        return {
            "since": first,
            "total": _figures(counts, latencies),
            "languages": _by(1, counts, latencies),
            "days": _by(0, counts, latencies),
        }

    def delete(self) -> None:
        """Delete all that was counted. Raises StatisticsError."""
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            raise StatisticsError(
                Message("{0} cannot be deleted: {1}", self.file, error.strerror)
            ) from error

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The database in a transaction; one that is broken is set aside and begun anew."""
        try:
            private.folder(self.file.parent)
            # sqlite gives its journal the mode of the database.
            open(self.file, "ab", opener=private.opener).close()
            database = self._connected()
        except (OSError, sqlite3.Error) as error:
            raise StatisticsError(Message("{0} cannot be opened: {1}", self.file, error)) from error
        try:
            with database:
                yield database
        except sqlite3.Error as error:
            raise StatisticsError(Message("{0} cannot be used: {1}", self.file, error)) from error
        finally:
            database.close()

    def _connected(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.file, timeout=_WAIT_S)
        try:
            database.executescript(_SCHEMA)
        except sqlite3.OperationalError:
            database.close()
            raise
        except sqlite3.DatabaseError as error:
            database.close()
            aside = self.file.with_suffix(".broken")
            logger.warning("statistics are begun anew, the old file is %s: %s", aside, error)
            self.file.replace(aside)
            database = sqlite3.connect(self.file, timeout=_WAIT_S)
            database.executescript(_SCHEMA)
        return database


def _class(ms: float) -> int:
    return round(math.log(max(ms, 1.0)) / _STEP)


def _by(
    column: Literal[0, 1], counts: Iterable[_Count], latencies: Iterable[_Latency]
) -> dict[str, object]:
    """The figures for each day (column 0) or language (column 1)."""
    return {
        name: _figures(
            [row for row in counts if row[column] == name],
            [row for row in latencies if row[column] == name],
        )
        for name in sorted({row[column] for row in counts})
    }


def _figures(counts: Iterable[_Count], latencies: Iterable[_Latency]) -> dict[str, object]:
    number = dict.fromkeys(KINDS, 0)
    characters = 0
    for _, _, kind, count, length in counts:
        if kind in number:
            number[kind] += count
            characters += length
    classes: dict[int, int] = {}
    for _, _, index, count in latencies:
        classes[index] = classes.get(index, 0) + count
    taken = number["accepted"] + number["partly"] - number["again"]
    return {
        "shown": number["shown"],
        "accepted": number["accepted"],
        "partly": number["partly"],
        "accepted_share": _share(taken, number["shown"] - taken),
        "kept_30s": _share(number["kept_30s"], number["lost_30s"]),
        "kept_5min": _share(number["kept_5min"], number["lost_5min"]),
        "characters": characters,
        "actions": number["actions"],
        "p50_ms": _percentile(classes, 0.5),
        "p95_ms": _percentile(classes, 0.95),
    }


def _share(part: int, rest: int) -> float | None:
    return round(part / (part + rest), 3) if part + rest > 0 else None


def _percentile(classes: Mapping[int, int], share: float) -> int | None:
    """The latency in ms below which that share lies, to 5 %; None without any."""
    wanted = share * sum(classes.values())
    below = 0
    for index in sorted(classes):
        below += classes[index]
        if below >= wanted:
            return round(math.exp(index * _STEP))
    return None
