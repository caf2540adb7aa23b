"""The one decode loop: reuse, prefill in chunks, heal, step with drafts, stop.

Plain functions over a backend, as generators: every `yield` is a place where the worker may
cancel or let something more urgent go first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import Any

import numpy as np

from tabwright.engine.backends import Backend, Logits
from tabwright.engine.branching import branch
from tabwright.engine.cache import StateCache
from tabwright.engine.draft import Drafts
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
    `prediction` is a text the answers will resemble and `lookup` lets them draw on the prompt too:
    both make them quicker and never other than they would be.
    """

    parts: Sequence[Part]
    max_tokens: int
    n: int = 1
    stops: tuple[str, ...] = ()
    suffix_stop: str = ""
    heal: bool = False
    sampling: Sampling = field(default_factory=Sampling)
    avoid: tuple[str, ...] = ()
    prediction: str = ""
    lookup: bool = False


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

    Of the prompt's tokens, those reused and those computed; beside them the answer's own, and the
    tokens guessed ahead and those of them that were right.
    """

    prompt_tokens: int = 0
    reused_tokens: int = 0
    computed_tokens: int = 0
    completion_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0


class PromptTooLong(ValueError):
    """The prompt and the answer do not fit the model's context."""


@dataclass(frozen=True)
class _Run:
    """What the answers to one request share."""

    backend: Backend
    vocabulary: Vocabulary
    state: Any
    ask: Ask
    usage: Usage
    drafts: Drafts


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
        drafts = _drafts(vocabulary, ask, ids, healing.owed)
        run = _Run(backend, vocabulary, state, ask, usage, drafts)
        for index in range(ask.n):
            backend.truncate(state, len(ids))
            start: list[int] = []
            if ask.avoid and index == 0:
                most = ask.max_tokens
                start = branch(backend, vocabulary, state, logits, ask.avoid, healing.owed, most)
                yield Delta(index, "")
            yield from _answer(run, index, logits, healing.owed, start)
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
    run: _Run, index: int, logits: Logits, owed: bytes, start: Sequence[int]
) -> Iterator[Delta]:
    """Yield one answer's pieces; of a given ``start`` the state holds all but the last token."""
    started = time.perf_counter()
    ask = run.ask
    sampling = ask.sampling if ask.n == 1 else _varied(ask.sampling, index)
    random = np.random.default_rng(sampling.seed)
    healing = Healing(run.vocabulary, owed)
    text = StopText(ask.stops, ask.suffix_stop)
    tokens = _tokens(
        run, logits, lambda row: choose(healing.restrict(row), sampling, random), start
    )
    for token in islice(tokens, ask.max_tokens):  # with 0 only the prompt's state was wanted
        data = run.vocabulary.bytes_of(token)
        if not data:  # special, or no token at all: the model is done
            text.reason = "eos"
            break
        run.usage.completion_tokens += 1
        yield Delta(index, text.feed(healing.pay(data)))
        if text.reason:
            break
    stopped_by = text.reason
    rest = "" if stopped_by in ("text", "suffix") else text.feed(b"", final=True)
    run.usage.decode_ms += (time.perf_counter() - started) * 1000
    reason = stopped_by or text.reason or "length"
    yield Delta(index, rest, "length" if reason == "length" else "stop", reason)


def _tokens(
    run: _Run, logits: Logits, pick: Callable[[Logits], int], start: Sequence[int]
) -> Iterator[int]:
    """Yield an answer's tokens without end, each picked when it is asked for.

    The first are ``start``, or else one is picked from ``logits`` [vocabulary]. Every pass computes
    the last token with a draft behind it, and yields what is picked as long as the draft foresaw it
    and once more. So every token is picked from the same logits as without drafts.
    """
    run.drafts.begin()
    first = list(start) or [pick(logits)]
    for token in first:
        run.drafts.add(token)
        yield token
    left = run.ask.max_tokens - len(first)
    while True:
        draft = run.drafts.propose(left - 1)
        rows = run.backend.forward(run.state, [token, *draft], last=len(draft) + 1)
        run.usage.drafted_tokens += len(draft)
        sure = len(run.state.ids) - len(draft)
        for accepted, (row, foreseen) in enumerate(zip_longest(rows, draft)):
            token = pick(row)
            if token != foreseen:
                run.backend.truncate(run.state, sure + accepted)
                run.drafts.judge(len(draft), accepted)
            run.usage.accepted_tokens += token == foreseen
            run.drafts.add(token)
            left -= 1
            yield token
            if token != foreseen:
                break


def _drafts(vocabulary: Vocabulary, ask: Ask, ids: Sequence[int], owed: bytes) -> Drafts:
    """Return what guesses ahead; an answer first spells what healing ``owed``."""
    prediction: list[int] = []
    if ask.prediction and ask.max_tokens > 1:
        prediction = vocabulary.encode_text(owed.decode("utf-8", "ignore") + ask.prediction)
    return Drafts(prediction, ids if ask.lookup and ask.max_tokens > 1 else None)


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
