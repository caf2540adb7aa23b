"""The one decode loop: reuse, prefill in chunks, heal, step with drafts, stop.

Plain functions over a backend, as generators: every `yield` is a place where the worker may
cancel or let something more urgent go first.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import Any

import numpy as np

from tabwright.core.message import Message, MessageError
from tabwright.engine.backends import Backend, Logits
from tabwright.engine.decoding.branching import branch
from tabwright.engine.decoding.cache import StateCache
from tabwright.engine.decoding.healing import Healing, take_back
from tabwright.engine.decoding.sampling import Sampling
from tabwright.engine.decoding.sequence import Delta, Writing
from tabwright.engine.decoding.stops import StopText
from tabwright.engine.decoding.vocabulary import Part, Vocabulary
from tabwright.engine.speculative.draft import Drafts, Experience
from tabwright.engine.speculative.draft_sources import AFTERTHOUGHTS
from tabwright.engine.speculative.ngram_table import RUNS
from tabwright.engine.speculative.pass_times import PassTimes

PREFILL_CHUNK = 64  # tokens between two looks at the stop flag; 128 read some 8 % quicker
_SPELLED = 1024  # tokens of a prompt between two looks at the stop flag
MOST_TOGETHER = 8192  # tokens of all sequences that are written side by side, each with its prompt


@dataclass(frozen=True)
class Ask:
    """What to generate: `max_tokens` 0 only computes the prompt's state.

    `avoid` holds answers that were refused: the first new one begins otherwise than each.
    `prediction` is a text the answers will resemble and `lookup` has the prompt looked through for
    what comes again: both make answers quicker and never other than they would be. Several answers
    without a prediction are written side by side, and draw on nothing.
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


class PromptTooLong(MessageError):
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
    times: PassTimes


def generate(
    backend: Backend,
    vocabulary: Vocabulary,
    cache: StateCache,
    ask: Ask,
    usage: Usage,
    experience: Experience | None = None,
) -> Iterator[Delta]:
    """Yield the answers' pieces and, in between, empty ones as chances to stop.

    ``experience`` is what earlier answers of the model taught; it makes this one quicker.
    Raises PromptTooLong and, for a special token the model lacks, KeyError, before any work.
    """
    ids = yield from _spelled(vocabulary, ask, backend.context_length)
    usage.prompt_tokens = len(ids)
    healing = Healing(vocabulary)
    if ask.heal:
        ids, healing = take_back(vocabulary, ids)
    if not ids:
        ids = [min(vocabulary.special_ids, default=0)]
    experience = experience or Experience()
    state, usage.reused_tokens, went_on = cache.reuse(ids)
    try:
        drafts = _drafts(vocabulary, ask, ids, healing.owed, experience)
        then = ids[usage.reused_tokens :]
        if not ask.prediction and len(then) < len(went_on):
            # What was answered a key ago mostly comes again.
            drafts.foresee(went_on, then)
        draft: list[int] = []
        if ask.n == 1 and not ask.avoid:
            last = (len(ids) - usage.reused_tokens - 1) % PREFILL_CHUNK + 1
            draft = drafts.propose(ask.max_tokens - 1, beside=last)
        # Where few tokens are possible, the likeliest of these may be an unlikely one.
        drawn = any(ask.sampling.of(index).draws for index in range(ask.n))
        exact = drawn or bool(healing.owed or ask.avoid)
        rows = yield from prefill(backend, state, ids, usage, draft, experience.times, exact)
        run = _Run(backend, vocabulary, state, ask, usage, drafts, experience.times)
        yield from _answers(run, rows, draft, len(ids), healing.owed)
    finally:
        # Behind that stands what was only guessed, or written for an answer before the last.
        sure = len(ids) + (usage.completion_tokens if ask.n == 1 else 0)
        experience.successors.learn(state.ids[max(0, usage.reused_tokens - RUNS[0]) : sure])
        cache.give_back(state)


def _spelled(
    vocabulary: Vocabulary, ask: Ask, context_length: int
) -> Generator[Delta, None, list[int]]:
    """Return the prompt's tokens, yielding while there are many; reads no more than may fit.

    Raises PromptTooLong once they are too many, and KeyError.
    """
    ids: list[int] = []
    since = 0
    for step in vocabulary.encode_steps(ask.parts):
        ids += step
        if len(ids) + ask.max_tokens > context_length:
            raise PromptTooLong(
                Message(
                    "{0} prompt tokens or more and {1} new ones do not fit the model's context "
                    "of {2}",
                    len(ids),
                    ask.max_tokens,
                    context_length,
                )
            )
        since += len(step)
        if since >= _SPELLED:
            since = 0
            yield Delta(0, "")
    return ids


def prefill(
    backend: Backend,
    state: Any,
    ids: Sequence[int],
    usage: Usage,
    draft: Sequence[int] = (),
    times: PassTimes | None = None,
    exact: bool = False,
) -> Generator[Delta, None, Logits]:
    """Compute what the state lacks of `ids`, yielding between chunks, and a draft with the last.

    Returns logits [1 + draft, vocabulary]: behind the prompt, and behind each token of the draft;
    all of them `exact` or the likely ones. At least one token of the prompt must be lacking.
    """
    started = time.perf_counter()
    while True:
        at = len(state.ids)
        chunk = ids[at : at + PREFILL_CHUNK]
        usage.computed_tokens += len(chunk)
        if at + len(chunk) == len(ids):
            break
        backend.forward(state, chunk)
        yield Delta(0, "")
    rows = _checked(backend, state, chunk, draft, times, exact)
    usage.prefill_ms += (time.perf_counter() - started) * 1000
    return rows


def _checked(
    backend: Backend,
    state: Any,
    ids: Sequence[int],
    draft: Sequence[int],
    times: PassTimes | None,
    exact: bool,
) -> Logits:
    """Compute ids with a draft behind them, and learn how long that took.

    Returns logits [1 + draft, vocabulary]: behind the ids, and behind each token of the draft.
    """
    started = time.perf_counter()
    rows = backend.forward(state, [*ids, *draft], last=len(draft) + 1, exact=exact)
    if times is not None:
        times.note(len(ids) + len(draft), time.perf_counter() - started)
    return rows


def _answers(
    run: _Run, rows: Logits, draft: list[int], length: int, owed: bytes
) -> Iterator[Delta]:
    """Yield the pieces of all answers behind a prompt of ``length`` tokens.

    ``rows`` are the logits behind the prompt and behind each token of the first answer's draft.
    """
    ask, backend = run.ask, run.backend
    writings = [
        Writing(
            run.vocabulary,
            index,
            ask.sampling.of(index),
            StopText(ask.stops, ask.suffix_stop),
            owed,
        )
        for index in range(ask.n)
    ]
    if ask.n > 1 and ask.max_tokens and not (ask.prediction or ask.avoid):
        count = max(1, MOST_TOGETHER // (length + ask.max_tokens))
        for at in range(0, ask.n, count):
            yield from _side_by_side(run, rows[-1], writings[at : at + count])
        return
    for writing in writings:
        if writing.index > 0:
            backend.truncate(run.state, length)
            rows, draft = rows[:1], []
        start: list[int] = []
        if ask.avoid and writing.index == 0:
            most = ask.max_tokens
            start = branch(backend, run.vocabulary, run.state, rows[-1], ask.avoid, owed, most)
            yield Delta(0, "")
        yield from _alone(run, rows, draft, writing, start)


def _alone(
    run: _Run, rows: Logits, draft: list[int], writing: Writing, start: Sequence[int]
) -> Iterator[Delta]:
    """Yield one answer's pieces; of a given ``start`` the state holds all but the last token."""
    with _counted(run.usage, [writing]):
        tokens = _tokens(run, rows, draft, writing, start)
        # With 0 tokens only the prompt's state was wanted.
        for token in islice(tokens, run.ask.max_tokens):
            yield writing.take(token)
            if writing.ended:
                break
        yield writing.end()


def _side_by_side(run: _Run, logits: Logits, writings: list[Writing]) -> Iterator[Delta]:
    """Yield the pieces of all answers, which take each step in one pass of the model.

    A pass reads all weights whether for one answer or for several, and reading them is what takes
    the time.
    """
    with _counted(run.usage, writings):
        together = run.backend.fork(run.state, len(writings))
        rows = np.broadcast_to(logits, (len(writings), len(logits)))
        while writings:
            tokens: list[int] = []
            going: list[int] = []
            for place, (writing, row) in enumerate(zip(writings, rows, strict=True)):
                token = writing.pick(row)
                yield writing.take(token)
                if writing.ended or writing.tokens == run.ask.max_tokens:
                    yield writing.end()
                else:
                    tokens.append(token)
                    going.append(place)
            if len(going) < len(writings):
                run.backend.keep(together, going)
                writings = [writings[place] for place in going]
            if going:
                exact = any(writing.wants_exact for writing in writings)
                rows = run.backend.step(together, tokens, exact)


@contextmanager
def _counted(usage: Usage, writings: Sequence[Writing]) -> Iterator[None]:
    """Add what the answers took, those that were broken off too."""
    started = time.perf_counter()
    try:
        yield
    finally:
        usage.completion_tokens += sum(writing.tokens for writing in writings)
        usage.decode_ms += (time.perf_counter() - started) * 1000


def _tokens(
    run: _Run,
    rows: Logits,
    draft: list[int],
    writing: Writing,
    start: Sequence[int],
) -> Iterator[int]:
    """Yield an answer's tokens without end, each picked when it is asked for.

    The first are ``start``, or else picked from ``rows``, logits [1 + draft, vocabulary]. A pass
    computes the last token with a draft behind it, and yields what is picked as long as the draft
    foresaw it and once more. So every token is picked from the same logits as without drafts.
    """
    run.drafts.begin()
    left = run.ask.max_tokens - len(start)
    for token in start:
        run.drafts.add(token)
        yield token
    computed = not start
    while True:
        if not computed:
            draft = run.drafts.propose(left - 1)
            exact = writing.wants_exact
            rows = _checked(run.backend, run.state, [token], draft, run.times, exact)
        computed = False
        run.usage.drafted_tokens += len(draft)
        sure = len(run.state.ids) - len(draft)
        for accepted, (row, foreseen) in enumerate(zip_longest(rows, draft)):
            token = writing.pick(row)
            if token != foreseen:
                run.backend.truncate(run.state, sure + accepted)
            run.usage.accepted_tokens += token == foreseen
            run.drafts.add(token)
            left -= 1
            yield token
            if token != foreseen:
                behind = rows[accepted + 1 : accepted + 1 + AFTERTHOUGHTS]
                run.drafts.failed(behind.argmax(axis=1).tolist())
                break


def _drafts(
    vocabulary: Vocabulary, ask: Ask, ids: Sequence[int], owed: bytes, experience: Experience
) -> Drafts:
    """Return what guesses ahead; an answer first spells what healing ``owed``."""
    prediction: list[int] = []
    if ask.prediction and ask.max_tokens > 1:
        prediction = vocabulary.encode_text(owed.decode("utf-8", "ignore") + ask.prediction)
    return Drafts(prediction, ids, ask.lookup and ask.max_tokens > 1, experience)
