"""``bench/speed``: how quick the real server is, replayed typing beside llama.cpp's among it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from bench.lib import figures, lines, speed_cancel, speed_drafts, speed_start
from bench.lib.gguf import GgufMissing, bench_gguf
from bench.lib.own_server import with_options, workbench
from bench.lib.peer import Peer, PeerError, own_peer, running_peer
from bench.lib.quality import describe_model
from bench.lib.ready import NotReady, ready
from bench.lib.typing_replay import replay, together
from tabwright.assists.complete import Options

# Replayed keys come as soon as the answer to the last one is there, which no typist does, so
# waiting for a pause in the typing would measure only the waiting.
# The engine stays up however long the peer takes for its turn.
BASE = {"completion": {"debounceMs": 0}, "engine": {"idleMinutes": 60}}
MAX_TOKENS = Options().line_tokens


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    settings = with_options(BASE, model=options.model, assignments=options.assignments)
    try:
        if options.kind == "typing":
            return asyncio.run(_typing(options, settings))
        if options.kind == "cancel":
            return asyncio.run(speed_cancel.run(settings, options.json))
        if options.kind == "drafts":
            return asyncio.run(
                speed_drafts.run(settings, options.json, options.edits, options.rounds)
            )
        return asyncio.run(speed_start.run(settings, options.json))
    except (NotReady, PeerError, GgufMissing) as error:
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
    typing = kinds.add_parser(
        "typing",
        parents=[common],
        help="a request per character while lines of real files are typed again",
    )
    typing.add_argument("--files", type=int, default=5, metavar="N", help="how many files (5)")
    typing.add_argument("--lines", type=int, default=4, metavar="N", help="lines of each file (4)")
    peer = typing.add_mutually_exclusive_group()
    peer.add_argument("--peer", metavar="ADDRESS", help="a running llama-server, HOST:PORT or URL")
    peer.add_argument("--peer-model", type=Path, metavar="FILE", help="GGUF that the peer loads")
    peer.add_argument("--no-peer", action="store_true", help="without the peer")
    typing.add_argument(
        "--peer-threads", type=int, default=os.cpu_count() or 2, metavar="N", help="all by default"
    )
    kinds.add_parser(
        "cancel", parents=[common], help="cancelling in mid-generation, and the server meanwhile"
    )
    kinds.add_parser(
        "start", parents=[common], help="time to start, memory, two servers, a killed engine"
    )
    drafts = kinds.add_parser(
        "drafts", parents=[common], help="edited functions written with drafts and without"
    )
    drafts.add_argument("--edits", type=int, default=3, metavar="N", help="of each kind (3)")
    drafts.add_argument("--rounds", type=int, default=5, metavar="N", help="of all of them (5)")
    return made


async def _typing(options: argparse.Namespace, settings: dict[str, object]) -> int:
    async with _peer(options) as peer, workbench(settings) as bench:
        client = await bench.server()
        try:
            await ready(client, bench)
            replays = []
            for module in lines.MODULES[: options.files]:
                chosen = lines.chosen(module, options.lines)
                print(f"  {module}: {', '.join(str(x.number) for x in chosen)}", file=sys.stderr)
                replays.append(await replay(client, bench, peer, f"{module}.py", chosen))
            model = describe_model(
                await client.execute("tabwright.status"), await bench.engine_status()
            )
        finally:
            await client.stop()
    cases = [*replays, together(replays)]
    rows = [case.row() for case in cases]
    count = sum(len(case.keys) for case in replays)
    threads = "its own settings" if options.peer else f"{options.peer_threads} threads"
    about = {
        "typed": f"{options.lines} lines in each of {len(replays)} files, {count} keystrokes",
        "model": model,
        "settings": json.dumps(settings),
        "peer": f"llama.cpp's server at {peer.address}, {threads}" if peer else "none",
    }
    print(figures.facts(about))
    print("\nKeystrokes that asked the model, and the same ones at the peer (ms):\n")
    print(figures.table([list(row.values()) for row in rows], header=list(rows[0])))
    print("\nAll keystrokes (ms):\n")
    over_all = [{"case": case.case, **case.over_all()} for case in cases]
    print(figures.table([list(row.values()) for row in over_all], header=list(over_all[0])))
    ours, theirs = rows[-1]["ours_p50_ms"], rows[-1]["peer_p50_ms"]
    if isinstance(ours, float) and isinstance(theirs, float) and ours > 0:
        print(f"\np50 {theirs / ours:.1f} times quicker than the peer's.")
    if options.json:
        objects = ",\n".join(json.dumps(row) for row in rows)
        options.json.write_text(f"[{objects}]\n", encoding="utf-8")
    return 0


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
