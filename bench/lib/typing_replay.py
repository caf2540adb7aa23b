"""Types lines of real files again, a request a character, here and at the peer in turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.lib.lines import Line
from bench.lib.peer import Peer
from bench.lib.typist import Typist, Way
from tabwright.lsp.language_client import Item, Json, LspClient


@dataclass(frozen=True)
class Key:
    """One keystroke: from the key to the answer, and what of the prompt was computed for it.

    The tokens are None where the answer was cut off before its end.
    """

    milliseconds: float
    source: str  # where the answer came from, as tabwright.why says
    computed_tokens: int | None
    reused_tokens: int | None
    shown: str = ""

    @property
    def asked(self) -> bool:
        """Whether this keystroke had the model compute."""
        return self.source == "model" or bool(self.computed_tokens)


def free_share(keys: Sequence[Key]) -> float:
    """Share of the keystrokes that were answered without the model."""
    return 1 - sum(key.asked for key in keys) / max(len(keys), 1)


async def enter(client: LspClient, uri: str, line: Line) -> Item | None:
    """Open the file without the line and ask there once; the suggestion, if one is shown."""
    client.open(uri, "python", line.buffer(0))
    items = await client.complete(uri, line.buffer(0), line.cursor(0))
    return items[0] if items else None


async def type_here(client: LspClient, uri: str, line: Line, most: int = 0) -> list[Key]:
    """Type an entered line, or its first ``most`` characters, waiting for each answer."""
    keys: list[Key] = []
    for typed in range(1, count(line, most) + 1):
        key, _ = await press(client, uri, line.buffer(typed), line.cursor(typed))
        keys.append(key)
    return keys


async def type_at_peer(peer: Peer, line: Line, most: int = 0) -> list[Key]:
    """Send the peer the same requests; its place was asked for before."""
    keys: list[Key] = []
    for typed in range(1, count(line, most) + 1):
        answer = await peer.complete(line.buffer(typed), line.cursor(typed))
        keys.append(
            Key(
                answer.milliseconds,
                "model",
                answer.prompt_computed,
                answer.prompt_reused,
                answer.text,
            )
        )
    return keys


async def follow(
    client: LspClient, uri: str, line: Line, way: Way, pause_s: float = 0.0
) -> list[Key]:
    """Have a typist type a line, ``pause_s`` after each answer, and close the file."""
    typist = Typist(line, way)
    keys: list[Key] = []
    shown = await enter(client, uri, line)
    while typist.press(shown):
        await asyncio.sleep(pause_s)
        key, shown = await press(client, uri, typist.text, typist.cursor)
        keys.append(key)
    client.close(uri)
    return keys


async def press(client: LspClient, uri: str, text: str, cursor: int) -> tuple[Key, Item | None]:
    """Change the open document and ask at the cursor: what it cost, and what is shown.

    The position is worked out before the clock starts: an editor has it at hand.
    """
    params = client.completion_params(uri, text, cursor, invoked=False)
    started = time.perf_counter()
    client.change(uri, text)
    answer = await client.request("textDocument/inlineCompletion", params)
    milliseconds = (time.perf_counter() - started) * 1000
    items = client.items(answer, text, cursor)
    why = await client.execute("tabwright.why")
    shown = items[0].new_text if items else ""
    key = Key(
        milliseconds,
        str(why.get("source", "")),
        _tokens(why, "computed_tokens"),
        _tokens(why, "reused_tokens"),
        shown,
    )
    return key, items[0] if items else None


def count(line: Line, most: int) -> int:
    """How many characters of a line are typed; all of them when ``most`` is 0."""
    return min(len(line.code), most) if most else len(line.code)


def _tokens(why: Json, name: str) -> int | None:
    found = why.get(name)
    return found if isinstance(found, int) else None
