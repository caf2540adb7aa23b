"""``bench/speed``: how quick the real server is, replayed typing beside llama.cpp's among it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version
from pathlib import Path

from bench.lib import speed_cancel, speed_drafts, speed_precisions, speed_start, speed_table
from bench.lib.gguf import GgufMissing, bench_gguf
from bench.lib.own_server import EngineRefused, with_options
from bench.lib.peer import Peer, PeerError, own_peer, running_peer
from bench.lib.ready import NotReady
from bench.lib.stand import Sizes
from tabwright.assists.complete import Options
from tabwright.models.catalog import DEFAULT_COMPLETION

# Replayed keys come as soon as the answer to the last one is there, which no typist does, so
# waiting for a pause in the typing would measure only the waiting.
# The engine stays up however long the peer takes for its turn.
BASE = {"completion": {"debounceMs": 0}, "engine": {"idleMinutes": 60}}
MAX_TOKENS = Options().line_tokens


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    settings = with_options(BASE, model=options.model, assignments=options.assignments)
    try:
        if options.kind == "all" or options.kind in speed_table.GROUPS:
            return asyncio.run(speed_table.run(wanted(options, settings), options.json))
        if options.kind == "cancel":
            return asyncio.run(speed_cancel.run(settings, options.json))
        if options.kind == "precisions":
            model = options.model or DEFAULT_COMPLETION
            return speed_precisions.run(model, options.rounds, options.json)
        if options.kind == "drafts":
            return asyncio.run(
                speed_drafts.run(settings, options.json, options.edits, options.rounds)
            )
        return asyncio.run(speed_start.run(settings, options.json))
    except (NotReady, PeerError, GgufMissing, EngineRefused) as error:
        print(f"bench/speed: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    common.add_argument("--model", help="instead of the default completion model")
    common.add_argument(
        "--set",
        dest="assignments",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting, such as engine.precision=bfloat16; may be repeated",
    )
    made = argparse.ArgumentParser(prog="bench/speed", description=__doc__)
    kinds = made.add_subparsers(dest="kind", required=True, metavar="KIND")
    every = kinds.add_parser("all", parents=[common], help="the whole table, as below")
    every.add_argument(
        "--only",
        action="append",
        choices=list(speed_table.GROUPS),
        help="these rows alone; may be repeated",
    )
    _add_sizes(every)
    for name, (_, text) in speed_table.GROUPS.items():
        _add_sizes(kinds.add_parser(name, parents=[common], help=f"of the table: {text}"))
    kinds.add_parser(
        "cancel", parents=[common], help="cancelling in mid-generation, and the server meanwhile"
    )
    kinds.add_parser(
        "start", parents=[common], help="time to start, memory, two servers, a killed engine"
    )
    precisions = kinds.add_parser(
        "precisions", parents=[common], help="number formats of the weights, beside each other"
    )
    precisions.add_argument("--rounds", type=int, default=5, metavar="N", help="of each (5)")
    drafts = kinds.add_parser(
        "drafts", parents=[common], help="edited functions written with drafts and without"
    )
    drafts.add_argument("--edits", type=int, default=3, metavar="N", help="of each kind (3)")
    drafts.add_argument("--rounds", type=int, default=5, metavar="N", help="of all of them (5)")
    return made


def _add_sizes(table: argparse.ArgumentParser) -> None:
    table.add_argument("--files", type=int, default=5, metavar="N", help="typed in (5)")
    table.add_argument("--lines", type=int, default=4, metavar="N", help="of each file (4)")
    table.add_argument("--keys", type=int, default=0, metavar="N", help="of each line (all)")
    table.add_argument("--rounds", type=int, default=5, metavar="N", help="of single events (5)")
    peer = table.add_mutually_exclusive_group()
    peer.add_argument("--peer", metavar="ADDRESS", help="a running llama-server, HOST:PORT or URL")
    peer.add_argument("--peer-model", type=Path, metavar="FILE", help="GGUF that the peer loads")
    peer.add_argument("--no-peer", action="store_true", help="without the peer")
    table.add_argument(
        "--peer-threads", type=int, default=os.cpu_count() or 2, metavar="N", help="all by default"
    )


def wanted(options: argparse.Namespace, settings: dict[str, object]) -> speed_table.Wanted:
    """What the arguments ask for; no peer is started yet."""
    asked = options.only if options.kind == "all" else [options.kind]
    sizes = Sizes(options.files, options.lines, options.keys, options.rounds)
    about = "as it was started"
    if not options.peer and not options.no_peer:
        about = f"of xllamacpp {version('xllamacpp')}, {options.peer_threads} threads"
    groups = [name for name in speed_table.GROUPS if not asked or name in asked]
    return speed_table.Wanted(groups, sizes, settings, _peer(options), about)


@contextlib.asynccontextmanager
async def _peer(options: argparse.Namespace) -> AsyncIterator[Peer | None]:
    if options.no_peer:
        yield None
    elif options.peer:
        async with running_peer(options.peer, MAX_TOKENS) as peer:
            yield peer
    else:
        model = options.peer_model or await asyncio.to_thread(bench_gguf, options.model)
        async with own_peer(model, options.peer_threads, MAX_TOKENS) as peer:
            yield peer
