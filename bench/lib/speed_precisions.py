"""``bench/speed precisions``: what number formats of the weights cost, in time and in fidelity.

Each is loaded in a process of its own and asked in turn, round by round; the divergence is that of
its output from float32's (Kullback-Leibler, nats a token) on code of the standard library.
"""

from __future__ import annotations

import argparse
import inspect
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from bench.lib import figures
from tabwright.engine import backends
from tabwright.engine.backends import Backend, BackendOptions
from tabwright.engine.decoding.vocabulary import Vocabulary
from tabwright.models import store

FORMATS: tuple[tuple[backends.Name, backends.Precision], ...] = (
    ("openvino", "float32"),
    ("numba", "int8"),
    ("openvino", "int8"),
    ("openvino", "mixed"),
    ("openvino", "int4"),
    ("torch", "int8"),
    ("torch", "bfloat16"),
)
CONTEXT = 1024  # tokens before those that are timed
COMPARED = 768  # positions whose output is compared
STEPS = (1, 4, 8)
CHUNK = 128
SAID = 16  # rows of logits sent at once
Logs = npt.NDArray[np.float32]
Tops = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Format:
    """A loaded model in a process of its own, at the other end of a pipe."""

    name: str
    process: Any
    pipe: Connection

    def ask(self, *question: object) -> Any:
        self.pipe.send(question)
        return self.pipe.recv()


def run(model: str, rounds: int, target: Path | None) -> int:
    folder = store.locate(model)
    if not store.has_full_weights(folder):
        # Those in 8 bits are all that is kept where our kernels compute.
        command = f"{store.pull_command(model)} --backend openvino --precision float32"
        print(f"The weights of {model} in 16 bits are not here; run: {command}")
        return 1
    ids = Vocabulary.load(folder).encode_text(inspect.getsource(argparse))
    # One model in memory beside the reference, so that small machines can do it.
    rows = []
    wide = _start(folder, *FORMATS[0])
    said = range(0, COMPARED, SAID)
    reference = [wide.ask("logits", ids[:COMPARED], at)[0] for at in said]
    for format_ in FORMATS:
        loaded = wide if format_ == FORMATS[0] else _start(folder, *format_)
        print(f"  {loaded.name}", flush=True)
        rows.append({"weights": loaded.name, **_row(loaded, ids, rounds, reference)})
        if loaded is not wide:
            _end(loaded)
    _end(wide)
    print(figures.facts({"model": model, "rounds": str(rounds), "context": f"{CONTEXT} tokens"}))
    print(figures.table([list(row.values()) for row in rows], header=list(rows[0])))
    if target is not None:
        target.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def _row(
    loaded: Format, ids: list[int], rounds: int, reference: Sequence[Logs]
) -> dict[str, object]:
    steps = {count: [] for count in STEPS}  # type: dict[int, list[float]]
    reading: list[float] = []
    for _ in range(rounds):
        reading.append(loaded.ask("read", ids[:CONTEXT]))
        for count, taken in steps.items():
            taken += loaded.ask("step", ids[CONTEXT : CONTEXT + count], 8)
    divergence, same = [], []
    for number, rows in enumerate(reference):
        found, tops = loaded.ask("logits", ids[:COMPARED], number * SAID)
        ours, theirs = _log_softmax(found), _log_softmax(rows)
        divergence.append((np.exp(theirs) * (theirs - ours)).sum(axis=1).mean())
        same.append((tops == rows.argmax(axis=1)).mean())
    return {
        **{
            f"step of {count} (ms)": round(1000 * statistics.median(taken), 1)
            for count, taken in steps.items()
        },
        "read (tokens/s)": round(CONTEXT / statistics.median(reading)),
        "memory (MiB)": loaded.ask("memory") >> 20,
        "KL from float32": round(float(np.mean(divergence)), 4),
        "same top token": round(float(np.mean(same)), 4),
    }


def _log_softmax(rows: Logs) -> Logs:
    shifted = rows - rows.max(axis=1, keepdims=True)
    result: Logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def _start(folder: Path, backend: backends.Name, precision: backends.Precision) -> Format:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, folder, backend, precision))
    process.start()
    theirs.close()  # so that a process that dies ends the waiting for it
    loaded = Format(f"{backend} {precision}", process, ours)
    failure = ours.recv()
    if failure:
        raise RuntimeError(f"{loaded.name}: {failure}")
    return loaded


def _end(loaded: Format) -> None:
    loaded.pipe.send(None)
    loaded.process.join()


def _serve(
    pipe: Connection, folder: Path, backend: backends.Name, precision: backends.Precision
) -> None:
    options = BackendOptions(precision=precision, backend=backend, device="cpu")
    try:
        model = backends.load(folder, options)
    except backends.BackendError as error:
        pipe.send(str(error))
        return
    pipe.send("")
    answers: dict[str, Callable[..., object]] = {
        "read": lambda ids: _timed(lambda: _read(model, ids)),
        "step": lambda ids, times: _steps(model, ids, times),
        "logits": lambda ids, at: _logits(model, ids, at),
        "memory": lambda: psutil.Process().memory_info().rss,
    }
    while (question := pipe.recv()) is not None:
        kind, *arguments = question
        pipe.send(answers[kind](*arguments))


_STATES: dict[str, Any] = {}


def _read(model: Backend, ids: list[int]) -> None:
    state = model.new_state()
    for at in range(0, len(ids), CHUNK):
        model.forward(state, ids[at : at + CHUNK])
    _STATES["read"] = state


def _steps(model: Backend, ids: list[int], times: int) -> list[float]:
    state, taken = _STATES["read"], []
    length = len(state.ids)
    for _ in range(times):
        taken.append(_timed(lambda: model.forward(state, ids, last=len(ids))))
        model.truncate(state, length)
    return taken


def _logits(model: Backend, ids: list[int], at: int) -> tuple[Logs, Tops]:
    """Logits as answers are drawn from them, and the likeliest tokens as they are taken."""
    if at == 0:
        _STATES["compared"] = model.new_state()
    state, said = _STATES["compared"], ids[at : at + SAID]
    tops = model.forward(state, said, last=SAID).argmax(axis=1)
    model.truncate(state, at)
    return model.forward(state, said, last=SAID, exact=True), tops


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
