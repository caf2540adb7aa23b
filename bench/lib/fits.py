"""``bench/quality fits``: does every answer fit into its file? Asked of the real server.

The inputs are those of tests/cases/fits and, with ``--cases``, a folder of cases that were seen to
fail; each has what must hold (``fit_checks``), so no answer is compared with words of anybody's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.lib import figures, fit_actions, fit_cases
from bench.lib.fit_cases import NOTHING, FitCase
from bench.lib.fit_checks import EMPTY, PARSES, REPEATED, faults, may_parse, spread
from bench.lib.own_server import Workbench, with_options, workbench
from bench.lib.ready import ready
from tabwright.lsp.language_client import Json, LspClient

KIND = "fits"
WHAT = "inputs of tests/cases/fits, and --cases: each answer must fit into its file"
_CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
_EVERY = 25
_SHAPE = ("depth", "unit", "closers")


@dataclass(frozen=True)
class FitResult:
    """What came for a case: the text with the answer (None: none came) and what does not hold."""

    case: FitCase
    result: str | None
    answer: str
    seconds: float
    faults: tuple[str, ...]
    why: str


async def run(options: argparse.Namespace) -> int:
    """Ask, judge and report; raises NotReady."""
    cases = list(spread(chosen(options.cases, options.language), options.limit))
    settings = with_options(_base(), model=options.model, assignments=options.assignments)
    async with workbench(settings) as bench:
        client = await bench.server()
        try:
            await ready(client, bench)
            started = time.perf_counter()
            results = await ask_all(client, bench, cases)
            asked_s = time.perf_counter() - started
        finally:
            await client.stop()
    about = {"set": WHAT, "settings": json.dumps(settings), "asked in": f"{asked_s:.0f} s"}
    print(f"{figures.facts(about)}\n\n{tables(results)}")
    if options.json:
        figures.write_json(options.json, as_json(results))
    if options.details:
        write_details(options.details, results)
    return 0


def _base() -> dict[str, object]:
    # An action may take as long as a user's, and tells then that it took too long.
    return {
        "completion": {"debounceMs": 0},
        "context": {"openFiles": False},
        "engine": {"idleMinutes": 5},
    }


def chosen(folder: Path | None, language: str | None) -> list[FitCase]:
    """All inputs, of one language where one is named; ``folder`` has those seen to fail."""
    there = folder if folder is not None else _CASES if _CASES.is_dir() else None
    cases = [*fit_cases.own(), *(fit_cases.seen(there) if there is not None else [])]
    return [case for case in cases if language in (None, case.language_id)]


async def ask_all(client: LspClient, bench: Workbench, cases: Sequence[FitCase]) -> list[FitResult]:
    """Ask for each case, one after another, in a document of its own."""
    results: list[FitResult] = []
    for number, case in enumerate(cases, start=1):
        # A folder of its own, since the file's name counts and is the same for many.
        uri = bench.uri(f"case_{number}/{case.file}")
        ask = fit_actions.ask if case.action else _complete
        results.append(await ask(client, uri, case))
        if number % _EVERY == 0 or number == len(cases):
            print(f"  asked {number} of {len(cases)}", file=sys.stderr, flush=True)
    return results


async def _complete(client: LspClient, uri: str, case: FitCase) -> FitResult:
    client.open(uri, case.language_id, case.text)
    started = time.perf_counter()
    items = await client.complete(uri, case.text, case.offset, invoked=case.invoked)
    seconds = time.perf_counter() - started
    why = {} if items else await client.execute("tabwright.why")
    client.close(uri)
    result = items[0].apply(case.text) if items else None
    answer = items[0].new_text if items else ""
    start = items[0].start if items else case.offset
    found = faults(unscripted(case), result, start, answer)
    return FitResult(case, result, answer, seconds, tuple(found), _reason(why))


def unscripted(case: FitCase) -> FitCase:
    """The case for a model whose words nobody knows: any answer that fits is right."""
    empty = {"empty": "ok"} if NOTHING in case.offers else {}
    return replace(case, offers=(), settings={**case.settings, **empty})


def _reason(why: Json) -> str:
    return " ".join(str(why.get(key) or "") for key in ("reason", "detail")).strip()


def row(results: Sequence[FitResult]) -> dict[str, float | int | None]:
    """The figures of one group; of those judged, a right answer leaves a file that parses."""
    judged = [one for one in results if one.result is not None and may_parse(one.case)]
    wanted = [one for one in results if unscripted(one.case).settings.get("empty") != "ok"]
    seconds = [one.seconds for one in results]
    return {
        "asked": len(results),
        "answered": sum(one.result is not None for one in results),
        "wanted": len(wanted),
        EMPTY: _count(wanted, EMPTY),
        "judged": len(judged),
        "broken": _count(judged, PARSES),
        **{name: _count(results, name) for name in _SHAPE},
        REPEATED: _count(results, REPEATED),
        "language": _count(results, "language"),
        "fits": sum(not one.faults for one in results),
        "median_s": figures.number(figures.p50(seconds), 2),
        "slowest_s": figures.number(max(seconds, default=float("nan")), 2),
    }


def _count(results: Iterable[FitResult], fault: str) -> int:
    return sum(fault in one.faults for one in results)


def groups(
    results: Sequence[FitResult], key: Callable[[FitResult], str]
) -> dict[str, list[FitResult]]:
    found: dict[str, list[FitResult]] = defaultdict(list)
    for result in results:
        found[key(result)].append(result)
    return dict(sorted(found.items()))


def tables(results: Sequence[FitResult]) -> str:
    """Completions by kind and by language, with all of them last, then the actions one by one."""
    completed = [one for one in results if not one.case.action]
    acted = [one for one in results if one.case.action]
    parts = []
    for title, key in (("kind", _kind), ("language", _language)):
        grouped = groups(completed, key)
        rows = [[name, *row(those).values()] for name, those in grouped.items()]
        rows.append(["all", *row(completed).values()])
        parts.append(figures.table(rows, header=[title, *row(completed)]))
    if acted:
        rows = [
            [one.case.name, f"{one.seconds:.1f}", " ".join(one.faults) or "fits", one.why[:60]]
            for one in acted
        ]
        parts.append(figures.table(rows, header=["action", "seconds", "faults", "reason"]))
    return "\n\n".join(parts)


def _kind(result: FitResult) -> str:
    return result.case.kind


def _language(result: FitResult) -> str:
    return result.case.language_id


def as_json(results: Sequence[FitResult]) -> dict[str, object]:
    """The figures of all completions, by kind, by language, and the faults of each action."""
    completed = [one for one in results if not one.case.action]
    return {
        "all": row(completed),
        "kinds": {name: row(those) for name, those in groups(completed, _kind).items()},
        "languages": {name: row(those) for name, those in groups(completed, _language).items()},
        "actions": {one.case.name: list(one.faults) for one in results if one.case.action},
    }


def write_details(file: Path, results: Sequence[FitResult]) -> None:
    """Write a JSON line a case."""
    with file.open("w", encoding="utf-8") as lines:
        for one in results:
            line = {
                "case": one.case.id,
                "faults": list(one.faults),
                "answer": one.answer,
                "result": one.result,
                "seconds": round(one.seconds, 3),
                "why": one.why,
            }
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")
