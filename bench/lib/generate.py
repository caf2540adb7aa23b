"""Asks the server for each task's completion, one after another."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.lib.own_server import Workbench
from bench.lib.sets import Task
from tabwright.core.languages import by_id
from tabwright.lsp.language_client import Json, LspClient


@dataclass(frozen=True)
class Answer:
    """What came for a task: the buffer with the suggestion accepted, None when none came."""

    task: Task
    buffer: str | None
    milliseconds: float
    why: Json


async def generate(
    client: LspClient, bench: Workbench, tasks: Sequence[Task], *, explain: bool
) -> list[Answer]:
    """Ask for every task in a document of its own; ``explain`` also asks why, between requests."""
    answers: list[Answer] = []
    started = time.perf_counter()
    for index, task in enumerate(tasks):
        uri = bench.uri(f"task_{index}{by_id(task.language).extensions[0]}")
        client.open(uri, task.language, task.text)
        asked = time.perf_counter()
        items = await client.complete(uri, task.text, task.offset, invoked=task.invoked)
        milliseconds = (time.perf_counter() - asked) * 1000
        why = await client.execute("tabwright.why") if explain else {}
        # Closed, so that no later task sees this one, which may hold its answer, as context.
        client.close(uri)
        buffer = items[0].apply(task.text) if items else None
        answers.append(Answer(task, buffer, milliseconds, why))
        if (index + 1) % 20 == 0 or index + 1 == len(tasks):
            passed_s = time.perf_counter() - started
            print(
                f"  asked {index + 1} of {len(tasks)}, {passed_s:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return answers
