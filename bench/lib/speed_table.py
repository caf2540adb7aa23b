"""``bench/speed all`` and each of its groups of rows: one table, ours beside llama.cpp's server."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.lib import figures, row_actions, row_growth, row_places, row_typing, rows
from bench.lib.own_server import Workbench, workbench
from bench.lib.peer import Peer
from bench.lib.quality import describe_model
from bench.lib.ready import ready
from bench.lib.rows import Row
from bench.lib.stand import Sizes, Stand
from tabwright.lsp.language_client import Json

Measure = Callable[[Stand], Awaitable[list[Row]]]
# In the order in which they are measured. Typing comes first: memory is at its peak there, before
# the rows that open many windows.
GROUPS: Mapping[str, tuple[Measure, str]] = {
    "typing": (row_typing.typing, "a request a key, which asks the model, in lines of real files"),
    "following": (row_typing.following, "a user who follows half of the suggestions"),
    "cold": (row_places.cold, "a file of 2,000 lines opened for the first time"),
    "jump": (row_places.jump, "back to places visited before"),
    "accept": (row_places.accept, "going on after a suggestion was taken"),
    "actions": (row_actions.actions, "tokens a second of generate and fix"),
    "growth": (row_growth.growth, "a key as file, context and number of windows grow"),
    "step": (row_growth.step, "a decode step beside the memory's bandwidth"),
}
QUALITY = (
    "Quality against the same model in float32: bench/quality infilling, and the same with\n"
    "--set engine.backend=torch --set engine.precision=float32; pass@1 at most 0.02 lower."
)


@dataclass(frozen=True)
class Wanted:
    """Which groups to measure, how much of them, with what and beside whom."""

    groups: Sequence[str]
    sizes: Sizes
    settings: Mapping[str, object]
    peer: contextlib.AbstractAsyncContextManager[Peer | None]
    about_peer: str


async def run(wanted: Wanted, json_file: Path | None) -> int:
    """Measure and print; 0 when it could be measured, whether or not the bars are met."""
    async with (
        wanted.peer as peer,
        workbench(wanted.settings) as bench,
        stand_of(bench, peer, wanted.sizes) as stand,
    ):
        found: list[Row] = []
        for name in wanted.groups:
            found += await GROUPS[name][0](stand)
            if json_file:  # a run of half an hour that is broken off has been of use
                write(json_file, found)
        about = await _about(stand, wanted)
    print(figures.facts(about))
    print(f"\n{rows.table(found)}\n\n{QUALITY}")
    return 0


def write(file: Path, found: Sequence[Row]) -> None:
    """The rows as a list in JSON, an object a line."""
    objects = ",\n".join(json.dumps(row.json()) for row in found)
    file.write_text(f"[{objects}]\n", encoding="utf-8")


@contextlib.asynccontextmanager
async def stand_of(bench: Workbench, peer: Peer | None, sizes: Sizes) -> AsyncIterator[Stand]:
    """Start both servers and wait until they answer."""
    plain = await bench.server()
    try:
        await ready(plain, bench)
        asking = await bench.asking_server()
        try:
            await ready(asking, bench)
            status = await plain.execute("tabwright.status")
            model = str(bench.settings.get("model") or status.get("model") or "")
            yield Stand(bench, plain, asking, peer, sizes, model)
        finally:
            await asking.stop()
    finally:
        await plain.stop()


async def _about(stand: Stand, wanted: Wanted) -> dict[str, object]:
    sizes, peer = wanted.sizes, stand.peer
    status = await stand.plain.execute("tabwright.status")
    engine = await stand.bench.engine_status()
    typed = f"{sizes.keys} keys of each of" if sizes.keys else ""
    return {
        "ours": f"{describe_model(status, engine)}, {_backends(engine)}",
        "peer": f"llama.cpp's server, {await peer.build()}, {wanted.about_peer}"
        if peer
        else "none",
        "machine": f"{os.cpu_count()} cores, {_processor()}",
        "settings": json.dumps(stand.settings),
        "typed": f"{typed} {sizes.lines} lines in each of {sizes.files} files".strip(),
        "rounds": f"{sizes.rounds}, ours and the peer in turn",
    }


def _backends(engine: Json) -> str:
    listed = engine.get("models")
    loaded = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return "backend " + (", ".join(str(one.get("backend")) for one in loaded) or "unknown")


def _processor() -> str:
    """The processor's name where Linux tells it."""
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return "a processor that is not named"
    names = [line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line]
    return names[0] if names else "a processor that is not named"
