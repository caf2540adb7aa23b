"""Rows of actions: the tokens a second that an answer is written with.

Ours is asked as the server asks it first (``lsp.action_run``): the prompt, limit, stops and draft
that ``assists`` prepares, sent to the real engine, which adds drafts of its own from the prompt.
The peer gets the same prompt, limit and stops at ``/completion``, without drafts, which it has no
text for. A rate is that of the writing, as each engine tells it; the note has whole answers,
prompt included.
"""

from __future__ import annotations

import ast
import random
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.lib import function_edits, lines
from bench.lib.figures import p50
from bench.lib.function_edits import FunctionEdit
from bench.lib.rows import Row
from bench.lib.stand import Stand
from tabwright.assists import fix, generate
from tabwright.assists.request import ActionRequest
from tabwright.client.engine import Request
from tabwright.client.http import own_body
from tabwright.core.action import Action, Diagnostic
from tabwright.core.prompting.families import family_by_name
from tabwright.core.task import ModelInfo, Nothing
from tabwright.core.text import Snapshot, Span

CONTEXT = 32_768
LEAST_LINES, MOST_LINES = 8, 30
A_ROUND = 3  # answers of each kind; one differs from the next by more than the machine from itself


@dataclass(frozen=True)
class Written:
    """One answer: its tokens a second, and the milliseconds of all of it."""

    rate: float
    whole_ms: float


async def actions(stand: Stand) -> list[Row]:
    """Functions written from their docstrings, and misspelt names mended."""
    info = ModelInfo(stand.model, family_by_name(stand.model), CONTEXT)
    rows = []
    for name, prepared in (("generate", generated), ("fix", fixed)):
        ours: list[Written] = []
        theirs: list[Written] = []
        asked = prepared(info, A_ROUND * stand.sizes.rounds)
        for index, action in enumerate(asked):
            stand.say(f"{name}: {index + 1} of {len(asked)}")
            ours.append(await _here(stand, action))
            if stand.peer:
                theirs.append(await _at_peer(stand, action))
        rows.append(action_row(name, ours, theirs))
    return rows


def action_row(name: str, ours: Sequence[Written], theirs: Sequence[Written]) -> Row:
    """The row of rates; the times of whole answers are its note."""
    whole = f"whole answers {p50([one.whole_ms for one in ours]):.0f} ms"
    if theirs:
        whole += f", the peer's {p50([one.whole_ms for one in theirs]):.0f} ms"
    return Row(
        name,
        tuple(one.rate for one in ours),
        tuple(one.rate for one in theirs),
        f"{whole} (medians, the prompt not computed before)",
    )


async def _here(stand: Stand, action: Action) -> Written:
    body = own_body(request(action, stand.model)) | {"stream": False}
    answer = await stand.bench.generate(body)
    usage = answer["usage"]
    whole_ms = usage["prefill_ms"] + usage["decode_ms"]
    await stand.bench.idle()
    return Written(usage["completion_tokens"] / max(usage["decode_ms"], 1e-9) * 1000, whole_ms)


async def _at_peer(stand: Stand, action: Action) -> Written:
    assert stand.peer is not None
    wrote = await stand.peer.write(action.prompt.flat(), action.max_tokens, action.stop)
    return Written(wrote.tokens / max(wrote.decode_ms, 1e-9) * 1000, wrote.whole_ms)


def request(action: Action, model: str) -> Request:
    """The first question of an action as the server puts it: greedy, one answer, with a draft."""
    return Request(
        model=model,
        prompt=action.prompt,
        max_tokens=action.max_tokens,
        stop=action.stop,
        lane="actions",
        session=action.snapshot.uri,
        prediction=action.draft,
    )


def fixed(model: ModelInfo, count: int) -> list[Action]:
    """Questions to have a misspelt name mended, as Ruff reports it."""
    edits = [edit for edit in function_edits.chosen(count) if edit.kind == "fix"]
    return _prepared(fix.prepare, [_misspelt(model, edit) for edit in edits][:count])


def _misspelt(model: ModelInfo, edit: FunctionEdit) -> ActionRequest:
    code = textwrap.dedent(edit.code)
    said = re.search(r"`(\w+)`", edit.instruction)
    found = re.search(rf"\b{said[1]}\b", code) if said else None
    if said is None or found is None:
        raise ValueError(f"no name to mend in {edit.name}")
    place = Span(*found.span())
    diagnostic = Diagnostic(place, f"Undefined name `{said[1]}`", "Ruff", "F821")
    snapshot = Snapshot("file:///fix.py", "python", 1, code)
    return ActionRequest(snapshot, place, model, diagnostics=(diagnostic,))


def generated(model: ModelInfo, count: int) -> list[Action]:
    """Questions to have a function of the standard library written from its docstring."""
    drawn: list[tuple[str, int]] = []
    for module in lines.WRITTEN:
        text = lines.source(module).read_text(encoding="utf-8")
        found = list(stubs(text))
        drawn += random.Random(module).sample(found, min(len(found), 3))
    random.Random(0).shuffle(drawn)
    asked = [
        ActionRequest(Snapshot("file:///generate.py", "python", 1, text), Span(at, at), model)
        for text, at in drawn[:count]
    ]
    return _prepared(generate.prepare, asked)


def stubs(text: str) -> Iterator[tuple[str, int]]:
    """Each function at the margin with a docstring, its body taken out, and an offset inside."""
    file = lines.file_lines(text)
    for node in ast.parse(text).body:
        if not isinstance(node, ast.FunctionDef) or node.end_lineno is None:
            continue
        first = node.body[0]
        size = node.end_lineno - node.lineno
        if not ast.get_docstring(node) or not LEAST_LINES <= size <= MOST_LINES:
            continue
        head = "".join(file[node.lineno - 1 : first.end_lineno])
        yield f"{head}    pass\n", len(head)


def _prepared(
    prepare: Callable[[ActionRequest], Action | Nothing], asked: Sequence[ActionRequest]
) -> list[Action]:
    found = []
    for inputs in asked:
        action = prepare(inputs)
        if isinstance(action, Nothing):
            raise ValueError(f"nothing is asked for: {action.reason}")
        found.append(action)
    return found
