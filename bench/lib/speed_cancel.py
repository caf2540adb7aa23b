"""``bench/speed cancel``: giving up in mid-generation, and the server's hands meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

from bench.lib import figures, lines
from bench.lib.own_server import Workbench, workbench
from bench.lib.ready import ready
from tabwright.lsp.language_client import LspClient, ResponseError

ROUNDS = 10
SAMPLES = 200
PREFILL_MS = 150  # after this a fresh file is still being read
DECODE_TOKENS = 1024


async def run(settings: Mapping[str, object], json_file: Path | None) -> int:
    """Measure and print; 0 when it could be measured."""
    # Long answers, so that there is a generation to be in the middle of.
    long = dict(settings)
    asked = settings.get("completion")
    long["completion"] = {
        **(asked if isinstance(asked, Mapping) else {}),
        "maxTokens": DECODE_TOKENS,
        "candidates": 1,
        "multiline": "always",
    }
    async with workbench(long) as bench:
        client = await bench.server()
        try:
            await ready(client, bench)
            phases = {
                "cancelled while reading the file": await _cancels(client, bench, fresh=True),
                "cancelled while writing": await _cancels(client, bench, fresh=False),
            }
            hands = await _hands(client, bench)
        finally:
            await client.stop()
    result = {
        name: {
            "rounds": len(found),
            "answer_p50_ms": figures.number(figures.p50([a for a, _ in found]), 1),
            "answer_max_ms": figures.number(max((a for a, _ in found), default=0.0), 1),
            "idle_p50_ms": figures.number(figures.p50([i for _, i in found]), 1),
            "idle_max_ms": figures.number(max((i for _, i in found), default=0.0), 1),
        }
        for name, found in phases.items()
    }
    rows = [[name, *row.values()] for name, row in result.items()]
    print("From $/cancelRequest to the answer, and until the engine computes nothing:\n")
    print(figures.table(rows, header=["", *next(iter(result.values()))]))
    print("\nHandled while the model generates, from message to answer (ms):\n")
    waits = {
        name: {
            "samples": len(found),
            "p50_ms": figures.number(figures.p50(found), 2),
            "p99_ms": figures.number(figures.percentile(found, 0.99), 2),
            "max_ms": figures.number(max(found, default=0.0), 2),
        }
        for name, found in hands.items()
    }
    print(
        figures.table(
            [[name, *row.values()] for name, row in waits.items()],
            header=["", *next(iter(waits.values()))],
        )
    )
    if json_file:
        figures.write_json(json_file, {**result, **waits})
    return 0


async def _cancels(
    client: LspClient, bench: Workbench, *, fresh: bool
) -> list[tuple[float, float]]:
    """(ms to the answer, ms until the engine is idle) of each request that was still running."""
    found: list[tuple[float, float]] = []
    for index in range(ROUNDS):
        uri, text, offset = _buffer(bench, f"cancel_{fresh}_{index}.py", index if fresh else 0)
        client.open(uri, "python", text)
        if not fresh:
            await _warm(client, bench, uri, text, offset)
        params = client.completion_params(uri, text, offset, invoked=True)
        request, answer = client.begin("textDocument/inlineCompletion", params)
        await _until_active(bench)
        await asyncio.sleep(PREFILL_MS / 1000 * (0.3 + index / ROUNDS))
        if not answer.done():
            started = time.perf_counter()
            client.cancel(request)
            # Some servers answer a cancelled request with an empty list instead of an error.
            with contextlib.suppress(ResponseError):
                await answer
            answered_ms = (time.perf_counter() - started) * 1000
            await bench.idle()
            found.append((answered_ms, (time.perf_counter() - started) * 1000))
        client.close(uri)
        await bench.idle()
    return found


async def _hands(client: LspClient, bench: Workbench) -> dict[str, list[float]]:
    """Milliseconds of a codeAction, and of a didChange with a codeAction behind it.

    A didChange has no answer of its own: the server works messages off in order, so the answer
    to the request behind it bounds both.
    """
    uri, text, offset = _buffer(bench, "busy.py", 0)
    other, small = bench.uri("other.py"), "value = 1\n" * 500
    client.open(uri, "python", text)
    client.open(other, "python", small)
    found: dict[str, list[float]] = {"codeAction": [], "didChange + codeAction": []}
    params = {
        "textDocument": {"uri": other},
        "range": {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}},
        "context": {"diagnostics": []},
    }
    busy: asyncio.Future[object] | None = None
    for index in range(2 * SAMPLES):
        if busy is None or busy.done():
            text = text[:offset] + "\n" + text[offset:]
            client.change(uri, text)
            asked = client.completion_params(uri, text, offset, invoked=True)
            busy = client.begin("textDocument/inlineCompletion", asked)[1]
            await _until_active(bench)
        started = time.perf_counter()
        if index % 2:
            client.change(other, small + "#" * (index % 7))
        # Without code actions the refusal travels the same road.
        with contextlib.suppress(ResponseError):
            await client.request("textDocument/codeAction", params)
        name = "didChange + codeAction" if index % 2 else "codeAction"
        found[name].append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0.01)
    if busy is not None:
        await asyncio.wait([busy], timeout=60)
    client.close(uri)
    client.close(other)
    return found


async def _warm(client: LspClient, bench: Workbench, uri: str, text: str, offset: int) -> None:
    """Have the prompt computed, so that what comes next is in the decoding at once."""
    await client.complete(uri, text, offset)
    await bench.idle()


async def _until_active(bench: Workbench, seconds: float = 5.0) -> None:
    """Wait until the engine has begun with a request; give up quietly after ``seconds``."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        if (await bench.engine_status()).get("active"):
            return
        await asyncio.sleep(0.002)


def _buffer(bench: Workbench, name: str, rotation: int) -> tuple[str, str, int]:
    """A real file that the engine has not seen like this, with the cursor in its middle."""
    module = lines.MODULES[rotation % len(lines.MODULES)]
    line = lines.chosen(module, rotation + 1)[rotation % (rotation + 1)]
    text = f"# {name}\n" + line.buffer(0)
    return bench.uri(name), text, line.cursor(0) + len(f"# {name}\n")
