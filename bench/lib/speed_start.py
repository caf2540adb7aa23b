"""``bench/speed start``: time to start, memory, two servers on one engine, a killed engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from bench.lib import figures, lines
from bench.lib.own_server import Workbench, workbench
from bench.lib.ready import NotReady, ready
from tabwright.lsp.language_client import LspClient, ResponseError

STARTS = 5
MEBIBYTE = 1 << 20


async def run(settings: Mapping[str, object], json_file: Path | None) -> int:
    """Measure and print; 1 when two servers did not share one engine, or it did not come back."""
    async with workbench(settings) as bench:
        starts = [await _initialize_ms(bench) for _ in range(STARTS)]
        first = await bench.server()
        second = await bench.server()
        try:
            first_s = await ready(first, bench)
            engine_pid = await _engine_pid(bench)
            second_s = await ready(second, bench)
            shared = engine_pid == await _engine_pid(bench) and len(_engines(bench)) == 1
            memory = {
                "server_mib": round(_memory(first.process.pid)),
                "second_server_mib": round(_memory(second.process.pid)),
                "engine_mib": round(_memory(engine_pid)),
            }
            killed = await _kill_engine(first, bench, engine_pid)
        finally:
            await first.stop()
            await second.stop()
    result: dict[str, object] = {
        "initialize_p50_ms": figures.number(figures.p50(starts), 0),
        "initialize_max_ms": figures.number(max(starts), 0),
        "first_answer_s": round(first_s, 2),
        "second_server_first_answer_s": round(second_s, 2),
        "one_engine_for_both": shared,
        **memory,
        **killed,
    }
    print(figures.facts(result))
    if json_file:
        figures.write_json(json_file, result)
    return 0 if shared and killed["killed_request_empty"] else 1


async def _initialize_ms(bench: Workbench) -> float:
    client = await bench.server()
    await client.stop()
    return client.initialize_ms


async def _kill_engine(client: LspClient, bench: Workbench, pid: int) -> dict[str, object]:
    """kill -9 in mid-request: how that request ends, and when the next answer comes."""
    line = lines.chosen(lines.MODULES[1], 1)[0]
    uri, text, offset = bench.uri("killed.py"), line.buffer(0), line.cursor(0)
    client.open(uri, "python", text)
    params = client.completion_params(uri, text, offset, invoked=True)
    request = client.begin("textDocument/inlineCompletion", params)[1]
    async with asyncio.timeout(10):
        while not (await bench.engine_status()).get("active"):
            await asyncio.sleep(0.002)
    started = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    items: tuple[object, ...] = ()
    error = ""
    try:
        items = client.items(await asyncio.wait_for(request, 60), text, offset)
    except ResponseError as refused:
        error = str(refused)
    ended_ms = (time.perf_counter() - started) * 1000
    why = await client.execute("tabwright.why")
    client.close(uri)
    again_s = await ready(client, bench)
    return {
        "killed_request_empty": not items and not error,
        "killed_request_error": error or "none",
        "killed_request_ms": round(ended_ms, 1),
        "killed_request_reason": str(why.get("reason", "")),
        "next_answer_after_kill_s": round(again_s, 2),
        "load_s": await _load_s(bench),
    }


async def _engine_pid(bench: Workbench) -> int:
    pid = (await bench.engine_status()).get("pid")
    if not isinstance(pid, int):
        raise NotReady("the engine does not tell its process id")
    return pid


async def _load_s(bench: Workbench) -> float | None:
    listed = (await bench.engine_status()).get("models")
    for model in listed if isinstance(listed, list) else []:
        if isinstance(model, dict) and isinstance(model.get("load_s"), int | float):
            return round(float(model["load_s"]), 2)
    return None


def _engines(bench: Workbench) -> list[int]:
    """Engine processes that belong to this bench, by the runtime folder in their environment."""
    found: list[int] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = process.environ().get("TABWRIGHT_RUNTIME_DIR") == str(bench.runtime)
            if mine and "engine" in process.cmdline():
                found.append(process.pid)
    return found


def _memory(pid: int) -> float:
    """Memory of a process that it shares with no other, in MiB."""
    return float(psutil.Process(pid).memory_full_info().uss) / MEBIBYTE
