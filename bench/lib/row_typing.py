"""Rows about typing: each key asks the model, and a user who follows half of the suggestions.

Where each key asks (``typing``), kept answers are off on both sides: ours is the real server with
the change that ``asking_server`` tells, the peer has ``cache_prompt`` on. Both type the same
characters of the same lines with the same limit of new tokens, line by line in turn, and have
asked once where the line begins; each answer is awaited before the next key. A key's time runs
from the change to the answer. CPU seconds are those of our server and engine, and of the peer's
process, from the line's first key to when nothing is computed any more.

A place is begun with a small window, so the user looks about for a second before he types: then
ours has read its whole window, as the peer has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.lib import lines, machine
from bench.lib.lines import Line
from bench.lib.rows import Row
from bench.lib.stand import Stand
from bench.lib.typing_replay import Key, enter, follow, free_share, type_at_peer, type_here
from bench.lib.typist import WAYS, Way, way_of

PAUSE_S = 0.15  # between an answer and the next key: somebody who types quickly


@dataclass
class Side:
    """One side's keys, and what they cost its processes."""

    keys: list[Key] = field(default_factory=list)
    cpu_s: float = 0.0
    joules: float | None = 0.0
    peak_mib: float = 0.0

    def per_100(self, value: float | None) -> tuple[float, ...]:
        """A cost for every 100 keys; nothing where it was not told."""
        return (value / len(self.keys) * 100,) if value and self.keys else ()


class Meter:
    """Adds what some processes use inside a ``with`` to a side."""

    def __init__(self, side: Side, *pids: int) -> None:
        self._side = side
        self._pids = pids
        self._began: tuple[float, float | None] = (0.0, None)

    def __enter__(self) -> None:
        self._began = machine.cpu_seconds(*self._pids), machine.joules()

    def __exit__(self, *failure: object) -> None:
        cpu, energy = self._began
        side = self._side
        side.cpu_s += machine.cpu_seconds(*self._pids) - cpu
        now = machine.joules()
        known = now is not None and energy is not None and side.joules is not None and now >= energy
        side.joules = side.joules + now - energy if known else None  # type: ignore[operator]
        side.peak_mib = machine.peak_mib(*self._pids)


async def typing(stand: Stand) -> list[Row]:
    """Every key asks: times, tokens, CPU, energy and memory."""
    ours, theirs = Side(), Side()
    for line in typed_lines(stand):
        stand.say(f"typing {line.name}:{line.number}")
        await _line_here(stand, line, ours)
        if stand.peer:
            await _line_at_peer(stand, line, theirs)
    return typing_rows(ours, theirs)


def typed_lines(stand: Stand) -> list[Line]:
    """The lines of the table, file after file."""
    files = lines.TYPED[: stand.sizes.files]
    return [line for name in files for line in lines.chosen(name, stand.sizes.lines)]


async def _line_here(stand: Stand, line: Line, side: Side) -> None:
    client, bench = stand.asking, stand.bench
    uri = bench.uri(line.name)
    await enter(client, uri, line)
    await bench.rest()
    with Meter(side, client.process.pid, await bench.engine_pid()):
        side.keys += await type_here(client, uri, line, stand.sizes.keys)
        await bench.idle()
    client.close(uri)
    await bench.idle()


async def _line_at_peer(stand: Stand, line: Line, side: Side) -> None:
    peer = stand.peer
    assert peer is not None
    await peer.complete(line.buffer(0), line.cursor(0))
    with Meter(side, *([peer.pid] if peer.pid else [])):
        side.keys += await type_at_peer(peer, line, stand.sizes.keys)


def typing_rows(ours: Side, theirs: Side) -> list[Row]:
    """The rows; times and tokens of both sides are over the keys that asked our model."""
    asked = [key.asked for key in ours.keys]
    mine = _where(ours.keys, asked)
    peers = _where(theirs.keys, asked)
    times = tuple(key.milliseconds for key in mine)
    peer_times = tuple(key.milliseconds for key in peers)
    share = f"{sum(asked)} of {len(asked)} keys asked the model"
    told = "" if ours.joules is not None else "not told by this machine"
    return [
        Row("typing_p50", times, peer_times, share),
        Row("typing_p95", times, peer_times),
        Row("typing_computed", _computed(mine), _computed(peers)),
        Row("typing_reused", _reused(mine), _reused(peers)),
        Row("typing_cpu", ours.per_100(ours.cpu_s), theirs.per_100(theirs.cpu_s)),
        Row("typing_energy", ours.per_100(ours.joules), theirs.per_100(theirs.joules), told),
        Row(
            "typing_memory",
            (ours.peak_mib,) if ours.peak_mib else (),
            (theirs.peak_mib,) if theirs.peak_mib else (),
            "resident at most: our server and engine, the peer's process",
        ),
    ]


async def following(stand: Stand) -> list[Row]:
    """A user who follows half of the suggestions, at the server as it is; see ``typist``.

    The peer's server keeps no answers, so it has no share of its own.
    """
    keys: dict[Way, list[Key]] = {way: [] for way in WAYS}
    for index, line in enumerate(typed_lines(stand)):
        way = way_of(index)
        stand.say(f"{way}: {line.name}:{line.number}")
        keys[way] += await follow(stand.plain, stand.bench.uri(line.name), line, way, PAUSE_S)
        await stand.bench.idle()
    return following_rows(keys)


def following_rows(ways: Mapping[Way, Sequence[Key]]) -> list[Row]:
    """The share, and the prompt tokens of the keys that asked the model.

    The note has the share by way: in lines of the standard library, which the model knows well,
    what the user types by himself is often what was shown.
    """
    keys = [key for typed in ways.values() for key in typed]
    asked = [key for key in keys if key.asked]
    sources = Counter(key.source for key in keys)
    told = ", ".join(f"{source} {number}" for source, number in sources.most_common())
    shares = ", ".join(f"{way} {free_share(typed):.2f}" for way, typed in ways.items() if typed)
    note = f"{len(keys) - len(asked)} of {len(keys)} keys; by way: {shares}; from: {told}"
    return [
        Row("following_share", (free_share(keys),), (), note),
        Row("following_computed", _computed(asked)),
        Row("following_reused", _reused(asked)),
    ]


def _where(keys: Sequence[Key], wanted: Sequence[bool]) -> list[Key]:
    return [key for key, is_wanted in zip(keys, wanted, strict=False) if is_wanted]


def _computed(keys: Sequence[Key]) -> tuple[float, ...]:
    return tuple(float(key.computed_tokens) for key in keys if key.computed_tokens is not None)


def _reused(keys: Sequence[Key]) -> tuple[float, ...]:
    return tuple(float(key.reused_tokens) for key in keys if key.reused_tokens is not None)
