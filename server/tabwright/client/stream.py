"""Parse the event stream of a completion: bytes to events, events to candidates and usage."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import fields
from typing import Any, NoReturn

from tabwright.client.engine import Answer, EngineError, OnText, Usage
from tabwright.core.message import Message

Json = dict[str, Any]
# A body is parsed in one go on the event loop; 4 MiB take about 30 ms.
MAX_ANSWER_BYTES = 4 << 20
MAX_EVENT_BYTES = 1 << 20
MAX_STREAM_BYTES = 64 << 20
MAX_INDEX = 64  # of a candidate; nobody asks for as many
_INDICES = range(MAX_INDEX)
_MOST_COUNT = 10**12  # tokens or milliseconds


class StreamedAnswer:
    """Collects the chunks of a stream, candidate by candidate."""

    def __init__(self, on_text: OnText | None = None) -> None:
        """``on_text`` is called with every piece of text."""
        self._on_text = on_text
        self._texts: dict[int, list[str]] = {}
        self._finish: dict[int, str] = {}
        self._usage = Usage()

    @property
    def whole(self) -> bool:
        """Whether every candidate that began has ended."""
        return bool(self._texts) and self._texts.keys() == self._finish.keys()

    def add(self, chunk: Json, fail: Callable[[object], NoReturn]) -> None:
        """Add one chunk; an error in it is passed to ``fail``."""
        if chunk.get("error"):
            fail(chunk["error"])
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            index = choice.get("index") or 0 if isinstance(choice, dict) else None
            text = choice.get("text") or "" if isinstance(choice, dict) else None
            if not isinstance(index, int) or not isinstance(text, str) or index not in _INDICES:
                raise EngineError(Message("the engine sent an answer of a shape that nobody knows"))
            self._texts.setdefault(index, []).append(text)
            if text and self._on_text is not None:
                self._on_text(index, text)
            if choice.get("finish_reason"):
                self._finish[index] = str(choice["finish_reason"])[:40]
        self._usage = _usage(chunk, self._usage)

    def answer(self) -> Answer:
        """Return all candidates so far, in the order of their index."""
        order = sorted(self._texts)
        return Answer(
            texts=tuple("".join(self._texts[index]) for index in order),
            finish=tuple(self._finish.get(index, "cancelled") for index in order),
            usage=self._usage,
        )


async def events(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Yield the ``data`` of each event in a stream of bytes (HTML Living Standard, 9.2).

    Raises EngineError for an event or a stream that is far longer than any answer.
    """
    pending = bytearray()
    data: list[bytes] = []
    whole = size = 0
    async for piece in pieces:
        whole += len(piece)
        if whole > MAX_STREAM_BYTES:
            raise EngineError(Message("the engine sent an answer without end"))
        *lines, rest = piece.split(b"\n")
        if lines:
            lines[0] = bytes(pending) + lines[0]
            pending = bytearray(rest)
        else:
            pending += rest
        if len(pending) > MAX_EVENT_BYTES:
            raise EngineError(Message("the engine sent a line without end"))
        for line in (raw.removesuffix(b"\r") for raw in lines):
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
                size += len(line)
                if size > MAX_EVENT_BYTES:
                    raise EngineError(Message("the engine sent a line without end"))
            elif not line and data:
                yield b"\n".join(data).decode("utf-8", "replace")
                data, size = [], 0
    if data:
        yield b"\n".join(data).decode("utf-8", "replace")


def parse_object(text: str) -> Json:
    """Parse a JSON object; EngineError for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EngineError(
            Message("the engine sent something that is not JSON: {0}", error)
        ) from error
    if not isinstance(found, dict):
        raise EngineError(Message("the engine sent JSON that is not an object"))
    return found


def _is_count(value: object) -> bool:
    """Tell whether a value can be a number of tokens or milliseconds; NaN cannot."""
    return isinstance(value, int | float) and 0 <= value < _MOST_COUNT


def _usage(chunk: Json, known: Usage) -> Usage:
    """Read the usage from our ``usage``, OpenAI's, or llama-server's ``timings``."""
    usage, timings = chunk.get("usage"), chunk.get("timings")
    found = {field.name: getattr(known, field.name) for field in fields(Usage)}
    if isinstance(usage, dict):
        given = {name: usage[name] for name in found if _is_count(usage.get(name))}
        found.update(given)
        details = usage.get("prompt_tokens_details")
        if isinstance(details, dict) and _is_count(details.get("cached_tokens")):
            found["reused_tokens"] = details["cached_tokens"]
    if isinstance(timings, dict):
        names = {
            "cache_n": "reused_tokens",
            "prompt_n": "computed_tokens",
            "prompt_ms": "prefill_ms",
            "predicted_ms": "decode_ms",
        }
        told = {ours: timings.get(name) for name, ours in names.items()}
        found.update({ours: each for ours, each in told.items() if _is_count(each)})
    return Usage(**found)
