"""The decode loop on a tiny model: greedy, sampled, healed, stopped, cancelled between steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest

from tabwright.engine.backends import Backend, Logits
from tabwright.engine.backends.torch.model import TorchModel, TorchSequences, TorchState
from tabwright.engine.decoding.cache import StateCache
from tabwright.engine.decoding.decode import (
    GenerationRequest,
    GenerationUsage,
    PromptTooLong,
    generate,
)
from tabwright.engine.decoding.sampling import Sampling, choose
from tabwright.engine.decoding.sequence import Delta
from tabwright.engine.decoding.vocabulary import Part, Vocabulary
from tabwright.engine.speculative.draft import DraftStatistics
from tabwright.engine.speculative.draft_sources import JACOBI_TOKENS

CODE = "def add(a, b):\n    return a + b\n\n\nfor item in items:\n    print(item)\n"


def answers(
    model: Backend, vocabulary: Vocabulary, ask: GenerationRequest
) -> tuple[list[str], list[Delta]]:
    deltas = list(generate(model, vocabulary, StateCache(model), ask, GenerationUsage()))
    texts = ["".join(d.text for d in deltas if d.index == n) for n in range(ask.n)]
    return texts, [delta for delta in deltas if delta.finish_reason]


def ask(text: str = CODE, max_tokens: int = 12, **more: object) -> GenerationRequest:
    return GenerationRequest([Part(text)], max_tokens, **more)  # type: ignore[arg-type]


def test_greedy_equals_a_plain_loop(qwen2: TorchModel, vocabulary: Vocabulary) -> None:
    (text,), (last,) = answers(qwen2, vocabulary, ask())
    ids = vocabulary.encode_text(CODE)
    state = qwen2.new_state()
    logits = qwen2.forward(state, ids)[-1]
    data = b""
    for _ in range(12):
        token = int(logits.argmax())
        piece = vocabulary.bytes_of(token)
        if not piece:
            break
        data += piece
        logits = qwen2.forward(state, [token])[-1]
    assert text == data.decode("utf-8", "replace")
    assert last.finish_reason in ("stop", "length")


def test_the_same_request_twice_gives_the_same_answer_and_reuses_the_state(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    cache = StateCache(qwen2)
    results = []
    for _ in range(2):
        usage = GenerationUsage()
        deltas = list(generate(qwen2, vocabulary, cache, ask(), usage))
        results.append(("".join(delta.text for delta in deltas), usage))
    assert results[0][0] == results[1][0]
    assert results[0][1].reused_tokens == 0
    assert results[1][1].computed_tokens == 1


class Watching(TorchModel):
    """A model that records the ids of its last state and the exact flag of each pass."""

    seen: tuple[int, ...] = ()
    exact: list[bool]

    def forward(
        self, state: TorchState, ids: Sequence[int], last: int = 1, exact: bool = False
    ) -> Logits:
        result = super().forward(state, ids, last, exact)
        self.seen = tuple(state.ids)
        self.exact = [*getattr(self, "exact", []), exact]
        return result


@pytest.mark.parametrize("text", ["def add(a, b):\n    ret", "for item in ite", "x = it", "x = "])
def test_healing_generates_the_removed_word_again(
    qwen2: TorchModel, vocabulary: Vocabulary, text: str
) -> None:
    """The computed tokens always contain the text before the cursor."""
    model = Watching(qwen2.model, "cpu", "float32")
    list(generate(model, vocabulary, StateCache(model), ask(text, 6, heal=True), GenerationUsage()))
    spelled = b"".join(map(vocabulary.bytes_of, model.seen))
    assert spelled.startswith(text.encode())


def test_logits_are_exact_under_healing_and_sampling(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    """An unlikely token may be the best of the few that match the removed word."""
    model = Watching(qwen2.model, "cpu", "float32")
    healed = ask("def add(a, b):\n    ret", 6, heal=True)
    list(generate(model, vocabulary, StateCache(model), healed, GenerationUsage()))
    narrow = model.exact.index(False)
    assert narrow >= 1 and not any(model.exact[narrow:])
    model.exact = []
    plain = ask("def add(a, b):\n    ret", 6)
    list(generate(model, vocabulary, StateCache(model), plain, GenerationUsage()))
    assert model.exact and not any(model.exact)
    model.exact = []
    drawn = replace(plain, sampling=Sampling(temperature=0.5))
    list(generate(model, vocabulary, StateCache(model), drawn, GenerationUsage()))
    assert model.exact and all(model.exact)


def test_a_stop_text_never_shows(qwen2: TorchModel, vocabulary: Vocabulary) -> None:
    (plain,), _ = answers(qwen2, vocabulary, ask())
    stop = plain[2:4]
    (cut,), (last,) = answers(qwen2, vocabulary, ask(stops=(stop,)))
    assert cut == plain[: plain.index(stop)]
    assert (last.finish_reason, last.stop_reason) == ("stop", "text")


def test_zero_tokens_only_compute_the_prompt(qwen2: TorchModel, vocabulary: Vocabulary) -> None:
    cache, usage = StateCache(qwen2), GenerationUsage()
    deltas = [*generate(qwen2, vocabulary, cache, ask(max_tokens=0), usage)]
    assert [(d.text, d.finish_reason) for d in deltas] == [("", "length")]
    assert usage.computed_tokens == usage.prompt_tokens == cache.tokens()


def test_several_answers_share_one_prefill(qwen2: TorchModel, vocabulary: Vocabulary) -> None:
    usage = GenerationUsage()
    three = ask(n=3)
    deltas = list(generate(qwen2, vocabulary, StateCache(qwen2), three, usage))
    assert usage.computed_tokens == usage.prompt_tokens
    texts = ["".join(d.text for d in deltas if d.index == n) for n in range(3)]
    assert texts[0] == answers(qwen2, vocabulary, ask())[0][0]
    assert len(set(texts)) > 1


@pytest.mark.parametrize("together", [1, 150, 8192])
def test_a_batch_stays_within_its_token_limit(
    ascii_model: Ascii,
    vocabulary: Vocabulary,
    monkeypatch: pytest.MonkeyPatch,
    together: int,
) -> None:
    asked = ask(n=4, max_tokens=20, sampling=Sampling(temperature=0.9, seed=11))
    expected = answers(ascii_model, vocabulary, asked)[0]
    forked: list[int] = []
    fork = ascii_model.fork

    def counted(state: TorchState, count: int) -> TorchSequences:
        forked.append(count)
        return fork(state, count)

    monkeypatch.setattr(ascii_model, "fork", counted)
    monkeypatch.setattr("tabwright.engine.decoding.decode.MAX_BATCH_TOKENS", together)
    assert answers(ascii_model, vocabulary, asked)[0] == expected
    assert forked == {1: [1, 1, 1, 1], 150: [2, 2], 8192: [4]}[together]


@pytest.mark.parametrize("more", [{}, {"stops": ("\n",)}, {"text": CODE + "prin", "heal": True}])
def test_a_batch_gives_the_same_answers_as_single_requests(
    ascii_model: Ascii, vocabulary: Vocabulary, more: dict[str, Any]
) -> None:
    fields: dict[str, Any] = {"max_tokens": 40, **more}
    together = ask(n=5, sampling=Sampling(temperature=0.9, seed=11), **fields)
    found, ends = answers(ascii_model, vocabulary, together)
    passes, ascii_model.passes = ascii_model.passes, 0
    alone = [
        answers(ascii_model, vocabulary, ask(sampling=Sampling(0.9, seed=seed), **fields))
        for seed in range(11, 16)
    ]
    assert found == [texts[0] for texts, _ in alone]
    assert {end.index: end.stop_reason for end in ends} == {
        index: last.stop_reason for index, (_, (last,)) in enumerate(alone)
    }
    assert passes < ascii_model.passes / 2


def test_batch_sampling_is_the_same_on_every_backend(
    model: Backend, vocabulary: Vocabulary
) -> None:
    together, _ = answers(model, vocabulary, ask(n=4, sampling=Sampling(0.9, seed=5)))
    alone = [
        answers(model, vocabulary, ask(sampling=Sampling(0.9, seed=seed)))[0][0]
        for seed in range(5, 9)
    ]
    assert together == alone


def test_cancelling_between_steps_keeps_what_was_computed(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    cache = StateCache(qwen2)
    steps = generate(qwen2, vocabulary, cache, ask("x = 1\n" * 100), GenerationUsage())
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert cache.tokens() > 0


def test_too_long_a_prompt_is_refused_before_any_work(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    usage = GenerationUsage()
    with pytest.raises(PromptTooLong, match="do not fit"):
        list(generate(qwen2, vocabulary, StateCache(qwen2), ask("x " * 9000), usage))
    assert usage.computed_tokens == 0


def test_an_empty_prompt_is_answered(qwen2: TorchModel, vocabulary: Vocabulary) -> None:
    _, (last,) = answers(qwen2, vocabulary, ask(""))
    assert last.finish_reason


def test_choose() -> None:
    logits = np.array([0.0, 5.0, 4.9, -9.0], dtype=np.float32)
    random = np.random.default_rng(0)
    assert choose(logits, Sampling(), random) == 1
    drawn = {choose(logits, Sampling(temperature=1.0), random) for _ in range(200)}
    assert drawn == {1, 2}
    lone = np.array([-np.inf, 1.0, -np.inf], dtype=np.float32)
    assert choose(lone, Sampling(temperature=1.0), random) == 1


class Ascii(TorchModel):
    """A model that generates only ASCII, so that answers can be predictions; counts passes."""

    passes = 0
    others: list[int]

    def forward(
        self, state: TorchState, ids: Sequence[int], last: int = 1, exact: bool = False
    ) -> Logits:
        self.passes += 1
        logits = super().forward(state, ids, last, exact)
        logits[:, self.others] = -np.inf
        return logits

    def step(self, sequences: TorchSequences, ids: Sequence[int], exact: bool = False) -> Logits:
        self.passes += 1
        logits = super().step(sequences, ids, exact)
        logits[:, self.others] = -np.inf
        return logits


@pytest.fixture
def ascii_model(qwen2: TorchModel, vocabulary: Vocabulary) -> Ascii:
    made = Ascii(qwen2.model, "cpu", "float32")
    known = range(qwen2.model.config.vocab_size)
    made.others = [n for n in known if not (data := vocabulary.bytes_of(n)) or not data.isascii()]
    return made


PREDICTIONS: dict[str, Callable[[str], str]] = {
    "the answer itself": lambda answer: answer,
    "its second half": lambda answer: answer[len(answer) // 2 :],
    "with a hole": lambda answer: answer[:20] + answer[30:],
    "with something else in it": lambda answer: answer[:20] + CODE + answer[20:],
    "one letter in five changed": lambda answer: "".join(
        "_" if at % 5 == 4 else letter for at, letter in enumerate(answer)
    ),
    "the prompt": lambda answer: CODE,
    "something special": lambda answer: "<|fim_middle|>" + answer,
    "not text": lambda answer: "\ud800\x00é" + answer,
}
ASKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "healed": {"text": CODE + "prin", "heal": True},
    "healed with a long word pending": {"text": CODE + "print_item", "heal": True},
    "sampled": {"sampling": Sampling(temperature=1.0, seed=3)},
    "several": {"n": 3, "sampling": Sampling(temperature=0.8, seed=7)},
    "one token": {"max_tokens": 1},
    "two tokens": {"max_tokens": 2},
    "no tokens": {"max_tokens": 0},
}


@pytest.mark.parametrize("kind", ASKS)
def test_drafts_change_no_answer(ascii_model: Ascii, vocabulary: Vocabulary, kind: str) -> None:
    fields = {"max_tokens": 32, **ASKS[kind]}
    plain = answers(ascii_model, vocabulary, ask(**fields))
    for predicted in PREDICTIONS.values():
        drafted = ask(**fields, prediction=predicted(plain[0][-1]), lookup=True)
        assert answers(ascii_model, vocabulary, drafted) == plain
    assert answers(ascii_model, vocabulary, ask(**fields, lookup=True)) == plain


def test_drafts_change_nothing_where_the_answer_stops(
    ascii_model: Ascii, vocabulary: Vocabulary
) -> None:
    (text,), _ = answers(ascii_model, vocabulary, ask(max_tokens=32))
    for at in range(1, len(text) // 2, 7):
        for ending in ({"stops": (text[at : at + 3],)}, {"suffix_stop": text[at : at + 40]}):
            plain = answers(ascii_model, vocabulary, ask(max_tokens=32, **ending))
            assert len(plain[0][0]) < len(text)
            drafted = ask(max_tokens=32, **ending, prediction=text)
            assert answers(ascii_model, vocabulary, drafted) == plain


def test_drafts_stay_within_the_context(ascii_model: Ascii, vocabulary: Vocabulary) -> None:
    text = "x = 1\n" * 30
    room = ascii_model.context_length - len(vocabulary.encode_text(text))
    plain = answers(ascii_model, vocabulary, ask(text, room))
    usage = GenerationUsage()
    drafted = ask(text, room, prediction=plain[0][0])
    deltas = list(generate(ascii_model, vocabulary, StateCache(ascii_model), drafted, usage))
    assert "".join(delta.text for delta in deltas) == plain[0][0]
    assert usage.prompt_tokens + usage.completion_tokens == ascii_model.context_length


@pytest.mark.parametrize("heal", [False, True])
def test_drafts_follow_a_start_that_avoids_other_answers(
    ascii_model: Ascii, vocabulary: Vocabulary, heal: bool
) -> None:
    fields: dict[str, Any] = {"text": CODE + "prin" * heal, "heal": heal, "max_tokens": 24}
    (first,), _ = answers(ascii_model, vocabulary, ask(**fields))
    fields["avoid"] = (first,)
    plain = answers(ascii_model, vocabulary, ask(**fields))
    assert plain[0] != [first]
    for predicted in (first, *plain[0]):
        drafted = ask(**fields, prediction=predicted, lookup=True)
        assert answers(ascii_model, vocabulary, drafted) == plain


@pytest.mark.parametrize("heal", [False, True])
def test_the_answer_to_the_previous_keystroke_is_the_draft(
    ascii_model: Ascii, vocabulary: Vocabulary, heal: bool
) -> None:
    """The answer is typed character by character: the same answers in fewer passes."""
    cache = StateCache(ascii_model)
    start = CODE + "prin" * heal
    (answer,), _ = answers(ascii_model, vocabulary, ask(start, 24, heal=heal))
    list(generate(ascii_model, vocabulary, cache, ask(start, 24, heal=heal), GenerationUsage()))
    for typed in range(1, 12):
        asked = ask(start + answer[:typed], 24, heal=heal)
        ascii_model.passes = 0
        (expected,), _ = answers(ascii_model, vocabulary, asked)
        alone, ascii_model.passes = ascii_model.passes, 0
        usage = GenerationUsage()
        deltas = list(generate(ascii_model, vocabulary, cache, asked, usage))
        assert "".join(delta.text for delta in deltas) == expected
        if heal:
            assert usage.accepted_tokens > 8
            assert ascii_model.passes < alone / 2


def test_drafts_work_with_every_architecture(model: Backend, vocabulary: Vocabulary) -> None:
    plain = answers(model, vocabulary, ask(max_tokens=24))
    for prediction in (plain[0][0], plain[0][0][9:], CODE):
        drafted = ask(max_tokens=24, prediction=prediction, lookup=True)
        assert answers(model, vocabulary, drafted) == plain


class Scripted(TorchModel):
    """A model that generates a given script after a prompt of a given length."""

    script: list[int]
    prompt: int

    def forward(
        self, state: TorchState, ids: Sequence[int], last: int = 1, exact: bool = False
    ) -> Logits:
        logits = super().forward(state, ids, last, exact)
        held = len(state.ids) - last
        for row, length in enumerate(range(held + 1, held + last + 1)):
            place = min(max(length - self.prompt, 0), len(self.script) - 1)
            logits[row, self.script[place]] = 1000
        return logits


def test_an_end_token_within_a_draft_ends_the_answer(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    """The prompt repeats the tokens that the model generates, followed by the end token."""
    end = vocabulary.special["<|endoftext|>"]

    script = [*vocabulary.encode_text("def total(values):\n    return sum(values)\n"), end]
    parts = [*[Part(CODE[:9]), Part("def total(values):\n    return sum(values)\n")]]
    parts = [*parts, Part("<|endoftext|>", special=True), Part("x")]
    prompt = len(vocabulary.encode(parts))
    scripted = Scripted(qwen2.model, "cpu", "float32")
    scripted.script, scripted.prompt = script, prompt
    usage = GenerationUsage()
    asked = GenerationRequest(parts, 100, lookup=True)
    deltas = list(generate(scripted, vocabulary, StateCache(scripted), asked, usage))
    assert "".join(delta.text for delta in deltas) == "def total(values):\n    return sum(values)\n"
    assert (deltas[-1].finish_reason, deltas[-1].stop_reason) == ("stop", "eos")
    assert usage.accepted_tokens > len(script) // 2


def test_the_models_choices_after_a_wrong_token_are_the_next_draft(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    text = "def total(values):\n    return sum(values)\n"
    asked = ask(prediction="Q" * 40, max_tokens=12)
    scripted = Scripted(qwen2.model, "cpu", "float32")
    scripted.script = vocabulary.encode_text(text)
    scripted.prompt = len(vocabulary.encode(asked.parts))
    usage = GenerationUsage()
    deltas = list(generate(scripted, vocabulary, StateCache(scripted), asked, usage))
    assert text.startswith("".join(delta.text for delta in deltas))
    assert usage.accepted_tokens >= JACOBI_TOKENS - 1


def test_a_right_prediction_saves_passes(ascii_model: Ascii, vocabulary: Vocabulary) -> None:
    (text,), _ = answers(ascii_model, vocabulary, ask(max_tokens=64))
    found = {}
    for prediction in ("", text):
        ascii_model.passes, usage = 0, GenerationUsage()
        asked = ask(max_tokens=64, prediction=prediction)
        list(generate(ascii_model, vocabulary, StateCache(ascii_model), asked, usage))
        found[prediction] = (ascii_model.passes, usage)
    plain, drafted = found[""], found[text]
    assert plain[0] == 64
    assert (plain[1].drafted_tokens, plain[1].accepted_tokens) == (0, 0)
    assert drafted[0] == 64 - drafted[1].accepted_tokens < 32
    assert drafted[1].completion_tokens == plain[1].completion_tokens == 64
    assert 0 < drafted[1].accepted_tokens <= drafted[1].drafted_tokens


def test_rejected_drafts_are_not_learned(ascii_model: Ascii, vocabulary: Vocabulary) -> None:
    (text,), _ = answers(ascii_model, vocabulary, ask(max_tokens=32))
    stop = text[12:15]
    wrong = "ZQ" * 20
    statistics = DraftStatistics()
    for _ in range(3):  # the third guess is as long as it gets
        asked = ask(max_tokens=64, stops=(stop,), prediction=text[: text.index(stop) + 3] + wrong)
        cache = StateCache(ascii_model)
        list(generate(ascii_model, vocabulary, cache, asked, GenerationUsage(), statistics))
    guessed, said = (vocabulary.encode_text(one) for one in (wrong, text[: text.index(stop)]))
    assert statistics.ngrams.next_token(said[:3]) is not None
    assert statistics.ngrams.next_token(guessed[:3]) is None


def test_later_answers_share_the_prefill_and_use_the_first_as_draft(
    ascii_model: Ascii, vocabulary: Vocabulary
) -> None:
    usages = []
    for lookup in (False, True):
        usages.append(GenerationUsage())
        asked = ask(max_tokens=40, n=4, sampling=Sampling(0.001), prediction="\0", lookup=lookup)
        list(generate(ascii_model, vocabulary, StateCache(ascii_model), asked, usages[-1]))
    assert all(usage.computed_tokens == usage.prompt_tokens for usage in usages)
    assert usages[1].accepted_tokens > usages[0].accepted_tokens == 0


def test_cancelling_between_answers_and_within_a_draft(
    ascii_model: Ascii, vocabulary: Vocabulary
) -> None:
    """The cached state can be continued after every step."""
    plain = answers(ascii_model, vocabulary, ask(max_tokens=20))
    cache = StateCache(ascii_model)
    for steps in range(1, 50, 4):
        asked = ask(max_tokens=20, n=3, prediction=plain[0][0], lookup=True)
        running = generate(ascii_model, vocabulary, cache, asked, GenerationUsage())
        list(islice(running, steps))
        running.close()  # type: ignore[attr-defined]
        usage = GenerationUsage()
        deltas = list(generate(ascii_model, vocabulary, cache, ask(max_tokens=20), usage))
        assert "".join(delta.text for delta in deltas) == plain[0][0]
        assert usage.computed_tokens == 1
