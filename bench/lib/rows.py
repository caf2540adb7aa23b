"""The rows of ``bench/speed``'s table: what each is, how ours stands to the peer's, and its bar."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.lib import figures
from bench.lib.figures import number, p50, p95

Samples = Sequence[float]


def quicker(ours: Samples, peer: Samples) -> float:
    """How many times quicker ours is, by the medians of times."""
    return _over(p50(peer), p50(ours))


def quicker_p95(ours: Samples, peer: Samples) -> float:
    """The same by the 95th percentiles."""
    return _over(p95(peer), p95(ours))


def more(ours: Samples, peer: Samples) -> float:
    """Ours over the peer's, by the medians: of rates the more the better, of costs the less."""
    return _over(p50(ours), p50(peer))


def itself(ours: Samples, peer: Samples) -> float:
    """Ours alone, where it is a share or a ratio already."""
    return p50(ours)


def _over(above: float, below: float) -> float:
    return above / below if below else math.nan


@dataclass(frozen=True)
class Bar:
    """What a ratio must be: at least ``at``, or under it."""

    which: Literal["at least", "under"]
    at: float

    def met(self, ratio: float) -> bool | None:
        """Whether it is; None when the ratio is not known."""
        if math.isnan(ratio):
            return None
        return ratio >= self.at if self.which == "at least" else ratio < self.at

    def __str__(self) -> str:
        return f"{self.which} {self.at:g}"


@dataclass(frozen=True)
class Kind:
    """A row of the table before it is measured."""

    what: str
    unit: str
    ratio: Callable[[Samples, Samples], float] = quicker
    bar: Bar | None = None


# In the order of the table; the bars are those of issue 5.
KINDS: Mapping[str, Kind] = {
    "typing_p50": Kind("typing, each key asks the model, p50", "ms", quicker, Bar("at least", 10)),
    "typing_p95": Kind("the same, p95", "ms", quicker_p95, Bar("at least", 5)),
    "typing_computed": Kind("  prompt tokens computed a key", "tokens", quicker),
    "typing_reused": Kind("  prompt tokens reused a key", "tokens", more),
    "typing_cpu": Kind("  CPU seconds per 100 keys", "s", more, Bar("under", 0.5)),
    "typing_energy": Kind("  joules per 100 keys", "J", more),
    "typing_memory": Kind("  peak memory", "MiB", more),
    "following_share": Kind(
        "keys answered without the model, half followed", "", itself, Bar("at least", 0.5)
    ),
    "following_computed": Kind("  prompt tokens computed a key", "tokens", quicker),
    "following_reused": Kind("  prompt tokens reused a key", "tokens", more),
    "cold": Kind("cold open of 2,000 lines", "ms", quicker, Bar("at least", 3)),
    "jump": Kind("jump to a place visited before", "ms", quicker, Bar("at least", 10)),
    "accept_at_once": Kind("accepted, next answer, at once", "ms", quicker),
    "accept_after_pause": Kind("accepted, next answer, after 1 s", "ms", quicker),
    "generate": Kind("generate, tokens a second", "1/s", more, Bar("at least", 1.5)),
    "fix": Kind("fix, tokens a second", "1/s", more, Bar("at least", 1.5)),
    "growth_length": Kind("key in 100,000 lines : in 100", ":", itself, Bar("under", 1.3)),
    "growth_context": Kind("key with 8,000 tokens : with none", ":", itself),
    "growth_windows": Kind("key with 8 windows : with 1", ":", itself),
    "step": Kind("decode step : weights read once", ":", itself, Bar("under", 2)),
}


@dataclass(frozen=True)
class Row:
    """One measured row; samples in the kind's unit, empty where there are none."""

    name: str
    ours: tuple[float, ...]
    peer: tuple[float, ...] = ()
    note: str = ""

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    @property
    def ratio(self) -> float:
        """NaN when a side is missing."""
        return self.kind.ratio(self.ours, self.peer)

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without a bar or a ratio."""
        return self.kind.bar.met(self.ratio) if self.kind.bar else None

    def json(self) -> dict[str, object]:
        """The row as an object; what is not known is None."""
        return {
            "row": self.name,
            "what": self.kind.what.strip(),
            "unit": self.kind.unit,
            "samples": len(self.ours),
            "ours_p50": number(p50(self.ours)),
            "ours_p95": number(p95(self.ours)),
            "peer_p50": number(p50(self.peer)),
            "peer_p95": number(p95(self.peer)),
            "ratio": number(self.ratio, 3),
            "bar": str(self.kind.bar) if self.kind.bar else None,
            "met": self.met,
            "note": self.note,
        }


def table(rows: Sequence[Row]) -> str:
    """All rows, the notes below it."""
    header = ("", "unit", "n", "ours p50", "p95", "peer p50", "p95", "ratio", "bar", "met")
    cells = [
        [
            row.kind.what,
            row.kind.unit,
            len(row.ours),
            p50(row.ours),
            p95(row.ours),
            p50(row.peer),
            p95(row.peer),
            row.ratio,
            row.kind.bar or "",
            {True: "yes", False: "NO", None: "-" if row.kind.bar else ""}[row.met],
        ]
        for row in rows
    ]
    notes = [f"{row.name}: {row.note}" for row in rows if row.note]
    return "\n".join([figures.table(cells, header=header), *([""] if notes else []), *notes])
