"""``bench/quality`` of code actions: asked of the real server, beside the model's plain answers."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence

from bench.lib import action_faults, action_sets, diagnostic_cases, figures
from bench.lib.action_asks import Asker, Reply
from bench.lib.action_faults import Broken
from bench.lib.action_report import Result, by_group, summary, tables, write_details
from bench.lib.action_sets import DIAGNOSTICS, ActionTask
from bench.lib.diagnostic_cases import Ready
from bench.lib.own_server import Workbench, with_options, workbench
from bench.lib.raw_answers import RawAnswer, ask_all
from bench.lib.ready import NotReady, ready
from bench.lib.run_languages import missing
from bench.lib.scoring import Verdict
from bench.lib.tools import ToolMissing, toolbox
from tabwright.app.settings.settings import DEFAULT_MODEL
from tabwright.lsp.language_client import LspClient

Item = ActionTask | Ready
# Other open files stay out, as with completions; a bench waits longer than a user would.
BASE = {"context": {"openFiles": False}, "engine": {"idleMinutes": 5}}
WHAT = {
    "generate": "HumanEval: a function from its signature and docstring, by code action",
    "fix": 'HumanEvalFix Python: the docstring stands in the file, edited by "Fix the bug"',
    "diagnostics": "Real diagnostics of ruff, pylint, pyright, tsc, by quick fix; tool run again",
    "translate-js": "HumanEval-X: Python to JavaScript, the declaration given",
    "translate-java": "HumanEval-X: Python to Java, the declaration given",
    "translate-cpp": "HumanEval-X: Python to C++, the declaration given",
}
_EVERY = 10
_PATIENCE_S = 120  # so that a busy machine does not change what is right


async def run(options: argparse.Namespace) -> int:
    """Ask, check and report one set; raises NotReady and DataMissing."""
    settings = settings_of(options)
    async with workbench(settings) as bench:
        items, left_out = items_of(options, bench)
        client = await bench.server()
        try:
            load_s = await ready(client, bench)
            started = time.perf_counter()
            replies = await ask_replies(client, bench, items)
            asked_s = time.perf_counter() - started
            raw = await _raw(options, bench, items)
            engine = await bench.engine_status()
        finally:
            await client.stop()
    # Checked only now, so that no test program takes a core from the model while it is timed.
    results = check(items, replies, raw, examples=options.run_examples)
    about = {
        "set": WHAT[options.kind],
        "settings": json.dumps(settings),
        "engine": _loaded(engine),
        "started in": f"{load_s:.1f} s",
        "asked in": f"{asked_s:.0f} s",
    }
    model = str(settings["model"])
    print(f"{figures.facts(about)}\n\n{tables(model, results)}")
    for name, reason in left_out:
        print(f"not run: {name}: {reason}")
    if options.json:
        figures.write_json(options.json, figures_of(model, results))
    if options.details:
        write_details(options.details, results)
    return 0


def settings_of(options: argparse.Namespace) -> dict[str, object]:
    """The settings of the server: one model for both roles, so that one is loaded."""
    model = options.model or DEFAULT_MODEL
    base = {
        **BASE,
        "actions": {"model": model, "timeoutSeconds": _PATIENCE_S},
        "checks": {"runExamples": options.run_examples},
    }
    return with_options(base, model=model, assignments=options.assignments)


def items_of(
    options: argparse.Namespace, bench: Workbench
) -> tuple[list[Item], list[tuple[str, str]]]:
    """What is asked, and what cannot be with the reason. Raises DataMissing and NotReady."""
    if options.kind != DIAGNOSTICS:
        tasks = action_sets.load(options.kind, options.data, options.limit)
        lacking = missing(tasks[0].target) if tasks and tasks[0].target != "python" else ()
        if lacking:
            raise NotReady(f"to run the answers, install {' and '.join(lacking)}")
        return list(tasks), []
    box = toolbox()
    cases = action_sets.spread(diagnostic_cases.load(options.data), options.limit)
    found: list[Item] = []
    left_out: list[tuple[str, str]] = []
    for index, case in enumerate(cases):
        folder = bench.workspace.resolve() / f"case_{index}"
        try:
            found.append(diagnostic_cases.prepare(case, folder, box))
        except ToolMissing as error:
            left_out.append((case.name, str(error)))
    box.furnish(bench.workspace)
    return found, left_out


async def ask_replies(client: LspClient, bench: Workbench, items: Sequence[Item]) -> list[Reply]:
    """Ask for each item's action, one after another."""
    asker = Asker(client)
    asker.listen()
    replies: list[Reply] = []
    for index, item in enumerate(items):
        replies.append(await asker.ask(bench, item, index))
        if len(replies) % _EVERY == 0 or len(replies) == len(items):
            print(f"  asked {len(replies)} of {len(items)}", file=sys.stderr, flush=True)
    return replies


async def _raw(
    options: argparse.Namespace, bench: Workbench, items: Sequence[Item]
) -> list[RawAnswer] | None:
    if options.no_raw:
        return None
    model = options.model or DEFAULT_MODEL
    return await ask_all(bench, model, [item.question for item in items])


def check(
    items: Sequence[Item],
    replies: Sequence[Reply],
    raw: Sequence[RawAnswer] | None,
    *,
    examples: bool = False,
) -> list[Result]:
    """Run every answer against its tests or its tool, ours and the model's plain one."""
    results: list[Result] = []
    for index, (item, reply) in enumerate(zip(items, replies, strict=True)):
        plain = raw[index] if raw else None
        results.append(
            Result(
                name=item.name,
                group=f"{item.group}, examples run" if examples else item.group,
                reply=reply,
                verdict=_verdict(item, reply.document),
                broken=_broken(item, reply),
                raw=plain,
                raw_verdict=_raw_verdict(item, plain),
            )
        )
        if len(results) % _EVERY == 0 or len(results) == len(items):
            passed = sum(result.verdict.passed for result in results)
            print(f"  {passed} of {len(results)} pass", file=sys.stderr, flush=True)
    return results


def _verdict(item: Item, document: str | None) -> Verdict:
    return Verdict(False, "no edit") if document is None else item.verdict(document)


def _raw_verdict(item: Item, plain: RawAnswer | None) -> Verdict | None:
    if plain is None:
        return None
    if not plain.code.strip():
        return Verdict(False, plain.why or "no code")
    return item.verdict(item.raw_document(plain.code))


def _broken(item: Item, reply: Reply) -> Broken:
    if reply.document is None or reply.warnings:
        return Broken()
    return action_faults.broken(item.target, item.text, reply.document, item.span)


def figures_of(model: str, results: Sequence[Result]) -> dict[str, object]:
    """The figures of the first set; those of a further one, of another language, stand apart."""
    first, *others = (summary(name, model, those) for name, those in by_group(results).items())
    return {**first, "apart": others} if others else first


def _loaded(engine: dict[str, object]) -> str:
    listed = engine.get("models")
    models = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    keys = ("id", "precision", "device")
    return ", ".join(" ".join(str(one[key]) for key in keys if one.get(key)) for one in models)
