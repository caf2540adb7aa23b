"""What came of every action, as rows for a terminal and figures for a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.lib import figures
from bench.lib.action_asks import Reply
from bench.lib.action_faults import Broken
from bench.lib.raw_answers import RawAnswer
from bench.lib.scoring import Verdict


@dataclass(frozen=True)
class Result:
    """One item: what was offered and whether it is right, and the same of the plain answer.

    ``broken`` is only looked for in edits offered without a warning.
    """

    name: str
    group: str
    reply: Reply
    verdict: Verdict
    broken: Broken
    raw: RawAnswer | None = None
    raw_verdict: Verdict | None = None


def summary(group: str, model: str, results: Sequence[Result]) -> dict[str, object]:
    """The figures of a set: shares that pass at the first try, and seconds to the answer."""
    raw = [result.raw_verdict for result in results if result.raw_verdict is not None]
    return {
        "set": group,
        "model": model,
        "n": len(results),
        "pass_at_1": _share([result.verdict for result in results]),
        "raw_pass_at_1": _share(raw) if raw else None,
        "p50_s": figures.number(figures.p50([result.reply.seconds for result in results]), 2),
    }


def counts(results: Sequence[Result]) -> dict[str, object]:
    """What the edits were like: how many came with a warning, and what those without one broke."""
    offered = [result for result in results if result.reply.document is not None]
    silent = [result for result in offered if not result.reply.warnings]
    right = sum(result.verdict.passed for result in silent)
    raw = [result.raw.seconds for result in results if result.raw is not None]
    return {
        "no edit": len(results) - len(offered),
        "with a warning": len(offered) - len(silent),
        "without: right": f"{right}/{len(silent)}",
        "unparsed": sum(result.broken.unparsed for result in silent),
        "lines outside": sum(result.broken.outside for result in silent),
        "not black": sum(result.broken.unstable for result in silent),
        "raw p50 s": figures.p50(raw),
    }


def by_group(results: Iterable[Result]) -> Mapping[str, list[Result]]:
    """Results of each set, in the order they came."""
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.group, []).append(result)
    return found


def tables(model: str, results: Sequence[Result]) -> str:
    """Both tables, a row a set."""
    groups = by_group(results)
    sums = [summary(name, model, those) for name, those in groups.items()]
    about = [{"set": name, **counts(those)} for name, those in groups.items()]
    return "\n\n".join(
        figures.table(
            [["-" if value is None else value for value in row.values()] for row in rows],
            header=list(rows[0]),
        )
        for rows in (sums, about)
        if rows
    )


def write_details(file: Path, results: Sequence[Result]) -> None:
    """A JSON line for each item."""
    with file.open("w", encoding="utf-8") as lines:
        for result in results:
            lines.write(json.dumps(_details(result)) + "\n")


def _details(result: Result) -> dict[str, object]:
    reply, raw = result.reply, result.raw
    row: dict[str, object] = {
        "task_id": result.name,
        "set": result.group,
        "answer": reply.document,
        "faults": list(reply.warnings),
        "verdict": result.verdict.passed,
        "detail": result.verdict.detail,
        "why": reply.why,
        "broken": list(result.broken.named()),
        "s": round(reply.seconds, 2),
    }
    if raw is None or result.raw_verdict is None:
        return row
    return {
        **row,
        "raw_answer": raw.reply,
        "raw_verdict": result.raw_verdict.passed,
        "raw_detail": raw.why or result.raw_verdict.detail,
        "raw_s": round(raw.seconds, 2),
    }


def _share(verdicts: Sequence[Verdict]) -> float | None:
    return figures.number(sum(verdict.passed for verdict in verdicts) / max(len(verdicts), 1))
