"""llama.cpp's server as the peer: asked over ``/infill`` the way llama.vim asks it.

``bench/speed`` starts the build that the package ``xllamacpp`` brings, which uses AVX2 at most. The
fair peer is a native one, taken by ``--peer``: bench/README.md tells how to build and start it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.lib.lines import file_lines
from bench.lib.machine import listener

LINES_BEFORE = 256
LINES_AFTER = 64
START_SECONDS = 60.0
_GREEDY: Mapping[str, object] = {
    "temperature": 0,
    "top_k": 1,
    "samplers": ["top_k"],
    "cache_prompt": True,
    "stream": False,
}


class PeerError(Exception):
    """The peer could not be started or asked; the message says why."""


@dataclass(frozen=True)
class PeerAnswer:
    """What the peer answered, in how many milliseconds, and how many tokens it computed."""

    text: str
    milliseconds: float
    computed_tokens: int
    prompt_computed: int = 0
    prompt_reused: int = 0


@dataclass(frozen=True)
class PeerText:
    """A text that the peer wrote to a prompt: its tokens, the time of those alone, and of all."""

    text: str
    tokens: int
    decode_ms: float
    whole_ms: float


@dataclass(frozen=True)
class Peer:
    """A running llama-server at ``address``, such as ``http://127.0.0.1:8012``.

    ``pid`` is its process, None where that cannot be told.
    """

    address: str
    max_tokens: int
    pid: int | None = None

    async def complete(self, text: str, offset: int) -> PeerAnswer:
        """Ask for the rest of the line at the cursor. Raises PeerError."""
        body = infill(text, offset, self.max_tokens)
        answer, milliseconds = await asyncio.to_thread(self._ask, "infill", body)
        timings = answer.get("timings", {})
        prompt, written = timings.get("prompt_n", 0), timings.get("predicted_n", 0)
        return PeerAnswer(
            answer["content"], milliseconds, prompt + written, prompt, timings.get("cache_n", 0)
        )

    async def write(self, prompt: str, max_tokens: int, stop: Sequence[str] = ()) -> PeerText:
        """Have a prompt gone on with, special tokens and all, greedily. Raises PeerError."""
        body = {"prompt": prompt, "n_predict": max_tokens, "stop": list(stop), **_GREEDY}
        answer, milliseconds = await asyncio.to_thread(self._ask, "completion", body)
        timings = answer["timings"]
        return PeerText(
            answer["content"], timings["predicted_n"], timings["predicted_ms"], milliseconds
        )

    async def build(self) -> str:
        """What the server tells of itself: build, slots, context. Raises PeerError."""
        told, _ = await asyncio.to_thread(self._ask, "props", None)
        context = told.get("default_generation_settings", {}).get("n_ctx", "?")
        return (
            f"build {told.get('build_info') or 'not told'}, {told.get('total_slots', '?')} slots, "
            f"{context} tokens of context"
        )

    def _ask(self, path: str, body: dict[str, object] | None) -> tuple[dict[str, Any], float]:
        """The answer to a POST, or a GET without a body, and the milliseconds it took."""
        request = urllib.request.Request(
            f"{self.address}/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=300) as response:
                answer: dict[str, Any] = json.load(response)
        except (OSError, urllib.error.URLError) as error:
            raise PeerError(f"the peer at {self.address} did not answer: {error}") from error
        return answer, (time.perf_counter() - started) * 1000


def infill(text: str, offset: int, max_tokens: int) -> dict[str, object]:
    """The request of llama.vim for a cursor: 256 lines before, the begun line, 64 lines after."""
    before, line, rest, after = cut(text, offset)
    return {
        "input_prefix": before,
        "prompt": line,
        "input_suffix": f"{rest}\n{after}",
        "n_predict": max_tokens,
        "stop": ["\n"],
        **_GREEDY,
    }


def cut(text: str, offset: int) -> tuple[str, str, str, str]:
    """Lines before, the cursor's line up to the cursor, the rest of it, lines after."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    before = file_lines(text[:start])[-LINES_BEFORE:]
    after = file_lines(text[end + 1 :])[:LINES_AFTER]
    return "".join(before), text[start:offset], text[offset:end], "".join(after)


@contextlib.asynccontextmanager
async def own_peer(model: Path, threads: int, max_tokens: int) -> AsyncIterator[Peer]:
    """Start a peer process and end it afterwards. Raises PeerError when it does not come up."""
    script = Path(__file__).with_name("peer_process.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(model), str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        if process.stdout is None:
            raise PeerError("the peer was started without a pipe")
        waiting = asyncio.to_thread(process.stdout.readline)
        address = (await asyncio.wait_for(waiting, START_SECONDS)).strip()
        if not address:
            raise PeerError(
                f"llama.cpp's server ended at its start (status {process.wait()}); try: "
                f"{sys.executable} {script} {model} {threads}"
            )
        yield Peer(address, max_tokens, process.pid)
    except TimeoutError as error:
        raise PeerError(f"llama.cpp's server was not up in {START_SECONDS:g} s") from error
    finally:
        process.terminate()
        process.wait()


@contextlib.asynccontextmanager
async def running_peer(address: str, max_tokens: int) -> AsyncIterator[Peer]:
    """A peer that somebody else started."""
    whole = address.rstrip("/") if "://" in address else f"http://{address}"
    yield Peer(whole, max_tokens, listener(whole))
