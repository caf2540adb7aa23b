"""``bench/soak``: random messages, edits, kills and hangs for as long as asked."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from http.client import HTTPException
from pathlib import Path
from random import Random

import psutil

from bench.lib.own_server import UnixConnection
from bench.lib.soak_client import EXPECTED
from bench.lib.soak_tally import Bars, Memory, Tally, table
from bench.lib.soak_window import Json, Window
from tabwright import engine_pid, paths

_WINDOWS = 3
_SAMPLE_S = 2.0
# One launcher starts five engines in five minutes at most.
_BETWEEN_FAULTS_S = 75.0
_FIRST_ENGINE_S = 120.0
_LONG = 5.0  # minutes from which on memory and the number of messages are held against the bars


def main(arguments: list[str] | None = None) -> int:
    """Run, print the table, and return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="bench/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: 10)")
    parser.add_argument("--seed", type=int, default=None, help="of all that is random")
    parser.add_argument("--tiny", action="store_true", help="with a tiny model made on the spot")
    parser.add_argument("--rate", type=float, default=240.0, help="messages a second (240)")
    parser.add_argument("--hold-ms", type=float, default=50.0, help="bar of the longest hold (50)")
    options = parser.parse_args(arguments)
    seed = options.seed if options.seed is not None else int(time.time()) % 100_000
    print(f"soak: seed {seed}, {options.minutes:g} minutes", flush=True)
    is_long = options.minutes >= _LONG
    bars = Bars(
        messages=int(10_000 * options.minutes) if is_long else 0,
        hold_ms=options.hold_ms,
        growth=0.1 if is_long else None,
    )
    with tempfile.TemporaryDirectory(prefix="tw-soak-") as folder:
        tally = asyncio.run(_soak(Path(folder), seed, options))
    text, met = table(tally, bars)
    print(text)
    return 0 if met else 1


async def _soak(folder: Path, seed: int, options: argparse.Namespace) -> Tally:
    tally = Tally()
    environment = _environment(folder)
    workspace = folder / "workspace"
    workspace.mkdir()
    windows = [
        Window(
            f"w{number}",
            Random(f"{seed} {number}"),
            tally,
            workspace,
            environment,
            _settings(folder, options.tiny),
            steady=number == 0,
        )
        for number in range(_WINDOWS)
    ]
    began = time.monotonic()
    until = began + options.minutes * 60
    helpers = [
        asyncio.create_task(_faults(tally, Random(f"{seed} faults"), began, until)),
        asyncio.create_task(_memory(tally, windows[0], began, until)),
    ]
    try:
        running = (window.run(until, options.rate / _WINDOWS) for window in windows)
        await asyncio.gather(*running)
        await asyncio.gather(*(window.settle() for window in windows))
        for window in windows:
            await window.end(kill=False)
        for helper in helpers:
            if helper.done():
                helper.result()  # what failed there must not look like a run without faults
    finally:
        for helper in helpers:
            helper.cancel()
        for window in windows:
            if window.client is not None:
                await window.client.close()
        _end_engine()
    _read_log(folder, tally)
    return tally


def _environment(folder: Path) -> dict[str, str]:
    """Own folders for all but the models and what is compiled for this machine."""
    own = {
        "TABWRIGHT_RUNTIME_DIR": str(folder / "run"),
        "TABWRIGHT_MODELS_DIR": str(paths.models_dir()),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
    }
    (folder / "run").mkdir(mode=0o700)
    os.environ.update(own)
    return dict(os.environ)


def _settings(folder: Path, tiny: bool) -> Json:
    """Short limits, so that much can happen; the statistics are not the user's."""
    settings: Json = {
        "actions": {"timeoutSeconds": 8, "candidates": 3},
        "checks": {"timeoutSeconds": 4},
        "completion": {"maxTokens": 32},
    }
    if tiny:
        from support.tiny import make_tiny_qwen2

        place = folder / "tiny"
        settings["model"] = str(place if place.exists() else make_tiny_qwen2(place))
    return settings


# The engine ------------------------------------------------------------------------------------


async def _faults(tally: Tally, random: Random, began: float, until: float) -> None:
    """Kill and stop the engine in the first half, so that memory can be looked at in the second."""
    last = began + (until - began) * 0.55
    between = min(_BETWEEN_FAULTS_S, (last - began) / 3)
    await _engine(_FIRST_ENGINE_S)
    number = 0
    while time.monotonic() + between * 0.8 < last:
        await asyncio.sleep(between * random.uniform(0.8, 1.2))
        process = await _engine(_FIRST_ENGINE_S)
        if process is None:
            continue
        number += 1
        with contextlib.suppress(ProcessLookupError):
            if number % 2:
                os.kill(process.pid, signal.SIGSTOP)
                tally.events["engines stopped (SIGSTOP)"] += 1
                if random.random() < 0.3:
                    await asyncio.sleep(random.uniform(0.5, 8))
                    if engine_pid.read() == process:
                        os.kill(process.pid, signal.SIGCONT)
                        tally.events["engines continued (SIGCONT)"] += 1
            else:
                os.kill(process.pid, signal.SIGKILL)
                tally.events["engines killed (SIGKILL)"] += 1


async def _engine(seconds: float) -> engine_pid.EngineProcess | None:
    """The engine, once there is one."""
    until = time.monotonic() + seconds
    while (found := engine_pid.read()) is None and time.monotonic() < until:
        await asyncio.sleep(0.2)
    return found


def _end_engine() -> None:
    process = engine_pid.read()
    if process is not None:
        engine_pid.kill(process)
        with contextlib.suppress(psutil.Error):
            psutil.Process(process.pid).wait(5)


async def _memory(tally: Tally, steady: Window, began: float, until: float) -> None:
    """Sample the server that is never ended, and the engine of the time."""
    settled = began + (until - began) * 0.4
    server: Memory | None = None
    engine: Memory | None = None
    while True:
        client = steady.client
        if server is None and client is not None:
            server = Memory("the server", client.process.pid, settled)
            tally.memories.append(server)
        process = engine_pid.read()
        if process is not None and (engine is None or engine.pid != process.pid):
            if engine is not None:
                tally.memories.remove(engine)
                tally.events["engines replaced"] += 1
            warm = time.monotonic() + (until - began) * 0.15
            engine = Memory("the engine", process.pid, max(settled, warm))
            tally.memories.append(engine)
        for memory in (server, engine):
            if memory is not None:
                size = await asyncio.to_thread(_own_memory, memory.pid)
                cached = await asyncio.to_thread(_cached_tokens) if memory is engine else 0
                if size:
                    memory.add(size, cached)
        await asyncio.sleep(_SAMPLE_S)


def _own_memory(pid: int) -> int:
    """Bytes of a process that no file backs: the weights are mapped, and shared with other engines.

    Where the system does not tell (it is Linux that does), those that it shares with no other
    process; 0 when it cannot be told.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
        return int(status.partition("RssAnon:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        pass
    try:
        return int(psutil.Process(pid).memory_full_info().uss)
    except psutil.Error:
        return 0


def _cached_tokens() -> int:
    """Tokens that the engine keeps the state of; 0 when it does not answer."""
    connection = UnixConnection(paths.engine_socket())
    connection.timeout = 2
    try:
        connection.request("GET", "/tabwright/status")
        models = json.loads(connection.getresponse().read()).get("models", [])
        return sum(int(model.get("cached_tokens", 0)) for model in models)
    except (OSError, ValueError, HTTPException):
        return 0
    finally:
        connection.close()


# The engine's log ------------------------------------------------------------------------------


def _read_log(folder: Path, tally: Tally) -> None:
    """Count the errors that the engine logged; those of servers were read as they came."""
    for log in sorted((folder / "state").rglob("engine.log*")):
        for line in log.read_text("utf-8", "replace").splitlines():
            failed = re.search(r" (ERROR|CRITICAL) |: a request failed", line)
            if failed and not any(words in line for words in EXPECTED):
                tally.crashes += 1
                tally.note(f"{log.name}: {line[24:260]}")


if __name__ == "__main__":
    sys.exit(main())
