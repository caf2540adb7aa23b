"""Types lines of real files again, a request a character, here and at the peer in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.lib import figures
from bench.lib.lines import Line
from bench.lib.own_server import Workbench
from bench.lib.peer import Peer
from tabwright.cli.lsp_client import Json, LspClient


@dataclass(frozen=True)
class Key:
    """One keystroke: from the key to the answer, and what the answer took."""

    milliseconds: float
    source: str  # where the answer came from, as tabwright.why says
    computed_tokens: int | None  # of the prompt; None when the answer was cut off before its end
    shown: str
    peer_milliseconds: float = float("nan")
    peer_tokens: int = 0

    @property
    def asked(self) -> bool:
        """Whether this keystroke had the model compute."""
        return self.source == "model" or bool(self.computed_tokens)


@dataclass(frozen=True)
class Replay:
    """The keystrokes of one file, and all tokens that the engine computed in that time."""

    case: str
    keys: tuple[Key, ...]
    engine_tokens: int

    def row(self) -> dict[str, object]:
        """The figures of a case.

        Times are over the keystrokes that asked the model, for the peer over the same ones;
        ``tokens_per_key`` is the median of the prompt tokens computed at those.
        """
        asked = [key for key in self.keys if key.asked]
        ours = [key.milliseconds for key in asked]
        peer = [key.peer_milliseconds for key in asked if key.peer_tokens]
        computed = _known(asked)
        return {
            "case": self.case,
            "ours_p50_ms": figures.number(figures.p50(ours), 1),
            "ours_p95_ms": figures.number(figures.p95(ours), 1),
            "peer_p50_ms": figures.number(figures.p50(peer), 1),
            "peer_p95_ms": figures.number(figures.p95(peer), 1),
            "no_model_share": round(1 - len(asked) / max(len(self.keys), 1), 4),
            "tokens_per_key": statistics.median(computed) if computed else 0,
        }

    def over_all(self) -> dict[str, float]:
        """Figures over all keystrokes, whether they asked the model or not."""
        count = max(len(self.keys), 1)
        ours = [key.milliseconds for key in self.keys]
        peer = [key for key in self.keys if key.peer_tokens]
        return {
            "keys": len(self.keys),
            "ours p50": figures.p50(ours),
            "ours p95": figures.p95(ours),
            "shown": sum(bool(key.shown) for key in self.keys) / count,
            "median tokens": statistics.median(_known(self.keys) or [0]),
            "engine tokens/key": self.engine_tokens / count,
            "peer tokens/key": sum(key.peer_tokens for key in peer) / max(len(peer), 1),
        }


def together(replays: Sequence[Replay]) -> Replay:
    """All keystrokes of several files as one case."""
    keys = tuple(key for replay in replays for key in replay.keys)
    return Replay("total", keys, sum(replay.engine_tokens for replay in replays))


async def replay(
    client: LspClient, bench: Workbench, peer: Peer | None, case: str, lines: Sequence[Line]
) -> Replay:
    """Type the lines of one file: each first here, then, with our engine idle, at the peer."""
    keys: list[Key] = []
    before = await _engine_tokens(bench)
    for line in lines:
        ours = await type_here(client, bench.uri(line.name), line)
        await bench.idle()
        keys.extend(await type_at_peer(peer, line, ours) if peer else ours)
    return Replay(case, tuple(keys), await _engine_tokens(bench) - before)


async def type_here(client: LspClient, uri: str, line: Line) -> list[Key]:
    """Open the file without the line, ask once to warm up, then type it, waiting each time."""
    keys: list[Key] = []
    client.open(uri, "python", line.buffer(0))
    await client.complete(uri, line.buffer(0), line.cursor(0))
    for typed in range(1, len(line.code) + 1):
        text, offset = line.buffer(typed), line.cursor(typed)
        started = time.perf_counter()
        client.change(uri, text)
        items = await client.complete(uri, text, offset)
        milliseconds = (time.perf_counter() - started) * 1000
        why = await client.execute("tabwright.why")
        shown = items[0].new_text if items else ""
        keys.append(Key(milliseconds, str(why.get("source", "")), _computed(why), shown))
    client.close(uri)
    return keys


async def type_at_peer(peer: Peer, line: Line, ours: Sequence[Key]) -> list[Key]:
    """Send the peer the same requests, with the same one to warm up, and add its times.

    Only those that asked our model: the peer would compute for the others as well, but they are
    compared with nothing, and on a slow machine take hours.
    """
    keys: list[Key] = []
    await peer.complete(line.buffer(0), line.cursor(0))
    for typed, key in enumerate(ours, start=1):
        if not key.asked:
            keys.append(key)
            continue
        answer = await peer.complete(line.buffer(typed), line.cursor(typed))
        keys.append(
            Key(
                key.milliseconds,
                key.source,
                key.computed_tokens,
                key.shown,
                answer.milliseconds,
                max(answer.computed_tokens, 1),
            )
        )
    return keys


def _computed(why: Json) -> int | None:
    computed = why.get("computed_tokens")
    return computed if isinstance(computed, int) else None


def _known(keys: Sequence[Key]) -> list[int]:
    """Prompt tokens computed at each key, without those where that is not known."""
    return [
        key.computed_tokens or 0 for key in keys if not key.asked or key.computed_tokens is not None
    ]


async def _engine_tokens(bench: Workbench) -> int:
    computed = (await bench.engine_status()).get("tokens_computed")
    return computed if isinstance(computed, int) else 0
