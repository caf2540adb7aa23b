"""``tabwright demo``: the real server completes sample files in the terminal."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabwright.cli.demos.gaps import Buffer, Gap
    from tabwright.cli.demos.view import LoadLine, View
    from tabwright.lsp.language_client import Item, Json, LspClient

LOAD_SECONDS = 120.0
TYPED = 5  # characters of the suggestion that are typed
OTHER = "round("  # typed instead of the suggestion
NEXT = """\
What next
  an editor  let its language client start: tabwright serve
  a script   tabwright complete FILE:LINE:COL
  trouble    tabwright doctor"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the ``demo`` command."""
    parser = subparsers.add_parser(
        "demo",
        help="see your machine complete real code",
        description="Start the real server, open sample files in it as an editor would, and show "
        "what it suggests, how long that takes, and what is reused while typing.",
    )
    parser.add_argument("--model", help="instead of the default completion model")
    parser.set_defaults(run=run)


@dataclass
class Measured:
    """What the demo counted; times in milliseconds."""

    suggestions: int = 0
    gaps: int = 0
    model_ms: list[float] = field(default_factory=list)
    cached_ms: list[float] = field(default_factory=list)
    reused: int = 0
    prompt: int = 0
    edits: int = 0
    edits_ms: list[float] = field(default_factory=list)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 1 when the model is missing or there was no completion."""
    from tabwright.cli.demos.view import View
    from tabwright.models import store
    from tabwright.models.catalog import DEFAULT_COMPLETION

    view = View.of_terminal()
    model = arguments.model or DEFAULT_COMPLETION
    try:
        store.locate(model)
    except store.ModelError as error:
        view.say(f"{error}", "red")
        view.say(f"Get the model first:  tabwright models pull {arguments.model or ''}".rstrip())
        return 1
    # Imported here since it takes 0.4 s, which a missing model should not cost.
    from tabwright.lsp.language_client import ServerFailed

    try:
        return asyncio.run(_demo(view, model))
    except ServerFailed as error:
        view.say(f"tabwright demo: {error}", "red")
        return 1


async def _demo(view: View, model: str) -> int:
    from tabwright.cli.demos import actions, gaps
    from tabwright.cli.demos.view import LoadLine
    from tabwright.lsp.language_client import LspClient

    view.say(view.paint("Tabwright", "bold") + f"  {model}, on this machine alone")
    load, measured = LoadLine(view), Measured()
    with tempfile.TemporaryDirectory(prefix="tabwright-demo-") as name:
        folder = Path(name).resolve()
        gaps.copy_samples(folder)
        client = await LspClient.start(
            settings={"model": model, "remote": {"url": ""}},
            root=folder,
            on_notification=load.on_notification,
        )
        try:
            view.say(f"The server answered after {client.initialize_ms:.0f} ms.")
            first = gaps.GAPS[0]
            buffer = gaps.open_gap(client, first, folder)
            started = time.perf_counter()
            reason = await _until_ready(client, load, buffer)
            if reason:
                view.say(f"There was no completion: {reason}", "red")
                return 1
            view.say(f"The model was ready after {time.perf_counter() - started:.1f} s.")
            client.close(buffer.uri)
            for gap in gaps.GAPS:
                await _show_gap(view, client, gap, folder, measured)
            await _type_on(view, client, first, folder, measured)
            measured.edits, measured.edits_ms = await actions.run_actions(view, client, folder)
        finally:
            view.clear()
            await client.stop()
    return _summary(view, measured)


async def _until_ready(client: LspClient, load: LoadLine, buffer: Buffer) -> str:
    """Request until there is a suggestion; returns "", or why there is none."""
    deadline = time.perf_counter() + LOAD_SECONDS
    while True:
        waiting = asyncio.create_task(client.complete(buffer.uri, buffer.text, buffer.offset))
        while not waiting.done():
            load.draw()
            await asyncio.wait([waiting], timeout=0.2)
        if await waiting:
            return ""
        why = await client.execute("tabwright.why")
        reason = str(why.get("reason") or "the server gave no reason")
        if time.perf_counter() > deadline or "models pull" in reason:
            return reason
        await asyncio.sleep(0.2)


async def _complete(
    client: LspClient, uri: str, text: str, offset: int
) -> tuple[Item | None, float, Json]:
    """The first suggestion, the milliseconds it took, and the answer of ``tabwright.why``."""
    started = time.perf_counter()
    items = await client.complete(uri, text, offset)
    milliseconds = (time.perf_counter() - started) * 1000
    why = await client.execute("tabwright.why")
    return (items[0] if items else None), milliseconds, why


async def _show_gap(
    view: View, client: LspClient, gap: Gap, folder: Path, measured: Measured
) -> None:
    """Open the file of a gap, request a completion there, and show it."""
    from tabwright.cli.demos import gaps

    buffer = gaps.open_gap(client, gap, folder)
    item, milliseconds, why = await _complete(client, buffer.uri, buffer.text, buffer.offset)
    measured.gaps += 1
    measured.suggestions += item is not None
    measured.model_ms.append(milliseconds)
    view.title(gap.file, gap.about)
    view.buffer(buffer.text, buffer.offset, item)
    if item is None:
        reason = why.get("reason") or "the server gave no reason"
        view.say(f"       no suggestion after {milliseconds:.0f} ms: {reason}", "red")
    else:
        view.say(f"       {milliseconds:.0f} ms · {describe_cost(why)}", "green")
    if gap.cell is None:
        client.close(buffer.uri)


async def _type_on(
    view: View, client: LspClient, gap: Gap, folder: Path, measured: Measured
) -> None:
    """Type the suggestion, then something else, and show the time of each keystroke."""
    from tabwright.cli.demos import gaps

    buffer = gaps.open_gap(client, gap, folder)
    item, _, _ = await _complete(client, buffer.uri, buffer.text, buffer.offset)
    if item is None:
        return
    ghost = item.new_text[buffer.offset - item.start :]
    view.title(gap.file, "typing what is suggested")
    measured.cached_ms += await _type_keys(view, client, buffer, ghost[:TYPED], measured)
    view.title(gap.file, "typing something else")
    measured.model_ms += await _type_keys(view, client, buffer, OTHER, measured)
    client.close(buffer.uri)


async def _type_keys(
    view: View, client: LspClient, buffer: Buffer, keys: str, measured: Measured
) -> list[float]:
    """Type ``keys`` at the cursor, one request each; the milliseconds of each."""
    from tabwright.cli.demos.view import clip

    times: list[float] = []
    for count in range(1, len(keys) + 1):
        text = buffer.text[: buffer.offset] + keys[:count] + buffer.text[buffer.offset :]
        offset = buffer.offset + count
        client.change(buffer.uri, text)
        item, milliseconds, why = await _complete(client, buffer.uri, text, offset)
        times.append(milliseconds)
        reused, computed = _count(why, "reused_tokens"), _count(why, "computed_tokens")
        measured.reused += reused
        measured.prompt += reused + computed
        line = text[text.rfind("\n", 0, offset) + 1 : offset].lstrip()
        ghost = item.new_text[offset - item.start :].split("\n")[0] if item else ""
        if ghost and not view.colours:
            ghost = f"«{ghost}»"
        room = max(view.width - 44, 20)
        typed = line[-room:]
        shown = clip(ghost, max(room - len(typed), 0))
        padding = " " * (room - len(typed) - len(shown))
        cost = f"{milliseconds:5.0f} ms · {describe_cost(why)}"
        view.say(f"  {typed}{view.paint(shown, 'ghost')}{padding}{view.paint(cost, 'green')}")
    return times


def describe_cost(why: Json) -> str:
    """Where an answer came from, and how many tokens were computed for it."""
    if why.get("source") == "cache":
        return "served from cache, no model call"
    if why.get("computed_tokens") is None:
        return "stopped early: the rest was not needed"
    reused, computed = _count(why, "reused_tokens"), _count(why, "computed_tokens")
    return f"computed {computed}, reused {reused} tokens"


def _count(why: Json, name: str) -> int:
    value = why.get(name)
    return value if isinstance(value, int) else 0


def _summary(view: View, measured: Measured) -> int:
    view.say()
    view.say(f"{measured.suggestions} of {measured.gaps} positions got a suggestion", "bold")
    if measured.model_ms:
        view.say(f"  with the model      {median(measured.model_ms):5.0f} ms (median)")
    if measured.cached_ms:
        view.say(f"  served from cache   {median(measured.cached_ms):5.0f} ms (median)")
    if measured.prompt:
        share = 100 * measured.reused / measured.prompt
        view.say(f"  while typing        {share:5.1f} % of the prompt was reused")
    if measured.edits_ms:
        seconds = median(measured.edits_ms) / 1000
        view.say(f"{measured.edits} of {len(measured.edits_ms)} actions offered an edit", "bold")
        view.say(f"  generated, checked  {seconds:5.1f} s (median)")
    view.say()
    view.say(NEXT)
    if not measured.suggestions:
        view.say("There was no completion; run 'tabwright doctor' to find the reason.", "red")
        return 1
    return 0
