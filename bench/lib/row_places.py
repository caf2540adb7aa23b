"""Rows about going elsewhere: a file opened for the first time, back to a place, past an answer.

At every place both sides are asked for the rest of a line of which half is typed, ours first,
then, with our engine idle, the peer. Ours is the server without kept answers, so that a place
visited before is answered by the model and not from what was shown then; only ``accept`` asks the
server as it is, which computes ahead.
"""

from __future__ import annotations

import asyncio
import time

from bench.lib import lines
from bench.lib.lines import Line
from bench.lib.rows import Row
from bench.lib.stand import Stand
from bench.lib.typing_replay import press
from tabwright.lsp.language_client import Item, LspClient

COLD_LINES = 2000
PLACES = 5
READING_S = 1.0  # a user reads a suggestion before he takes it


async def cold(stand: Stand) -> list[Row]:
    """A file of 2,000 lines, opened for the first time with the cursor in its middle.

    Ours from the opening to the answer. The peer has seen another file last, so it computes all
    of its prompt.
    """
    ours: list[float] = []
    theirs: list[float] = []
    for index in range(stand.sizes.rounds):
        module = lines.LARGE[index % len(lines.LARGE)]
        # Where the files are used up, other lines of them are as new.
        line = lines.middle(module, COLD_LINES - 400 * (index // len(lines.LARGE)))
        stand.say(f"cold: {line.name}")
        uri = stand.bench.uri(f"cold_{index}_{line.name}")
        ours.append(await _opened(stand.asking, uri, line))
        stand.asking.close(uri)
        await stand.bench.idle()
        if stand.peer:
            half = len(line.code) // 2
            answer = await stand.peer.complete(line.buffer(half), line.cursor(half))
            theirs.append(answer.milliseconds)
    return [Row("cold", tuple(ours), tuple(theirs))]


async def jump(stand: Stand) -> list[Row]:
    """Five places in as many files, each visited, then each again, a character typed there.

    Half of the rounds, rounded up, go over all five, so that each side has at least as many
    answers as there are rounds.
    """
    places = [lines.chosen(name, 2)[-1] for name in lines.TYPED[:PLACES]]
    uris = [stand.bench.uri(f"jump_{line.name}") for line in places]
    for line, uri in zip(places, uris, strict=True):
        stand.say(f"visited: {line.name}:{line.number}")
        await _opened(stand.asking, uri, line)
        await stand.bench.rest()
        if stand.peer:
            await _at_peer(stand, line, len(line.code) // 2)
    ours: list[float] = []
    theirs: list[float] = []
    for more in range(1, (stand.sizes.rounds + 1) // 2 + 1):
        for line, uri in zip(places, uris, strict=True):
            stand.say(f"back: {line.name}:{line.number}")
            typed = min(len(line.code) // 2 + more, len(line.code))
            key, _ = await press(stand.asking, uri, line.buffer(typed), line.cursor(typed))
            ours.append(key.milliseconds)
            await stand.bench.idle()
            if stand.peer:
                theirs.append(await _at_peer(stand, line, typed))
    for uri in uris:
        stand.asking.close(uri)
    return [Row("jump", tuple(ours), tuple(theirs))]


async def accept(stand: Stand) -> list[Row]:
    """A suggestion is taken whole, and the editor asks again at its end.

    Each side goes on from its own suggestion; where it has none, from the line as the file has it.
    Once at once, and once after the second in which a user reads it, in which our server computes
    ahead.
    """
    rows: list[Row] = []
    for name, pause_s in (("accept_at_once", 0.0), ("accept_after_pause", READING_S)):
        ours: list[float] = []
        theirs: list[float] = []
        free = 0
        for index in range(stand.sizes.rounds):
            module = lines.TYPED[index % len(lines.TYPED)]
            line = lines.chosen(module, 3)[index // len(lines.TYPED) % 3]
            stand.say(f"{name}: {line.name}:{line.number}")
            uri = stand.bench.uri(f"{name}_{index}_{line.name}")
            milliseconds, was_free = await _accepted(stand.plain, uri, line, pause_s)
            free += was_free
            ours.append(milliseconds)
            await stand.bench.idle()
            if stand.peer:
                theirs.append(await _accepted_at_peer(stand, line, pause_s))
        note = f"{free} of {len(ours)} without asking the model again"
        rows.append(Row(name, tuple(ours), tuple(theirs), note))
    return rows


async def _opened(client: LspClient, uri: str, line: Line) -> float:
    """Milliseconds from opening a file, half of the line typed, to the answer there."""
    half = len(line.code) // 2
    text, cursor = line.buffer(half), line.cursor(half)
    params = client.completion_params(uri, text, cursor, invoked=False)
    started = time.perf_counter()
    client.open(uri, "python", text)
    await client.request("textDocument/inlineCompletion", params)
    return (time.perf_counter() - started) * 1000


async def _at_peer(stand: Stand, line: Line, typed: int) -> float:
    assert stand.peer is not None
    return (await stand.peer.complete(line.buffer(typed), line.cursor(typed))).milliseconds


async def _accepted(client: LspClient, uri: str, line: Line, pause_s: float) -> tuple[float, bool]:
    """Milliseconds from accepting to the next answer, and whether the model was not asked."""
    half = len(line.code) // 2
    text, cursor = line.buffer(half), line.cursor(half)
    client.open(uri, "python", text)
    items = await client.complete(uri, text, cursor)
    await asyncio.sleep(pause_s)
    text, cursor = taken(line, half, items[0] if items else None)
    key, _ = await press(client, uri, text, cursor)
    client.close(uri)
    return key.milliseconds, not key.asked


async def _accepted_at_peer(stand: Stand, line: Line, pause_s: float) -> float:
    assert stand.peer is not None
    half = len(line.code) // 2
    cursor = line.cursor(half)
    answer = await stand.peer.complete(line.buffer(half), cursor)
    await asyncio.sleep(pause_s)
    shown = Item(cursor, cursor, answer.text) if answer.text else None
    return (await stand.peer.complete(*taken(line, half, shown))).milliseconds


def taken(line: Line, typed: int, shown: Item | None) -> tuple[str, int]:
    """Buffer and cursor after a suggestion was taken; without one, after the line was typed."""
    if shown is None:
        return line.buffer(len(line.code)), line.cursor(len(line.code))
    text = line.buffer(typed)
    behind = len(text) - shown.end
    after = shown.apply(text)
    return after, len(after) - behind
