"""``tabwright demo``: the real server completes real files before your eyes."""

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
    from tabwright.cli.demos.places import Buffer, Place
    from tabwright.cli.demos.view import LoadLine, View
    from tabwright.lsp.language_client import Item, Json, LspClient

LOAD_SECONDS = 120.0
TYPED = 5  # characters typed on into a suggestion
OTHER = "round("  # what is typed instead of the suggestion
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
class Seen:
    """What came in the course of the demo; times in milliseconds."""

    suggestions: int = 0
    places: int = 0
    asked_ms: list[float] = field(default_factory=list)
    typed_ms: list[float] = field(default_factory=list)
    reused: int = 0
    prompt: int = 0
    edits: int = 0
    edits_ms: list[float] = field(default_factory=list)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 1 when the model is missing or no completion came."""
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
    from tabwright.cli.demos import actions, places
    from tabwright.cli.demos.view import LoadLine
    from tabwright.lsp.language_client import LspClient

    view.say(view.paint("Tabwright", "bold") + f"  {model}, on this machine alone")
    load, seen = LoadLine(view), Seen()
    with tempfile.TemporaryDirectory(prefix="tabwright-demo-") as name:
        folder = Path(name).resolve()
        places.copy_samples(folder)
        client = await LspClient.start(
            settings={"model": model, "remote": {"url": ""}},
            root=folder,
            on_notification=load.notified,
        )
        try:
            view.say(f"The server answered after {client.initialize_ms:.0f} ms.")
            first = places.PLACES[0]
            buffer = places.open_place(client, first, folder)
            started = time.perf_counter()
            reason = await _until_ready(client, load, buffer)
            if reason:
                view.say(f"No completion came: {reason}", "red")
                return 1
            view.say(f"The model was ready after {time.perf_counter() - started:.1f} s.")
            client.close(buffer.uri)
            for place in places.PLACES:
                await _show(view, client, place, folder, seen)
            await _type_on(view, client, first, folder, seen)
            seen.edits, seen.edits_ms = await actions.show(view, client, folder)
        finally:
            view.clear()
            await client.stop()
    return _summary(view, seen)


async def _until_ready(client: LspClient, load: LoadLine, buffer: Buffer) -> str:
    """Ask until a suggestion comes; returns "", or why none came."""
    deadline = time.perf_counter() + LOAD_SECONDS
    while True:
        asking = asyncio.create_task(client.complete(buffer.uri, buffer.text, buffer.offset))
        while not asking.done():
            load.draw()
            await asyncio.wait([asking], timeout=0.2)
        if await asking:
            return ""
        why = await client.execute("tabwright.why")
        reason = str(why.get("reason") or "the server gave no reason")
        if time.perf_counter() > deadline or "models pull" in reason:
            return reason
        await asyncio.sleep(0.2)


async def _ask(
    client: LspClient, uri: str, text: str, offset: int
) -> tuple[Item | None, float, Json]:
    """The first suggestion, the milliseconds it took, and why it is what it is."""
    started = time.perf_counter()
    items = await client.complete(uri, text, offset)
    milliseconds = (time.perf_counter() - started) * 1000
    why = await client.execute("tabwright.why")
    return (items[0] if items else None), milliseconds, why


async def _show(view: View, client: LspClient, place: Place, folder: Path, seen: Seen) -> None:
    """Open a place, ask there, and draw what came."""
    from tabwright.cli.demos import places

    buffer = places.open_place(client, place, folder)
    item, milliseconds, why = await _ask(client, buffer.uri, buffer.text, buffer.offset)
    seen.places += 1
    seen.suggestions += item is not None
    seen.asked_ms.append(milliseconds)
    view.title(place.file, place.about)
    view.buffer(buffer.text, buffer.offset, item)
    if item is None:
        reason = why.get("reason") or "the server gave no reason"
        view.say(f"       nothing after {milliseconds:.0f} ms: {reason}", "red")
    else:
        view.say(f"       {milliseconds:.0f} ms · {spent(why)}", "green")
    if place.cell is None:
        client.close(buffer.uri)


async def _type_on(view: View, client: LspClient, place: Place, folder: Path, seen: Seen) -> None:
    """Type into the suggestion, then something else, and show what each key costs."""
    from tabwright.cli.demos import places

    buffer = places.open_place(client, place, folder)
    item, _, _ = await _ask(client, buffer.uri, buffer.text, buffer.offset)
    if item is None:
        return
    ghost = item.new_text[buffer.offset - item.start :]
    view.title(place.file, "typing what is suggested")
    seen.typed_ms += await _keys(view, client, buffer, ghost[:TYPED], seen)
    view.title(place.file, "typing something else")
    seen.asked_ms += await _keys(view, client, buffer, OTHER, seen)
    client.close(buffer.uri)


async def _keys(
    view: View, client: LspClient, buffer: Buffer, keys: str, seen: Seen
) -> list[float]:
    """Type ``keys`` at the cursor, a request each; the milliseconds of each."""
    from tabwright.cli.demos.view import clip

    times: list[float] = []
    for count in range(1, len(keys) + 1):
        text = buffer.text[: buffer.offset] + keys[:count] + buffer.text[buffer.offset :]
        offset = buffer.offset + count
        client.change(buffer.uri, text)
        item, milliseconds, why = await _ask(client, buffer.uri, text, offset)
        times.append(milliseconds)
        reused, computed = _count(why, "reused_tokens"), _count(why, "computed_tokens")
        seen.reused, seen.prompt = seen.reused + reused, seen.prompt + reused + computed
        line = text[text.rfind("\n", 0, offset) + 1 : offset].lstrip()
        ghost = item.new_text[offset - item.start :].split("\n")[0] if item else ""
        if ghost and not view.colours:
            ghost = f"«{ghost}»"
        room = max(view.width - 37, 20)
        begun = line[-room:]
        shown = clip(ghost, max(room - len(begun), 0))
        padding = " " * (room - len(begun) - len(shown))
        cost = f"{milliseconds:5.0f} ms · {spent(why)}"
        view.say(f"  {begun}{view.paint(shown, 'ghost')}{padding}{view.paint(cost, 'green')}")
    return times


def spent(why: Json) -> str:
    """Where an answer came from and what it cost, in a few words."""
    if why.get("source") == "cache":
        return "kept answer, no model call"
    if why.get("computed_tokens") is None:
        return "ended early: the rest was not needed"
    reused, computed = _count(why, "reused_tokens"), _count(why, "computed_tokens")
    return f"read {computed}, reused {reused} tokens"


def _count(why: Json, name: str) -> int:
    value = why.get(name)
    return value if isinstance(value, int) else 0


def _summary(view: View, seen: Seen) -> int:
    view.say()
    view.say(f"{seen.suggestions} of {seen.places} places got a suggestion", "bold")
    if seen.asked_ms:
        view.say(f"  with the model      {median(seen.asked_ms):5.0f} ms in the middle")
    if seen.typed_ms:
        view.say(f"  typed as suggested  {median(seen.typed_ms):5.0f} ms, nothing computed")
    if seen.prompt:
        share = 100 * seen.reused / seen.prompt
        view.say(f"  while typing        {share:5.1f} % of the prompt was reused")
    if seen.edits_ms:
        seconds = median(seen.edits_ms) / 1000
        view.say(f"{seen.edits} of {len(seen.edits_ms)} actions offered an edit", "bold")
        view.say(f"  written and checked {seconds:5.1f} s in the middle")
    view.say()
    view.say(NEXT)
    if not seen.suggestions:
        view.say("No completion came; 'tabwright doctor' looks for the reason.", "red")
        return 1
    return 0
