"""Reuse changes nothing: after any edits the logits equal those of a fresh run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabwright.engine.backends import Backend, BackendOptions
from tabwright.engine.backends.openvino.model import OpenvinoModel
from tabwright.engine.backends.torch.model import TorchModel
from tabwright.engine.decoding.cache import StateCache, common_prefix
from tabwright.engine.decoding.decode import GenerationUsage, prefill

VOCABULARY = 256
Edits = list[tuple[float, int, list[int]]]
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 12),
        st.lists(st.integers(0, VOCABULARY - 1), max_size=20),
    ),
    min_size=1,
    max_size=6,
)


def edited(ids: list[int], edit: tuple[float, int, list[int]]) -> list[int]:
    where, removed, added = edit
    at = int(where * len(ids))
    return [*ids[:at], *added, *ids[at + removed :]] or [0]


def finish(steps: object) -> np.ndarray:
    """Run a prefill to its end and return its logits."""
    try:
        while True:
            next(steps)  # type: ignore[call-overload]
    except StopIteration as end:
        result: np.ndarray = end.value
        return result


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(start=st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=150), edits=EDITS)
def test_logits_after_edits_equal_a_fresh_run(
    model: Backend, start: list[int], edits: Edits
) -> None:
    cache = StateCache(model, max_bytes=400 * model.bytes_per_token, max_states=3)
    ids = start
    for edit in [(0.0, 0, []), *edits]:
        ids = edited(ids, edit)
        state, reused, _ = cache.reuse(ids)
        assert reused == len(state.ids) < len(ids)
        (kept,) = finish(prefill(model, state, ids, GenerationUsage()))
        fresh = model.forward(model.new_state(), ids)[-1]
        np.testing.assert_allclose(kept, fresh, atol=2e-4, rtol=1e-3)
        cache.give_back(state)


def test_several_last_positions_equal_single_steps(model: Backend) -> None:
    state = model.new_state()
    model.forward(state, list(range(10)))
    together = model.forward(state, [11, 12, 13], last=3)
    model.truncate(state, 10)
    singly = [model.forward(state, [token])[-1] for token in (11, 12, 13)]
    np.testing.assert_allclose(together, np.stack(singly), atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("backend", [TorchModel, OpenvinoModel])
def test_int8_does_not_depend_on_the_chunks_of_the_prompt(
    backend: type[TorchModel] | type[OpenvinoModel], tiny_qwen2: Path
) -> None:
    model: Backend = backend.load(tiny_qwen2, BackendOptions(precision="int8", device="cpu"))
    ids = list(range(5, 205))
    whole = model.forward(model.new_state(), ids)[-1]
    state = model.new_state()
    for at in range(0, len(ids), 7):
        cut = model.forward(state, ids[at : at + 7])[-1]
    assert np.corrcoef(whole, cut)[0, 1] > 0.999


def test_a_copied_state_is_its_own(model: Backend) -> None:
    state = model.new_state()
    model.forward(state, list(range(30)))
    copy = model.copy_state(state, 20)
    model.forward(state, [1, 2, 3])
    model.truncate(state, 5)
    expected = model.forward(model.new_state(), [*range(20), 99])[-1]
    np.testing.assert_allclose(model.forward(copy, [99])[-1], expected, atol=2e-4, rtol=1e-3)


def test_moving_back_reuses_the_earlier_state(model: Backend) -> None:
    cache = StateCache(model, max_bytes=4000 * model.bytes_per_token)
    here, there = [7] * 400, [9] * 400
    for ids in (here, there):
        state, reused, _ = cache.reuse(ids)
        assert reused == 0
        finish(prefill(model, state, ids, GenerationUsage()))
        cache.give_back(state)
    for ids in (here, there, here):
        state, reused, _ = cache.reuse(ids)
        assert reused == len(ids) - 1
        finish(prefill(model, state, ids, GenerationUsage()))
        cache.give_back(state)


# name, tokens of a state, how many of them another prompt shares, how many are found again after
KEPT = [
    ("another short file", 200, 3, 200),
    ("another answer in a long file", 400, 300, 300),
    ("another answer in a short file", 150, 80, 80),
    ("a few lines", 60, 3, 3),
    ("far back in a long file", 400, 100, 400),
]


@pytest.mark.parametrize(
    ("held", "shared", "left"), [case[1:] for case in KEPT], ids=[case[0] for case in KEPT]
)
def test_only_few_tokens_are_discarded(model: Backend, held: int, shared: int, left: int) -> None:
    cache = StateCache(model)
    first = [at % VOCABULARY for at in range(held)]
    state = cache.reuse(first).state
    model.forward(state, first)
    cache.give_back(state)
    other = cache.reuse([*first[:shared], 7, 7, 7])
    assert other.length == len(other.state.ids) == shared
    cache.give_back(other.state)
    assert cache.reuse([*first, 9]).length == left


def test_memory_stays_within_its_bound(model: Backend) -> None:
    cache = StateCache(model, max_bytes=500 * model.bytes_per_token, max_states=4)
    for token in range(12):
        state, _, _ = cache.reuse([token] * 200)
        finish(prefill(model, state, [token] * 200, GenerationUsage()))
        cache.give_back(state)
        assert cache.tokens() <= 500


def test_common_prefix() -> None:
    assert common_prefix([1, 2, 3], [1, 2, 4]) == 2
    assert common_prefix([1, 2], [1, 2, 3]) == 2
    assert common_prefix([], [1]) == 0
