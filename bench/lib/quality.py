"""``bench/quality``: completions and actions of public sets, asked of the real server, checked."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.lib import (
    action_quality,
    figures,
    fits,
    language_frames,
    line_sets,
    run_languages,
    scoring,
    sets,
)
from bench.lib.action_sets import ACTION_KINDS, spread
from bench.lib.generate import Answer, generate
from bench.lib.own_server import with_options, workbench
from bench.lib.ready import NotReady, ready
from bench.lib.scoring import Verdict
from bench.lib.sets import Task

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
# Other open files stay out: the tasks of a set are much alike and would help each other.
BASE = {
    "completion": {"debounceMs": 0},
    "context": {"openFiles": False},
    "engine": {"idleMinutes": 5},
}
WHAT = {
    "infilling": "HumanEval-Infilling, single line: a line is missing, the cursor on an empty one",
    "midline": "HumanEval-Infilling, single line, begun: the line stands up to a random column",
    "span": "HumanEval-Infilling, random span: the gap starts and ends inside words and lines",
    "lines-java": "HumanEval-X: a line of the Java solution is missing, the cursor there",
    "lines-js": "HumanEval-X: a line of the JavaScript solution is missing, the cursor there",
    "lines-cpp": "HumanEval-X: a line of the C++ solution is missing, the cursor there",
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    special = {fits.KIND: fits.run, **dict.fromkeys(ACTION_KINDS, action_quality.run)}
    run_kind = special.get(options.kind, _run)
    try:
        return asyncio.run(run_kind(options))
    except (NotReady, sets.DataMissing) as error:
        print(f"bench/quality: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="bench/quality", description=__doc__)
    made.add_argument("kind", choices=(*sets.KINDS, *line_sets.KINDS, *ACTION_KINDS, fits.KIND))
    made.add_argument("--data", type=Path, default=DATA, help="folder of the evaluation sets")
    made.add_argument("--limit", type=int, metavar="N", help="only N tasks, evenly spread")
    made.add_argument(
        "--invoked", action="store_true", help="completions: asked by hand, several lines"
    )
    made.add_argument("--model", help="instead of the default model; for actions too")
    made.add_argument(
        "--set",
        dest="assignments",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting, such as engine.precision=bfloat16; may be repeated",
    )
    made.add_argument(
        "--run-examples", action="store_true", help="actions: tabwright.checks.runExamples on"
    )
    made.add_argument(
        "--no-raw", action="store_true", help="actions: leave the model's plain answers out"
    )
    made.add_argument("--language", help="fits: only inputs of this language id")
    made.add_argument(
        "--cases", type=Path, metavar="FOLDER", help="fits: folder of inputs seen to fail"
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    made.add_argument("--details", type=Path, metavar="FILE", help="write a JSON line a task")
    return made


async def _run(options: argparse.Namespace) -> int:
    tasks = tasks_of(options)
    settings = with_options(BASE, model=options.model, assignments=options.assignments)
    async with workbench(settings) as bench:
        client = await bench.server()
        try:
            load_s = await ready(client, bench)
            started = time.perf_counter()
            explain = options.details is not None
            answers = await generate(client, bench, tasks, explain=explain)
            asked_s = time.perf_counter() - started
            status = await client.execute("tabwright.status")
            engine = await bench.engine_status()
        finally:
            await client.stop()
    # Checked only now, so that no test program takes a core from the model while it is timed.
    verdicts = check(answers)
    result = summary(answers, verdicts)
    about = {
        "set": WHAT[options.kind],
        "model": describe_model(status, engine),
        "settings": json.dumps(settings),
        "started in": f"{load_s:.1f} s",
        "asked in": f"{asked_s:.0f} s",
    }
    print(figures.facts(about))
    print()
    print(figures.table([[options.kind, *result.values()]], header=["", *result]))
    empty = sum(answer.buffer is None for answer in answers)
    print(f"\n{empty} of {len(answers)} got no suggestion.")
    if options.kind == "midline":
        after = sum(task.head.endswith(" ") for task in tasks)
        print(f"{after} of {len(tasks)} lines were cut right after a space.")
    if options.json:
        figures.write_json(options.json, result)
    if options.details:
        _write_details(options.details, answers, verdicts)
    return 0


def tasks_of(options: argparse.Namespace) -> list[Task]:
    """The tasks of a kind. Raises DataMissing, and NotReady where they could not be run."""
    if options.kind in line_sets.KINDS:
        tasks = spread(line_sets.load(options.kind, options.data), options.limit)
        lacking = run_languages.missing(tasks[0].language)
        if lacking:
            raise NotReady(f"to run the answers, install {' and '.join(lacking)}")
    else:
        tasks = sets.load(options.kind, options.data, options.limit)
    return [replace(task, invoked=True) for task in tasks] if options.invoked else tasks


def check(answers: Sequence[Answer]) -> list[Verdict]:
    """Run every answered program against its tests."""
    verdicts: list[Verdict] = []
    for answer in answers:
        if answer.buffer is None:
            verdicts.append(Verdict(False, "no suggestion"))
        else:
            verdicts.append(verdict(answer.task, answer.buffer))
        if len(verdicts) % 20 == 0 or len(verdicts) == len(answers):
            passed = sum(verdict.passed for verdict in verdicts)
            print(f"  {passed} of {len(verdicts)} pass", file=sys.stderr, flush=True)
    return verdicts


def verdict(task: Task, buffer: str) -> Verdict:
    """Run one answered program with its tests."""
    if task.language == "python":
        return scoring.run(task.program(buffer))
    program = language_frames.program(task.language, buffer, (task.name,), task.check)
    return run_languages.run(task.language, program)


def summary(answers: Sequence[Answer], verdicts: Sequence[Verdict]) -> dict[str, float | None]:
    """Shares of the tasks that pass and that match, and milliseconds from request to answer."""
    times = [answer.milliseconds for answer in answers]
    count = len(answers)
    exact = sum(
        answer.buffer is not None and answer.task.exact(answer.buffer) for answer in answers
    )
    return {
        "n": count,
        "pass_at_1": figures.number(sum(verdict.passed for verdict in verdicts) / max(count, 1)),
        "exact_match": figures.number(exact / max(count, 1)),
        "p50_ms": figures.number(figures.p50(times), 1),
        "p95_ms": figures.number(figures.p95(times), 1),
    }


def describe_model(status: Mapping[str, object], engine: Mapping[str, object]) -> str:
    """Name, precision and device of what answered."""
    listed = engine.get("models")
    loaded = (
        [model for model in listed if isinstance(model, dict)] if isinstance(listed, list) else []
    )
    parts = [
        " ".join(str(model[key]) for key in ("id", "precision", "device") if model.get(key))
        for model in loaded
    ]
    return ", ".join(parts) or str(status.get("model", "unknown"))


def _write_details(file: Path, answers: Sequence[Answer], verdicts: Sequence[Verdict]) -> None:
    with file.open("w", encoding="utf-8") as lines:
        for answer, verdict in zip(answers, verdicts, strict=True):
            task, buffer = answer.task, answer.buffer
            row = {
                "task_id": task.task_id,
                "line_begun": task.head.rpartition("\n")[2],
                "reference": task.reference,
                "answer": None if buffer is None else task.middle(buffer),
                "buffer": buffer,
                "passed": verdict.passed,
                "exact": buffer is not None and task.exact(buffer),
                "detail": verdict.detail,
                "ms": round(answer.milliseconds, 1),
                "why": answer.why,
            }
            lines.write(json.dumps(row) + "\n")
