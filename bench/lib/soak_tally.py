"""What the soak test counts, and the bars that it holds it against."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

MOST_NOTES = 12


@dataclass
class Memory:
    """Bytes of one process, sampled as long as it lives; ``settled_at`` begins what is compared."""

    name: str
    pid: int
    settled_at: float
    samples: list[tuple[float, int]] = field(default_factory=list)
    cached: list[tuple[float, int]] = field(default_factory=list)

    def add(self, size: int, cached: int = 0) -> None:
        """Take one sample; ``cached`` are the tokens in an engine's cache, which has a bound."""
        now = time.monotonic()
        self.samples.append((now, size))
        self.cached.append((now, cached))

    @property
    def fills(self) -> bool:
        """Whether the cache still grew in the time that is compared: that is no leak."""
        found = [tokens for when, tokens in self.cached if tokens and when >= self.settled_at]
        return bool(found) and found[-1] > found[0] * 1.02

    @property
    def settled(self) -> list[int]:
        """The samples from where on it should be flat."""
        return [size for when, size in self.samples if when >= self.settled_at]

    @property
    def ends(self) -> tuple[int, int] | None:
        """Medians of the first and the last fifth of what is settled; None for too few."""
        found = self.settled
        count = max(1, len(found) // 5)
        if len(found) < 6:
            return None
        return sorted(found[:count])[count // 2], sorted(found[-count:])[count // 2]

    @property
    def growth(self) -> float | None:
        """The share by which it has grown."""
        ends = self.ends
        return None if ends is None else ends[1] / ends[0] - 1


@dataclass
class Tally:
    """Counts over all windows."""

    messages: int = 0
    received: int = 0
    requests: int = 0
    answered: int = 0
    excused: int = 0  # asked of a server that was killed
    unanswered: int = 0
    twice: int = 0
    out_of_range: int = 0
    crashes: int = 0
    checked_edits: int = 0
    longest_hold_ms: float = 0.0
    longest_answer_s: float = 0.0
    longest_method: str = ""
    events: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Keep what went wrong for the end, the first of it."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append(what)


@dataclass(frozen=True)
class Bars:
    """What must be met; ``growth`` is the share that memory may grow by, None for no such bar."""

    messages: int = 0
    hold_ms: float = 50.0
    growth: float | None = 0.1


def table(tally: Tally, bars: Bars) -> tuple[str, bool]:
    """The printed table, and whether all bars are met."""
    rows: list[tuple[str, str, str, bool]] = []

    def row(name: str, value: object, bar: str = "", met: bool = True) -> None:
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        rows.append((name, shown, bar, met))

    needed = f"{bars.messages:,} or more" if bars.messages else ""
    row("messages sent", tally.messages, needed, tally.messages >= bars.messages)
    row("messages received", tally.received)
    row("requests", tally.requests)
    row("answered", tally.answered)
    row("asked of a server that was killed", tally.excused)
    row("unanswered", tally.unanswered, "0", not tally.unanswered)
    row("answered twice", tally.twice, "0", not tally.twice)
    row("edits and ranges checked", tally.checked_edits)
    row("out of range", tally.out_of_range, "0", not tally.out_of_range)
    row("crashes and internal errors", tally.crashes, "0", not tally.crashes)
    hold = f"{tally.longest_hold_ms:.1f} ms"
    row(
        "longest hold of the event loop",
        hold,
        f"{bars.hold_ms:g} ms or less",
        tally.longest_hold_ms <= bars.hold_ms,
    )
    row("longest answer", f"{tally.longest_answer_s:.1f} s {tally.longest_method}".rstrip())
    for memory in tally.memories:
        ends, growth = memory.ends, memory.growth
        if ends is None or growth is None:
            bar = "" if bars.growth is None else "to be measured"
            row(f"memory of {memory.name}", "too few samples", bar, False)
            continue
        shown = f"{ends[0] / 2**20:.1f} to {ends[1] / 2**20:.1f} MiB ({growth:+.1%})"
        if bars.growth is None or memory.fills:
            note = ", its cache still fills" if memory.fills else ""
            row(f"memory of {memory.name}", shown + note)
        else:
            met = growth <= bars.growth
            row(f"memory of {memory.name}", shown, f"{bars.growth:+.0%} or less", met)
    for event, count in sorted(tally.events.items()):
        row(event, count)
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:3]]
    lines = []
    for name, shown, bar, met in rows:
        verdict = ("met" if met else "MISSED") if bar else ""
        line = f"{name:<{widths[0]}}  {shown:>{widths[1]}}  {bar:<{widths[2]}}  {verdict}"
        lines.append(line.rstrip())
    lines += [f"  {note}" for note in tally.notes]
    return "\n".join(lines), all(met for *_, bar, met in rows if bar)
