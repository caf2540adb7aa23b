"""The one decode loop: reuse, prefill in chunks, heal, step, stop.

Plain functions over a backend, as generators: every `yield` is a place where the worker may
cancel or let something more urgent go first.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tabwright.engine.backends import Backend, Logits
from tabwright.engine.branching import branch
from tabwright.engine.cache import StateCache
from tabwright.engine.healing import Healing, take_back
from tabwright.engine.stops import StopText
from tabwright.engine.vocabulary import Part, Vocabulary

PREFILL_CHUNK = 128  # tokens between two looks at the stop flag


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen: greedy at temperature 0, else nucleus sampling."""

    temperature: float = 0.0
    top_p: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Ask:
    """What to generate: `max_tokens` 0 only computes the prompt's state.

    `avoid` holds answers that were refused: the first new one begins otherwise than each.
    """

    parts: Sequence[Part]
    max_tokens: int
    n: int = 1
    stops: tuple[str, ...] = ()
    suffix_stop: str = ""
    heal: bool = False
    sampling: Sampling = field(default_factory=Sampling)
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Delta:
    """A piece of one answer; the last one of an answer says why it ended."""

    index: int
    text: str
    finish_reason: str | None = None
    stop_reason: str | None = None


@dataclass
class Usage:
    """What an answer cost, in tokens and in milliseconds of wall time.

    Of the prompt's tokens, those reused and those computed; beside them the answer's own.
    """

    prompt_tokens: int = 0
    reused_tokens: int = 0
    computed_tokens: int = 0
    completion_tokens: int = 0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0


class PromptTooLong(ValueError):
    """The prompt and the answer do not fit the model's context."""


def generate(
    backend: Backend, vocabulary: Vocabulary, cache: StateCache, ask: Ask, usage: Usage
) -> Iterator[Delta]:
    """Yield the answers' pieces and, in between, empty ones as chances to stop.

    Raises PromptTooLong and, for a special token the model lacks, KeyError, before any work.
    """
    ids = vocabulary.encode(ask.parts)
    usage.prompt_tokens = len(ids)
    if len(ids) + ask.max_tokens > backend.context_length:
        raise PromptTooLong(
            f"{len(ids)} prompt tokens and {ask.max_tokens} new ones do not fit the model's "
            f"context of {backend.context_length}"
        )
    healing = Healing(vocabulary)
    if ask.heal:
        ids, healing = take_back(vocabulary, ids)
    if not ids:
        ids = [min(vocabulary.special_ids, default=0)]
    state, usage.reused_tokens = cache.reuse(ids)
    try:
        logits = yield from prefill(backend, state, ids, usage)
        for index in range(ask.n):
            backend.truncate(state, len(ids))
            owed = Healing(vocabulary, healing.owed)
            sampling = ask.sampling if ask.n == 1 else _varied(ask.sampling, index)
            start: list[int] = []
            if ask.avoid and index == 0:
                most = ask.max_tokens
                start = branch(backend, vocabulary, state, logits, ask.avoid, owed.owed, most)
                yield Delta(index, "")
            yield from _answer(
                backend, vocabulary, state, logits, ask, index, sampling, owed, usage, start
            )
    finally:
        cache.give_back(state)


def prefill(
    backend: Backend, state: Any, ids: Sequence[int], usage: Usage
) -> Generator[Delta, None, Logits]:
    """Compute what the state lacks of `ids`, yielding between chunks; return logits [vocabulary].

    At least one token must be lacking.
    """
    started = time.perf_counter()
    while True:
        chunk = ids[len(state.ids) : len(state.ids) + PREFILL_CHUNK]
        logits: Logits = backend.forward(state, chunk)[-1]
        usage.computed_tokens += len(chunk)
        if len(state.ids) == len(ids):
            break
        yield Delta(0, "")
    usage.prefill_ms += (time.perf_counter() - started) * 1000
    return logits


def _answer(
    backend: Backend,
    vocabulary: Vocabulary,
    state: Any,
    logits: Logits,
    ask: Ask,
    index: int,
    sampling: Sampling,
    healing: Healing,
    usage: Usage,
    start: Sequence[int],
) -> Iterator[Delta]:
    """Yield one answer's pieces; of a given ``start`` the state holds all but the last token."""
    started = time.perf_counter()
    random = np.random.default_rng(sampling.seed)
    text = StopText(ask.stops, ask.suffix_stop)
    for produced in range(ask.max_tokens):  # with 0 only the prompt's state was wanted
        given = produced < len(start)
        token = start[produced] if given else choose(healing.restrict(logits), sampling, random)
        data = vocabulary.bytes_of(token)
        if not data:  # special, or no token at all: the model is done
            text.reason = "eos"
            break
        usage.completion_tokens += 1
        settled = text.feed(healing.pay(data))
        if text.reason or produced + 1 == ask.max_tokens:
            yield Delta(index, settled)
            break
        yield Delta(index, settled)
        if produced + 1 >= len(start):
            logits = backend.forward(state, [token])[-1]
    stopped_by = text.reason
    rest = "" if stopped_by in ("text", "suffix") else text.feed(b"", final=True)
    usage.decode_ms += (time.perf_counter() - started) * 1000
    reason = stopped_by or text.reason or "length"
    yield Delta(index, rest, "length" if reason == "length" else "stop", reason)


def choose(logits: Logits, sampling: Sampling, random: np.random.Generator) -> int:
    """Pick a token from logits [vocabulary]: the likeliest, or by nucleus sampling
    (arXiv 1904.09751)."""
    if sampling.temperature <= 0:
        return int(logits.argmax())
    scaled = (logits - logits.max()) / sampling.temperature
    weights = np.exp(scaled)
    order = np.argsort(-weights)[:200]
    share = np.cumsum(weights[order]) / weights.sum()
    kept = order[: int(np.searchsorted(share, sampling.top_p)) + 1]
    chances = weights[kept] / weights[kept].sum()
    return int(random.choice(kept, p=chances))


def _varied(sampling: Sampling, index: int) -> Sampling:
    """Of several answers the first is the likeliest one, the others are sampled."""
    if index == 0:
        return Sampling()
    return Sampling(sampling.temperature or 0.6, sampling.top_p, sampling.seed + index)
