"""Answers that differ from rejected ones, on a tiny model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tabwright.engine.backends import Logits
from tabwright.engine.backends.torch.model import TorchModel, TorchState
from tabwright.engine.decoding.cache import StateCache
from tabwright.engine.decoding.decode import GenerationRequest, GenerationUsage, generate
from tabwright.engine.decoding.vocabulary import Part, Vocabulary

CODE = "def add(a, b):\n    return a + b\n\n\nfor item in items:\n    print(item)\n"


class Ascii(TorchModel):
    """A model that generates only ASCII; other bytes of a random model are no valid text."""

    def forward(
        self, state: TorchState, ids: Sequence[int], last: int = 1, exact: bool = False
    ) -> Logits:
        logits = super().forward(state, ids, last, exact)
        logits[:, self.others] = -np.inf
        return logits

    others: list[int]


@pytest.fixture
def model(qwen2: TorchModel, vocabulary: Vocabulary) -> TorchModel:
    made = Ascii(qwen2.model, "cpu", "float32")
    known = range(qwen2.model.config.vocab_size)
    made.others = [n for n in known if not (data := vocabulary.bytes_of(n)) or not data.isascii()]
    return made


def answer(
    model: TorchModel, vocabulary: Vocabulary, avoid: tuple[str, ...], text: str = CODE
) -> tuple[str, GenerationUsage]:
    usage = GenerationUsage()
    asked = GenerationRequest([Part(text)], 8, avoid=avoid, heal=text != CODE)
    deltas = generate(model, vocabulary, StateCache(model), asked, usage)
    return "".join(delta.text for delta in deltas), usage


@pytest.mark.parametrize("text", [CODE, CODE + "prin"])
def test_each_answer_differs_from_the_rejected_ones(
    model: TorchModel, vocabulary: Vocabulary, text: str
) -> None:
    seen: list[str] = []
    for _ in range(4):
        found, _ = answer(model, vocabulary, tuple(seen), text)
        assert found not in seen
        seen.append(found)


def test_the_new_answer_differs_where_the_alternative_was_closest(
    model: TorchModel, vocabulary: Vocabulary
) -> None:
    first, _ = answer(model, vocabulary, ())
    second, _ = answer(model, vocabulary, (first,))
    ids, path = vocabulary.encode_text(CODE), vocabulary.encode_text(first)[:8]
    state = model.new_state()
    rows = [model.forward(state, ids)[-1]]
    rows += list(model.forward(state, path[:-1], last=len(path) - 1))
    gaps, spelled = [], b""
    for row, token in zip(rows, path, strict=True):
        leaves = [
            int(n)
            for n in row.argsort()[::-1]
            if (data := vocabulary.bytes_of(int(n)))
            and not first.encode().startswith(
                spelled.removesuffix(vocabulary.bytes_of(token)) + data
            )
        ]
        gaps.append(float(row[token] - row[leaves[0]]))
    at = gaps.index(min(gaps))
    kept = b"".join(map(vocabulary.bytes_of, path[:at])).decode("utf-8", "replace")
    assert second.startswith(kept)
    assert not second.startswith(kept + vocabulary.bytes_of(path[at]).decode("utf-8", "replace"))


def test_the_prompt_is_computed_once(model: TorchModel, vocabulary: Vocabulary) -> None:
    cache, usage = StateCache(model), GenerationUsage()
    list(generate(model, vocabulary, cache, GenerationRequest([Part(CODE)], 8), GenerationUsage()))
    asked = GenerationRequest([Part(CODE)], 8, avoid=("return a",))
    list(generate(model, vocabulary, cache, asked, usage))
    assert usage.computed_tokens == 1


def test_healing_still_generates_the_removed_word_again(
    model: TorchModel, vocabulary: Vocabulary
) -> None:
    first, _ = answer(model, vocabulary, (), "for item in ite")
    second, _ = answer(model, vocabulary, (first,), "for item in ite")
    assert second != first


def test_whole_words_are_removed(vocabulary: Vocabulary) -> None:
    ids = vocabulary.encode_text("x = print_item")
    count = vocabulary.last_word(ids)
    spelled = b"".join(map(vocabulary.bytes_of, ids[-count:])).decode()
    assert "print_item".endswith(spelled.strip()) and len(spelled) >= len("_item")
