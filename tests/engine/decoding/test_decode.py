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
    Ask,
    PromptTooLong,
    Usage,
    generate,
)
from tabwright.engine.decoding.sampling import Sampling, choose
from tabwright.engine.decoding.sequence import Delta
from tabwright.engine.decoding.vocabulary import Part, Vocabulary
from tabwright.engine.speculative.draft import Experience
from tabwright.engine.speculative.draft_sources import AFTERTHOUGHTS

CODE = "def add(a, b):\n    return a + b\n\n\nfor item in items:\n    print(item)\n"


def answers(model: Backend, vocabulary: Vocabulary, ask: Ask) -> tuple[list[str], list[Delta]]:
    deltas = list(generate(model, vocabulary, StateCache(model), ask, Usage()))
    texts = ["".join(d.text for d in deltas if d.index == n) for n in range(ask.n)]
    return texts, [delta for delta in deltas if delta.finish_reason]


def ask(text: str = CODE, max_tokens: int = 12, **more: object) -> Ask:
    return Ask([Part(text)], max_tokens, **more)  # type: ignore[arg-type]


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


def test_the_same_question_twice_gets_the_same_answer_and_reuses(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    cache = StateCache(qwen2)
    results = []
    for _ in range(2):
        usage = Usage()
        deltas = list(generate(qwen2, vocabulary, cache, ask(), usage))
        results.append(("".join(delta.text for delta in deltas), usage))
    assert results[0][0] == results[1][0]
    assert results[0][1].reused_tokens == 0
    assert results[1][1].computed_tokens == 1


class Watching(TorchModel):
    """Remembers the ids of the last state it computed, and what was asked for exactly."""

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
def test_healing_gives_the_begun_word_back(
    qwen2: TorchModel, vocabulary: Vocabulary, text: str
) -> None:
    """Whatever the model prefers, what it computed spells what stood before the cursor."""
    model = Watching(qwen2.model, "cpu", "float32")
    list(generate(model, vocabulary, StateCache(model), ask(text, 6, heal=True), Usage()))
    spelled = b"".join(map(vocabulary.bytes_of, model.seen))
    assert spelled.startswith(text.encode())


def test_where_few_tokens_are_possible_their_logits_are_exact(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    """One unlikely token may be the likeliest of the few that spell again what was taken back."""
    model = Watching(qwen2.model, "cpu", "float32")
    healed = ask("def add(a, b):\n    ret", 6, heal=True)
    list(generate(model, vocabulary, StateCache(model), healed, Usage()))
    narrow = model.exact.index(False)
    assert narrow >= 1 and not any(model.exact[narrow:])
    model.exact = []
    plain = ask("def add(a, b):\n    ret", 6)
    list(generate(model, vocabulary, StateCache(model), plain, Usage()))
    assert model.exact and not any(model.exact)
    model.exact = []
    drawn = replace(plain, sampling=Sampling(temperature=0.5))
    list(generate(model, vocabulary, StateCache(model), drawn, Usage()))
    assert model.exact and all(model.exact)


def test_a_stop_text_never_shows(qwen2: TorchModel, vocabulary: Vocabulary) -> None:
    (plain,), _ = answers(qwen2, vocabulary, ask())
    stop = plain[2:4]
    (cut,), (last,) = answers(qwen2, vocabulary, ask(stops=(stop,)))
    assert cut == plain[: plain.index(stop)]
    assert (last.finish_reason, last.stop_reason) == ("stop", "text")


def test_zero_tokens_only_compute_the_prompt(qwen2: TorchModel, vocabulary: Vocabulary) -> None:
    cache, usage = StateCache(qwen2), Usage()
    deltas = [*generate(qwen2, vocabulary, cache, ask(max_tokens=0), usage)]
    assert [(d.text, d.finish_reason) for d in deltas] == [("", "length")]
    assert usage.computed_tokens == usage.prompt_tokens == cache.tokens()


def test_several_answers_share_one_prefill(qwen2: TorchModel, vocabulary: Vocabulary) -> None:
    usage = Usage()
    three = ask(n=3)
    deltas = list(generate(qwen2, vocabulary, StateCache(qwen2), three, usage))
    assert usage.computed_tokens == usage.prompt_tokens
    texts = ["".join(d.text for d in deltas if d.index == n) for n in range(3)]
    assert texts[0] == answers(qwen2, vocabulary, ask())[0][0]
    assert len(set(texts)) > 1


@pytest.mark.parametrize("together", [1, 150, 8192])
def test_those_written_at_once_stay_within_a_bound(
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
    monkeypatch.setattr("tabwright.engine.decoding.decode.MOST_TOGETHER", together)
    assert answers(ascii_model, vocabulary, asked)[0] == expected
    assert forked == {1: [1, 1, 1, 1], 150: [2, 2], 8192: [4]}[together]


@pytest.mark.parametrize("more", [{}, {"stops": ("\n",)}, {"text": CODE + "prin", "heal": True}])
def test_answers_written_side_by_side_are_those_written_alone(
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


def test_answers_side_by_side_are_drawn_alike_on_any_backend(
    model: Backend, vocabulary: Vocabulary
) -> None:
    together, _ = answers(model, vocabulary, ask(n=4, sampling=Sampling(0.9, seed=5)))
    alone = [
        answers(model, vocabulary, ask(sampling=Sampling(0.9, seed=seed)))[0][0]
        for seed in range(5, 9)
    ]
    assert together == alone


def test_giving_up_between_steps_keeps_what_was_computed(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    cache = StateCache(qwen2)
    steps = generate(qwen2, vocabulary, cache, ask("x = 1\n" * 100), Usage())
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert cache.tokens() > 0


def test_too_long_a_prompt_is_refused_before_any_work(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    usage = Usage()
    with pytest.raises(PromptTooLong, match="do not fit"):
        list(generate(qwen2, vocabulary, StateCache(qwen2), ask("x " * 9000), usage))
    assert usage.computed_tokens == 0


def test_an_empty_prompt_is_answered(qwen2: TorchModel, vocabulary: Vocabulary) -> None:
    _, (last,) = answers(qwen2, vocabulary, ask(""))
    assert last.finish_reason


def test_choosing() -> None:
    logits = np.array([0.0, 5.0, 4.9, -9.0], dtype=np.float32)
    random = np.random.default_rng(0)
    assert choose(logits, Sampling(), random) == 1
    drawn = {choose(logits, Sampling(temperature=1.0), random) for _ in range(200)}
    assert drawn == {1, 2}
    lone = np.array([-np.inf, 1.0, -np.inf], dtype=np.float32)
    assert choose(lone, Sampling(temperature=1.0), random) == 1


class Ascii(TorchModel):
    """Writes ASCII alone, so that its answers can be predicted as text; counts its passes."""

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
    "healed with a long word owed": {"text": CODE + "print_item", "heal": True},
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
    usage = Usage()
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
def test_the_answer_of_a_key_ago_is_foreseen(
    ascii_model: Ascii, vocabulary: Vocabulary, heal: bool
) -> None:
    """What was answered, typed on character by character: the same answers in fewer passes."""
    cache = StateCache(ascii_model)
    start = CODE + "prin" * heal
    (answer,), _ = answers(ascii_model, vocabulary, ask(start, 24, heal=heal))
    list(generate(ascii_model, vocabulary, cache, ask(start, 24, heal=heal), Usage()))
    for typed in range(1, 12):
        asked = ask(start + answer[:typed], 24, heal=heal)
        ascii_model.passes = 0
        (expected,), _ = answers(ascii_model, vocabulary, asked)
        alone, ascii_model.passes = ascii_model.passes, 0
        usage = Usage()
        deltas = list(generate(ascii_model, vocabulary, cache, asked, usage))
        assert "".join(delta.text for delta in deltas) == expected
        if heal:
            assert usage.accepted_tokens > 8
            assert ascii_model.passes < alone / 2


def test_an_answer_of_any_architecture_is_drafted_alike(
    model: Backend, vocabulary: Vocabulary
) -> None:
    plain = answers(model, vocabulary, ask(max_tokens=24))
    for prediction in (plain[0][0], plain[0][0][9:], CODE):
        drafted = ask(max_tokens=24, prediction=prediction, lookup=True)
        assert answers(model, vocabulary, drafted) == plain


class Scripted(TorchModel):
    """Says the tokens of a script behind so many of a prompt, whatever it reads."""

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
    """The prompt shows, time and again, tokens that the model writes and then the end."""
    end = vocabulary.special["<|endoftext|>"]

    script = [*vocabulary.encode_text("def total(values):\n    return sum(values)\n"), end]
    parts = [*[Part(CODE[:9]), Part("def total(values):\n    return sum(values)\n")]]
    parts = [*parts, Part("<|endoftext|>", special=True), Part("x")]
    prompt = len(vocabulary.encode(parts))
    scripted = Scripted(qwen2.model, "cpu", "float32")
    scripted.script, scripted.prompt = script, prompt
    usage = Usage()
    asked = Ask(parts, 100, lookup=True)
    deltas = list(generate(scripted, vocabulary, StateCache(scripted), asked, usage))
    assert "".join(delta.text for delta in deltas) == "def total(values):\n    return sum(values)\n"
    assert (deltas[-1].finish_reason, deltas[-1].stop_reason) == ("stop", "eos")
    assert usage.accepted_tokens > len(script) // 2


def test_what_the_model_said_behind_a_wrong_guess_is_guessed_next(
    qwen2: TorchModel, vocabulary: Vocabulary
) -> None:
    text = "def total(values):\n    return sum(values)\n"
    asked = ask(prediction="Q" * 40, max_tokens=12)
    scripted = Scripted(qwen2.model, "cpu", "float32")
    scripted.script = vocabulary.encode_text(text)
    scripted.prompt = len(vocabulary.encode(asked.parts))
    usage = Usage()
    deltas = list(generate(scripted, vocabulary, StateCache(scripted), asked, usage))
    assert text.startswith("".join(delta.text for delta in deltas))
    assert usage.accepted_tokens >= AFTERTHOUGHTS - 1


def test_a_right_prediction_saves_passes(ascii_model: Ascii, vocabulary: Vocabulary) -> None:
    (text,), _ = answers(ascii_model, vocabulary, ask(max_tokens=64))
    found = {}
    for prediction in ("", text):
        ascii_model.passes, usage = 0, Usage()
        asked = ask(max_tokens=64, prediction=prediction)
        list(generate(ascii_model, vocabulary, StateCache(ascii_model), asked, usage))
        found[prediction] = (ascii_model.passes, usage)
    plain, drafted = found[""], found[text]
    assert plain[0] == 64
    assert (plain[1].drafted_tokens, plain[1].accepted_tokens) == (0, 0)
    assert drafted[0] == 64 - drafted[1].accepted_tokens < 32
    assert drafted[1].completion_tokens == plain[1].completion_tokens == 64
    assert 0 < drafted[1].accepted_tokens <= drafted[1].drafted_tokens


def test_what_was_only_guessed_teaches_nothing(ascii_model: Ascii, vocabulary: Vocabulary) -> None:
    (text,), _ = answers(ascii_model, vocabulary, ask(max_tokens=32))
    stop = text[12:15]
    wrong = "ZQ" * 20
    experience = Experience()
    for _ in range(3):  # the third guess is as long as it gets
        asked = ask(max_tokens=64, stops=(stop,), prediction=text[: text.index(stop) + 3] + wrong)
        cache = StateCache(ascii_model)
        list(generate(ascii_model, vocabulary, cache, asked, Usage(), experience))
    guessed, said = (vocabulary.encode_text(one) for one in (wrong, text[: text.index(stop)]))
    assert experience.successors.after(said[:3]) is not None
    assert experience.successors.after(guessed[:3]) is None


def test_later_answers_share_the_prefill_and_draw_on_the_first(
    ascii_model: Ascii, vocabulary: Vocabulary
) -> None:
    usages = []
    for lookup in (False, True):
        usages.append(Usage())
        asked = ask(max_tokens=40, n=4, sampling=Sampling(0.001), prediction="\0", lookup=lookup)
        list(generate(ascii_model, vocabulary, StateCache(ascii_model), asked, usages[-1]))
    assert all(usage.computed_tokens == usage.prompt_tokens for usage in usages)
    assert usages[1].accepted_tokens > usages[0].accepted_tokens == 0


def test_giving_up_between_answers_and_within_a_draft(
    ascii_model: Ascii, vocabulary: Vocabulary
) -> None:
    """Whatever the step, the state that is kept is one that can go on."""
    plain = answers(ascii_model, vocabulary, ask(max_tokens=20))
    cache = StateCache(ascii_model)
    for steps in range(1, 50, 4):
        asked = ask(max_tokens=20, n=3, prediction=plain[0][0], lookup=True)
        running = generate(ascii_model, vocabulary, cache, asked, Usage())
        list(islice(running, steps))
        running.close()  # type: ignore[attr-defined]
        usage = Usage()
        deltas = list(generate(ascii_model, vocabulary, cache, ask(max_tokens=20), usage))
        assert "".join(delta.text for delta in deltas) == plain[0][0]
        assert usage.computed_tokens == 1
