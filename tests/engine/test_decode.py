"""The decode loop on a tiny model: greedy, sampled, healed, stopped, cancelled between steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tabwright.engine.backends import Logits
from tabwright.engine.backends.torch_model import TorchModel, TorchState
from tabwright.engine.cache import StateCache
from tabwright.engine.decode import (
    Ask,
    Delta,
    PromptTooLong,
    Sampling,
    Usage,
    choose,
    generate,
)
from tabwright.engine.vocabulary import Part, Vocabulary

CODE = "def add(a, b):\n    return a + b\n\n\nfor item in items:\n    print(item)\n"


def answers(model: TorchModel, vocabulary: Vocabulary, ask: Ask) -> tuple[list[str], list[Delta]]:
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
    """Remembers the ids of the last state it computed."""

    seen: tuple[int, ...] = ()

    def forward(self, state: TorchState, ids: Sequence[int], last: int = 1) -> Logits:
        result = super().forward(state, ids, last)
        self.seen = tuple(state.ids)
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
    three = ask(n=3, sampling=Sampling(temperature=1.0, seed=5))
    deltas = list(generate(qwen2, vocabulary, StateCache(qwen2), three, usage))
    assert usage.computed_tokens == usage.prompt_tokens
    texts = ["".join(d.text for d in deltas if d.index == n) for n in range(3)]
    assert texts[0] == answers(qwen2, vocabulary, ask())[0][0]
    assert len(set(texts)) > 1


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
