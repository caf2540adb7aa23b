"""The decode loop: prefix reuse, chunked prefill, token healing, steps with drafts, stop texts.

Plain functions over a backend, written as generators: at every `yield` the worker may cancel the
request or generation a more urgent one first.
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
from tabwright.engine.decoding.healing import Healing, remove_last_word
from tabwright.engine.decoding.sampling import Sampling
from tabwright.engine.decoding.sequence import Delta, SequenceState
from tabwright.engine.decoding.stops import StopDetector
from tabwright.engine.decoding.vocabulary import Part, Vocabulary
from tabwright.engine.speculative.draft import Drafts, DraftStatistics
from tabwright.engine.speculative.draft_sources import JACOBI_TOKENS
from tabwright.engine.speculative.ngram_table import CONTEXT_LENGTHS
from tabwright.engine.speculative.pass_times import PassTimes

PREFILL_CHUNK = 64  # tokens between two checks of the stop flag; 128 would be about 8 % faster
_TOKENIZE_CHUNK = 1024  # prompt tokens made between two checks of the stop flag
MAX_BATCH_TOKENS = 8192  # tokens of all sequences decoded in one batch, prompts included


@dataclass(frozen=True)
class GenerationRequest:
    """What to generate: a prompt in parts, and the decoding parameters.

    With `max_tokens` 0 only the prompt's state is computed. `avoid` holds rejected answers: the
    first new answer begins differently from each. `prediction` is a text that the answers will
    resemble; `lookup` also takes drafts from the prompt. Both make decoding faster and never change
    an answer. Several answers (`n`) without a prediction are decoded in one batch, without drafts.
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
class GenerationUsage:
    """What a request cost, in tokens and in milliseconds of wall time.

    The prompt's tokens are either reused from the cache or computed. Drafted tokens were proposed
    for verification; accepted ones of these were correct.
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
class _Generation:
    """What all answers to one request share."""

    backend: Backend
    vocabulary: Vocabulary
    state: Any
    request: GenerationRequest
    usage: GenerationUsage
    drafts: Drafts
    times: PassTimes


def generate(
    backend: Backend,
    vocabulary: Vocabulary,
    cache: StateCache,
    request: GenerationRequest,
    usage: GenerationUsage,
    statistics: DraftStatistics | None = None,
) -> Iterator[Delta]:
    """Yield the pieces of all answers, and empty pieces in between so that the worker can stop.

    ``statistics`` of the model's earlier answers decide how many tokens are drafted. Raises
    PromptTooLong and, for a special token that the model lacks, KeyError, before any computation.
    """
    ids = yield from _tokenize(vocabulary, request, backend.context_length)
    usage.prompt_tokens = len(ids)
    healing = Healing(vocabulary)
    if request.heal:
        ids, healing = remove_last_word(vocabulary, ids)
    if not ids:
        ids = [min(vocabulary.special_ids, default=0)]
    statistics = statistics or DraftStatistics()
    state, usage.reused_tokens, continuation = cache.reuse(ids)
    try:
        drafts = _make_drafts(vocabulary, request, ids, healing.pending, statistics)
        computed = ids[usage.reused_tokens :]
        if not request.prediction and len(computed) < len(continuation):
            # The answer to the previous keystroke is usually repeated.
            drafts.use_continuation(continuation, computed)
        draft: list[int] = []
        if request.n == 1 and not request.avoid:
            last = (len(ids) - usage.reused_tokens - 1) % PREFILL_CHUNK + 1
            draft = drafts.propose(request.max_tokens - 1, others=last)
        # Under token healing few tokens are allowed, and the best of these may be unlikely overall.
        sampled = any(request.sampling.for_answer(index).is_random for index in range(request.n))
        exact = sampled or bool(healing.pending or request.avoid)
        rows = yield from prefill(backend, state, ids, usage, draft, statistics.times, exact)
        generation = _Generation(
            backend, vocabulary, state, request, usage, drafts, statistics.times
        )
        yield from _decode_answers(generation, rows, draft, len(ids), healing.pending)
    finally:
        # Tokens after these were only drafted, or belong to an earlier one of several answers.
        confirmed = len(ids) + (usage.completion_tokens if request.n == 1 else 0)
        statistics.ngrams.learn(
            state.ids[max(0, usage.reused_tokens - CONTEXT_LENGTHS[0]) : confirmed]
        )
        cache.give_back(state)


def _tokenize(
    vocabulary: Vocabulary, request: GenerationRequest, context_length: int
) -> Generator[Delta, None, list[int]]:
    """Tokenize the prompt in steps, yielding in between; stop once it cannot fit the context.

    Raises PromptTooLong when it does not fit, and KeyError for an unknown special token.
    """
    ids: list[int] = []
    since = 0
    for step in vocabulary.encode_steps(request.parts):
        ids += step
        if len(ids) + request.max_tokens > context_length:
            raise PromptTooLong(
                Message(
                    "{0} prompt tokens or more and {1} new ones do not fit the model's context "
                    "of {2}",
                    len(ids),
                    request.max_tokens,
                    context_length,
                )
            )
        since += len(step)
        if since >= _TOKENIZE_CHUNK:
            since = 0
            yield Delta(0, "")
    return ids


def prefill(
    backend: Backend,
    state: Any,
    ids: Sequence[int],
    usage: GenerationUsage,
    draft: Sequence[int] = (),
    times: PassTimes | None = None,
    exact: bool = False,
) -> Generator[Delta, None, Logits]:
    """Compute the part of `ids` that the state lacks, in chunks; verify a draft with the last one.

    Returns logits [1 + draft, vocabulary]: after the prompt, and after each token of the draft;
    unless `exact`, those of unlikely tokens are estimates. The state must lack at least one token
    of the prompt.
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
    rows = _verify(backend, state, chunk, draft, times, exact)
    usage.prefill_ms += (time.perf_counter() - started) * 1000
    return rows


def _verify(
    backend: Backend,
    state: Any,
    ids: Sequence[int],
    draft: Sequence[int],
    times: PassTimes | None,
    exact: bool,
) -> Logits:
    """Compute ids followed by a draft in one pass, and record how long the pass took.

    Returns logits [1 + draft, vocabulary]: after the ids, and after each token of the draft.
    """
    started = time.perf_counter()
    rows = backend.forward(state, [*ids, *draft], last=len(draft) + 1, exact=exact)
    if times is not None:
        times.note(len(ids) + len(draft), time.perf_counter() - started)
    return rows


def _decode_answers(
    generation: _Generation, rows: Logits, draft: list[int], length: int, pending: bytes
) -> Iterator[Delta]:
    """Yield the pieces of all answers after a prompt of ``length`` tokens.

    ``rows`` are the logits after the prompt and after each token of the first answer's draft.
    """
    request, backend = generation.request, generation.backend
    sequences = [
        SequenceState(
            generation.vocabulary,
            index,
            request.sampling.for_answer(index),
            StopDetector(request.stops, request.suffix_stop),
            pending,
        )
        for index in range(request.n)
    ]
    if request.n > 1 and request.max_tokens and not (request.prediction or request.avoid):
        count = max(1, MAX_BATCH_TOKENS // (length + request.max_tokens))
        for at in range(0, request.n, count):
            yield from _decode_batch(generation, rows[-1], sequences[at : at + count])
        return
    for sequence in sequences:
        if sequence.index > 0:
            backend.truncate(generation.state, length)
            rows, draft = rows[:1], []
        start: list[int] = []
        if request.avoid and sequence.index == 0:
            most = request.max_tokens
            start = branch(
                backend,
                generation.vocabulary,
                generation.state,
                rows[-1],
                request.avoid,
                pending,
                most,
            )
            yield Delta(0, "")
        yield from _decode_one(generation, rows, draft, sequence, start)


def _decode_one(
    generation: _Generation,
    rows: Logits,
    draft: list[int],
    sequence: SequenceState,
    start: Sequence[int],
) -> Iterator[Delta]:
    """Yield the pieces of one answer; the state holds all of ``start`` except its last token."""
    with _count_usage(generation.usage, [sequence]):
        tokens = _speculate(generation, rows, draft, sequence, start)
        # max_tokens 0 asks for the prompt's state only.
        for token in islice(tokens, generation.request.max_tokens):
            yield sequence.take(token)
            if sequence.ended:
                break
        yield sequence.end()


def _decode_batch(
    generation: _Generation, logits: Logits, sequences: list[SequenceState]
) -> Iterator[Delta]:
    """Yield the pieces of several answers, each step of all of them computed in one pass.

    A pass reads all weights, for one answer as for several, and reading them takes most of the
    time.
    """
    with _count_usage(generation.usage, sequences):
        batch = generation.backend.fork(generation.state, len(sequences))
        rows = np.broadcast_to(logits, (len(sequences), len(logits)))
        while sequences:
            tokens: list[int] = []
            continuing: list[int] = []
            for index, (sequence, row) in enumerate(zip(sequences, rows, strict=True)):
                token = sequence.pick(row)
                yield sequence.take(token)
                if sequence.ended or sequence.tokens == generation.request.max_tokens:
                    yield sequence.end()
                else:
                    tokens.append(token)
                    continuing.append(index)
            if len(continuing) < len(sequences):
                generation.backend.keep(batch, continuing)
                sequences = [sequences[index] for index in continuing]
            if continuing:
                exact = any(sequence.wants_exact for sequence in sequences)
                rows = generation.backend.step(batch, tokens, exact)


@contextmanager
def _count_usage(usage: GenerationUsage, sequences: Sequence[SequenceState]) -> Iterator[None]:
    """Add the answers' tokens and time to the usage, also when decoding is cancelled."""
    started = time.perf_counter()
    try:
        yield
    finally:
        usage.completion_tokens += sum(sequence.tokens for sequence in sequences)
        usage.decode_ms += (time.perf_counter() - started) * 1000


def _speculate(
    generation: _Generation,
    rows: Logits,
    draft: list[int],
    sequence: SequenceState,
    start: Sequence[int],
) -> Iterator[int]:
    """Yield the tokens of one answer lazily and without end (speculative decoding).

    The first tokens are ``start`` or, if that is empty, chosen from ``rows``, logits [1 + draft,
    vocabulary]. Each pass computes the last token followed by a draft. Tokens are chosen from its
    logits as long as they equal the draft, and one more after that; so every token is chosen from
    the same logits as without drafts.
    """
    generation.drafts.begin()
    left = generation.request.max_tokens - len(start)
    for token in start:
        generation.drafts.add(token)
        yield token
    computed = not start
    while True:
        if not computed:
            draft = generation.drafts.propose(left - 1)
            exact = sequence.wants_exact
            rows = _verify(
                generation.backend, generation.state, [token], draft, generation.times, exact
            )
        computed = False
        generation.usage.drafted_tokens += len(draft)
        confirmed = len(generation.state.ids) - len(draft)
        for accepted, (row, drafted) in enumerate(zip_longest(rows, draft)):
            token = sequence.pick(row)
            if token != drafted:
                generation.backend.truncate(generation.state, confirmed + accepted)
            generation.usage.accepted_tokens += token == drafted
            generation.drafts.add(token)
            left -= 1
            yield token
            if token != drafted:
                after = rows[accepted + 1 : accepted + 1 + JACOBI_TOKENS]
                generation.drafts.rejected(after.argmax(axis=1).tolist())
                break


def _make_drafts(
    vocabulary: Vocabulary,
    request: GenerationRequest,
    ids: Sequence[int],
    pending: bytes,
    statistics: DraftStatistics,
) -> Drafts:
    """Return the source of drafts; an answer starts with the ``pending`` text of healing."""
    prediction: list[int] = []
    if request.prediction and request.max_tokens > 1:
        prediction = vocabulary.encode_text(pending.decode("utf-8", "ignore") + request.prediction)
    return Drafts(prediction, ids, request.lookup and request.max_tokens > 1, statistics)
