"""Rows about ours alone: what a key costs as things grow, and a decode step beside its bound.

Every key asks the model (``asking_server``), its place already read; the sizes take turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.lib import lines, machine
from bench.lib.figures import p50
from bench.lib.lines import Line
from bench.lib.own_server import with_options
from bench.lib.ready import ready
from bench.lib.rows import Row
from bench.lib.stand import Stand
from bench.lib.typing_replay import Key, count, enter, press
from tabwright.engine.backends.numba import screen
from tabwright.engine.decoding.vocabulary import load_json
from tabwright.lsp.language_client import LspClient
from tabwright.models import store

LENGTHS = (100, 1_000, 10_000, 100_000)  # lines
# Characters before and after the cursor that the model may see, up to 8,000 tokens.
CONTEXTS = ((100, 0), (1_000, 400), (4_000, 1_500), (10_000, 4_000), (38_000, 12_500))
WINDOWS = (1, 2, 4, 8)
KEYS = 16  # of a line
STEPS = 96
_CORE = 100  # lines around the cursor, the same in a file of any length


async def growth(stand: Stand) -> list[Row]:
    """By the length of the file, the context, and the number of windows."""
    return [await _by_length(stand), await _by_context(stand), await _by_windows(stand)]


async def _by_length(stand: Stand) -> Row:
    places = {size: long_file(lines.chosen("tarfile", 1)[0], size) for size in LENGTHS}
    times: dict[int, list[float]] = {size: [] for size in LENGTHS}
    for size, line in places.items():
        await enter(stand.asking, stand.bench.uri(f"long_{size}.py"), line)
        await stand.bench.rest()
    for _ in range(_turns(stand)):
        for size, line in places.items():
            stand.say(f"a key in {size} lines")
            uri = stand.bench.uri(f"long_{size}.py")
            times[size] += [key.milliseconds for key in await _typed(stand.asking, uri, line)]
            await stand.bench.idle()
    for size in LENGTHS:
        stand.asking.close(stand.bench.uri(f"long_{size}.py"))
    return grown("growth_length", {f"{size:,} lines": times[size] for size in LENGTHS})


async def _by_context(stand: Stand) -> Row:
    line = lines.chosen("turtle", 1)[0]
    uri = stand.bench.uri("context.py")
    servers: list[LspClient] = []
    found: list[list[Key]] = [[] for _ in CONTEXTS]
    try:
        for before, after in CONTEXTS:
            stand.say(f"a context of {before} and {after} characters")
            settings = with_options(
                stand.settings,
                model=None,
                assignments=[
                    f"context.prefixCharacters={before}",
                    f"context.suffixCharacters={after}",
                ],
            )
            server = await stand.bench.asking_server(settings)
            servers.append(server)
            await ready(server, stand.bench)
            await enter(server, uri, line)
            await stand.bench.rest()
        for _ in range(_turns(stand)):
            for server, keys in zip(servers, found, strict=True):
                keys += await _typed(server, uri, line)
                await stand.bench.idle()
    finally:
        await asyncio.gather(*(server.stop() for server in servers))
    return grown(
        "growth_context",
        {f"{_prompt(keys):,} tokens": [key.milliseconds for key in keys] for keys in found},
    )


async def _by_windows(stand: Stand) -> Row:
    """A server for each window, another file in each, the keys going round."""
    servers: list[LspClient] = []
    times: dict[str, list[float]] = {}
    try:
        for windows in WINDOWS:
            stand.say(f"a key with {windows} windows")
            while len(servers) < windows:
                server = await stand.bench.asking_server()
                servers.append(server)
                await ready(server, stand.bench)
                module = lines.LARGE[len(servers) - 1]
                uri = stand.bench.uri(f"{module}.py")
                await enter(server, uri, lines.chosen(module, 1)[0])
                await stand.bench.rest()
            found: list[float] = []
            for typed in range(1, KEYS + 1):
                for server, module in zip(servers, lines.LARGE, strict=False):
                    line = lines.chosen(module, 1)[0]
                    at = min(typed, len(line.code))
                    uri = stand.bench.uri(f"{module}.py")
                    key, _ = await press(server, uri, line.buffer(at), line.cursor(at))
                    found.append(key.milliseconds)
            times[f"{windows} windows"] = found
    finally:
        await asyncio.gather(*(server.stop() for server in servers))
    return grown("growth_windows", times)


async def _typed(client: LspClient, uri: str, line: Line) -> list[Key]:
    """The first keys of a line, in a document that is open."""
    keys = []
    for typed in range(1, count(line, KEYS) + 1):
        key, _ = await press(client, uri, line.buffer(typed), line.cursor(typed))
        keys.append(key)
    return keys


def grown(name: str, times: Mapping[str, Sequence[float]]) -> Row:
    """The largest size over the smallest, by the medians; all medians (ms) are the note."""
    medians = [p50(values) for values in times.values()]
    told = ", ".join(f"{size} {p50(values):.0f} ms" for size, values in times.items())
    ratio = (medians[-1] / medians[0],) if medians and medians[0] > 0 else ()
    return Row(name, ratio, (), told)


def long_file(line: Line, size: int) -> Line:
    """The line with the same 100 lines around it, in a file of ``size`` lines.

    What is put before and behind are assignments of numbers, each to a name of its own.
    """
    half = _CORE // 2
    before = lines.file_lines(line.before)[-half:]
    after = lines.file_lines(line.after)[: half + 1]
    missing = max(0, size - len(before) - len(after))
    filler = [f"value_{number} = {number}\n" for number in range(missing)]
    middle = missing // 2
    return Line(
        line.name,
        middle + half + 1,
        "".join(filler[:middle] + before),
        line.indentation,
        line.code,
        "".join(after + filler[middle:]),
    )


def _prompt(keys: Sequence[Key]) -> int:
    """The median length of the prompts, in tokens."""
    known = [
        float(key.computed_tokens + key.reused_tokens)
        for key in keys
        if key.computed_tokens is not None and key.reused_tokens is not None
    ]
    return int(p50(known)) if known else 0


def _turns(stand: Stand) -> int:
    return (stand.sizes.rounds + 1) // 2


async def step(stand: Stand) -> list[Row]:
    """Two answers written side by side, beside the time to read all weights from memory.

    Such answers draw on no guesses, so a pass is over two tokens, no shorter than one over one.

    The bandwidth is what numpy reaches on all cores (``machine.bandwidth``), measured before the
    steps of every round; the bytes are those that the engine tells, see ``weights_read``.
    """
    line = lines.chosen("difflib", 1)[0]
    prompt = line.before[-1000:]
    body: dict[str, object] = {"model": stand.model, "n": 2}
    await stand.bench.generate(body | {"prompt": prompt, "max_tokens": 8})
    listed = (await stand.bench.engine_status()).get("models")
    loaded = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    folder = store.locate(stand.model)
    bytes_read = next((weights_read(one, folder) for one in loaded if one["id"] == stand.model), 0)
    steps: list[float] = []
    reads: list[float] = []
    peer: list[float] = []
    for index in range(stand.sizes.rounds):
        stand.say(f"decode step: {index + 1} of {stand.sizes.rounds}")
        reads.append(await asyncio.to_thread(machine.bandwidth))
        # Begun otherwise each time: of the same prompt the last answer would be the draft.
        asked = body | {"prompt": f"# {index}\n{prompt}", "max_tokens": STEPS}
        usage = (await stand.bench.generate(asked))["usage"]
        steps.append(usage["decode_ms"] / max(usage["completion_tokens"] / 2, 1))
        await stand.bench.idle()
        if stand.peer:
            wrote = await stand.peer.write(prompt, STEPS)
            peer.append(wrote.decode_ms / max(wrote.tokens, 1))
    return [step_row(steps, peer, bytes_read, max(reads))]


def weights_read(loaded: Mapping[str, object], folder: Path) -> int:
    """Bytes that a step reads: all weights that the engine tells, less what it reads few rows of.

    That are the input embeddings, a table of their own unless they are the output's; and of a
    narrow head, by which no answer is drawn, nothing is read.
    """
    config = load_json(folder / "config.json")
    width = {"int8": 1, "float32": 4}.get(str(loaded["precision"]), 2)
    table = 0 if config.get("tie_word_embeddings") else config["vocab_size"] * config["hidden_size"]
    narrow = screen.load(folder) if loaded["backend"] == "numba" else None
    unread = sum(array.nbytes for array in (narrow or {}).values())
    return int(str(loaded["memory_bytes"])) - int(table) * width - unread


def step_row(
    steps: Sequence[float], peer: Sequence[float], bytes_read: int, bandwidth: float
) -> Row:
    """Times in ms, bandwidth in bytes a second: the step over the read, the figures in the note."""
    read_ms = bytes_read / bandwidth * 1000
    note = (
        f"{p50(steps):.1f} ms a step; {bytes_read / 1e6:.0f} MB at {bandwidth / 1e9:.1f} GB/s "
        f"take {read_ms:.1f} ms"
    )
    if peer:
        note += f"; a step of the peer {p50(peer):.1f} ms"
    return Row("step", tuple(one / read_ms for one in steps) if read_ms else (), (), note)
