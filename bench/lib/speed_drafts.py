"""``bench/speed drafts``: writing an edited function with its old text as drafts, and without."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.lib import figures
from bench.lib.function_edits import FunctionEdit, chosen
from bench.lib.own_server import Workbench, workbench
from bench.lib.quality import describe_model
from bench.lib.ready import ready
from tabwright.lsp.language_client import Json

SYSTEM = (
    "You edit source code. Answer with the whole changed code in one code block, "
    "and change nothing that was not asked for."
)


@dataclass(frozen=True)
class Written:
    """One answer and its cost; times in ms."""

    text: str
    tokens: int
    decode_ms: float
    whole_ms: float
    drafted: int
    accepted: int

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.decode_ms * 1000 if self.decode_ms else 0.0


@dataclass(frozen=True)
class Pair:
    """The same edit, written without drafts and with them right before or after."""

    edit: FunctionEdit
    plain: Written
    drafted: Written

    @property
    def copied(self) -> bool:
        """Whether either answer is the old text: drafts do best there, and nothing was edited."""
        old = self.edit.code.strip("\n")
        return old in (self.plain.text.strip("\n"), self.drafted.text.strip("\n"))

    @property
    def right(self) -> bool:
        """Whether both answers are the edit that was asked for."""
        wanted = self.edit.expected.strip("\n")
        return {self.plain.text.strip("\n"), self.drafted.text.strip("\n")} == {wanted}


async def run(
    settings: Mapping[str, object], json_file: Path | None, count: int, rounds: int
) -> int:
    """Measure ``count`` edits of each kind in every round, and print; 0 when it could be."""
    edits = chosen(count)
    async with workbench(settings) as bench:
        client = await bench.server()
        try:
            await ready(client, bench)
            await bench.idle()
            status = await client.execute("tabwright.status")
            model = str(settings.get("model") or status.get("model") or "")
            pairs = []
            for index in range(rounds):
                print(f"  round {index + 1} of {rounds}", file=sys.stderr)
                for edit in edits:
                    pairs.append(await _pair(bench, model, edit, drafted_first=index % 2 == 1))
            described = describe_model(status, await bench.engine_status())
        finally:
            await client.stop()
    kinds = dict.fromkeys(edit.kind for edit in edits)
    rows = [_row(kind, [pair for pair in pairs if pair.edit.kind == kind]) for kind in kinds]
    rows.append(_row("together", pairs))
    rows += [
        _row(f"of these {name}", those)
        for name, those in {
            "changed": [pair for pair in pairs if not pair.copied],
            "changed as asked": [pair for pair in pairs if pair.right],
            "copied unchanged": [pair for pair in pairs if pair.copied],
        }.items()
        if those
    ]
    about = {
        "edits": f"{count} of each kind, {rounds} rounds, with and without drafts in turn",
        "functions": ", ".join(edit.name for edit in edits),
        "model": described,
        "settings": json.dumps(settings),
    }
    print(figures.facts(about))
    print("\nWriting the edited function, its prompt computed before (medians):\n")
    print(figures.table([list(row.values()) for row in rows], header=list(rows[0])))
    if json_file:
        figures.write_json(json_file, rows)
    return 0


async def _pair(bench: Workbench, model: str, edit: FunctionEdit, *, drafted_first: bool) -> Pair:
    await _written(bench, _body(model, edit, drafts=False) | {"max_tokens": 0})
    found = {}
    for drafts in (True, False) if drafted_first else (False, True):
        found[drafts] = await _written(bench, _body(model, edit, drafts=drafts))
    return Pair(edit, found[False], found[True])


def _body(model: str, edit: FunctionEdit, *, drafts: bool) -> Json:
    # Asked for before the code, the 0.5B model repeats the function as it stands.
    question = f"```python\n{edit.code}```\n\n{edit.instruction} Write the whole changed function."
    parts: list[dict[str, str]] = []
    for role, text in (("system", SYSTEM), ("user", question)):
        parts += [{"token": "<|im_start|>"}, {"text": f"{role}\n{text}"}]
        parts += [{"token": "<|im_end|>"}, {"text": "\n"}]
    parts += [{"token": "<|im_start|>"}, {"text": "assistant\n```python\n"}]
    body: Json = {
        "model": model,
        "parts": parts,
        "max_tokens": len(edit.code) // 2 + 64,
        "stop": ["\n```"],
        "lane": "actions",
        "lookup": drafts,
    }
    return body | {"prediction": {"type": "content", "content": edit.code}} if drafts else body


async def _written(bench: Workbench, body: Json) -> Written:
    started = time.perf_counter()
    answer = await bench.generate(body)
    whole_ms = (time.perf_counter() - started) * 1000
    usage = answer["usage"]
    return Written(
        answer["choices"][0]["text"],
        usage["completion_tokens"],
        usage["decode_ms"],
        whole_ms,
        usage["drafted_tokens"],
        usage["accepted_tokens"],
    )


def _row(kind: str, pairs: Sequence[Pair]) -> dict[str, object]:
    """Medians over all answers, and of the ratios of those written one after the other.

    ``right`` is the share of the answers that are the edit asked for, ``same`` that of the pairs
    with the same text: 8-bit layers round several rows otherwise than one.
    """
    plain, drafted = [pair.plain for pair in pairs], [pair.drafted for pair in pairs]
    ratios = [pair.drafted.rate / pair.plain.rate for pair in pairs if pair.plain.rate]
    times = [pair.plain.whole_ms / pair.drafted.whole_ms for pair in pairs]
    proposed = sum(one.drafted for one in drafted)
    return {
        "edits": kind,
        "n": len(pairs),
        "plain_tokens_s": figures.number(figures.p50([one.rate for one in plain]), 1),
        "drafts_tokens_s": figures.number(figures.p50([one.rate for one in drafted]), 1),
        "ratio": figures.number(figures.p50(ratios), 2),
        "time_ratio": figures.number(figures.p50(times), 2),
        "plain_ms": figures.number(figures.p50([one.whole_ms for one in plain]), 0),
        "drafts_ms": figures.number(figures.p50([one.whole_ms for one in drafted]), 0),
        "accepted": figures.number(sum(one.accepted for one in drafted) / max(proposed, 1), 3),
        "right_plain": _right([(pair.edit, pair.plain) for pair in pairs]),
        "right_drafts": _right([(pair.edit, pair.drafted) for pair in pairs]),
        "same": round(sum(pair.plain.text == pair.drafted.text for pair in pairs) / len(pairs), 3),
    }


def _right(found: Sequence[tuple[FunctionEdit, Written]]) -> float:
    good = [one.text.strip("\n") == edit.expected.strip("\n") for edit, one in found]
    return round(sum(good) / len(good), 3)
