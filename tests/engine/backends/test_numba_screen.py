"""The narrow output head: it costs no likely token, and nothing where a state is unlike any."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from support.tiny import logits_in_pieces, make_tiny_qwen2

from tabwright.engine.backends import BackendError, BackendOptions
from tabwright.engine.backends.numba import screen
from tabwright.engine.backends.numba.head import _MAX_ROWS, NarrowHead, refine_estimates
from tabwright.engine.backends.numba.matrix import Matrix, QuantizedRows, pieces_of, quantize_row
from tabwright.engine.backends.numba.model import NumbaModel
from tabwright.models.conversion import int8
from tabwright.models.names import MANIFEST

Floats = npt.NDArray[np.float32]
IDS = [(7 * number) % 250 for number in range(140)]
WIDTH = 224
TOKENS = 6000


def states_of(count: int, seed: int) -> Floats:
    """States that mostly lie in few directions, as those of a model do."""
    random = np.random.default_rng(seed)
    directions = np.random.default_rng(1).normal(size=(WIDTH, WIDTH)) / np.sqrt(WIDTH)
    sizes = 0.9 ** np.arange(WIDTH)
    states: Floats = (random.normal(size=(count, WIDTH)) * sizes @ directions).astype(np.float32)
    return states


@pytest.fixture(scope="module")
def head() -> tuple[npt.NDArray[np.int8], Floats]:
    return int8.rounded(np.random.default_rng(2).normal(size=(TOKENS, WIDTH)).astype(np.float32))


class Settled:
    """What `refine_estimates` makes of a state, beside what the real head makes of it."""

    def __init__(self, head: tuple[npt.NDArray[np.int8], Floats], state: Floats) -> None:
        whole, scales = head
        made = screen.compute_arrays(head, states_of(500, 3))
        turned = (made["turn"] * made["turn.scale"]) @ state
        kept = made["head"].shape[1]
        estimates = (made["head"] * made["head.scale"]) @ turned[:kept]
        self.estimates = estimates.astype(np.float32)
        pieces = pieces_of(WIDTH)
        inputs = QuantizedRows(np.zeros(WIDTH, np.int16), np.zeros(pieces, np.float32))
        quantize_row(state, inputs, 0, pieces)
        matrix = Matrix(whole.ctypes.data, scales.ctypes.data, TOKENS, WIDTH, pieces)
        spread = float(made["spread"][0])
        quantize_prefix = NarrowHead(0, 0, 0, 0, kept, pieces_of(kept), spread)
        self.output = self.estimates.copy()
        refine_estimates(self.output, turned.astype(np.float32), quantize_prefix, matrix, inputs, 0)
        self.expected = (whole * scales) @ state
        self.computed = self.output != self.estimates


def test_the_likely_tokens_are_exact_and_few_are_computed(
    head: tuple[npt.NDArray[np.int8], Floats],
) -> None:
    for state in states_of(40, 4):
        settled = Settled(head, state)
        assert settled.output.argmax() == settled.expected.argmax()
        error = (settled.estimates - settled.expected).std()
        likely = settled.expected > settled.expected.max() - 3 * error
        np.testing.assert_allclose(settled.output[likely], settled.expected[likely], atol=1e-3)
        assert likely.sum() <= settled.computed.sum() <= _MAX_ROWS < TOKENS
        assert np.abs(settled.output - settled.expected).max() < 8 * error


def test_of_a_state_unlike_those_before_more_is_computed(
    head: tuple[npt.NDArray[np.int8], Floats],
) -> None:
    usual = np.median([Settled(head, state).computed.sum() for state in states_of(10, 4)])
    random = np.random.default_rng(5)
    for state in random.normal(size=(10, WIDTH)).astype(np.float32):
        assert Settled(head, state).computed.sum() > 2 * usual


def same(estimate: Floats) -> Floats:
    return np.full_like(estimate, 7)


def rising(estimate: Floats) -> Floats:
    return np.arange(len(estimate), dtype=np.float32)


@pytest.mark.parametrize("shape", [same, rising])
@pytest.mark.parametrize("spread", [0.0, 1e-30, 1.0, 1e30])
def test_any_estimates_come_to_an_end(
    head: tuple[npt.NDArray[np.int8], Floats], shape: Callable[[Floats], Floats], spread: float
) -> None:
    """The state is zero, and so is what the real head makes of it; the estimates are wrong."""
    whole, scales = head
    pieces = pieces_of(WIDTH)
    inputs = QuantizedRows(np.zeros(WIDTH, np.int16), np.ones(pieces, np.float32))
    matrix = Matrix(whole.ctypes.data, scales.ctypes.data, TOKENS, WIDTH, pieces)
    estimates = shape(np.zeros(TOKENS, np.float32))
    screen = NarrowHead(0, 0, 0, 0, 96, 1, spread)
    refine_estimates(estimates, np.ones(WIDTH, np.float32), screen, matrix, inputs, 0)
    assert (estimates == 0).any()
    assert estimates.argmax() != TOKENS - 1 or shape is same


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of the store."""
    made = make_tiny_qwen2(tmp_path / "model", heads=14, width=896)
    (made / MANIFEST).write_text(json.dumps({}))
    return made


def test_a_prepared_model_picks_the_same_tokens_except_near_ties(folder: Path) -> None:
    """The narrow head is made from our own sources, so which near ties differ changes with them."""
    whole = NumbaModel.load(folder, BackendOptions())
    expected = whole.forward(whole.new_state(), IDS, last=len(IDS))
    NumbaModel.prepare(folder)
    model = NumbaModel.load(folder, BackendOptions())
    output = model.forward(model.new_state(), IDS, last=len(IDS))
    picked = output.argmax(axis=1)
    assert (picked == expected.argmax(axis=1)).mean() > 0.95
    lost = expected.max(axis=1) - expected[range(len(IDS)), picked]
    assert lost.max() < expected.std() / 2
    exact = model.forward(model.new_state(), IDS, last=len(IDS), exact=True)
    np.testing.assert_array_equal(exact, expected)
    narrow = sum(array.nbytes for array in (screen.load(folder) or {}).values())
    assert model.memory_bytes == whole.memory_bytes + narrow


def test_estimates_are_the_same_to_the_bit_however_a_prompt_is_cut(folder: Path) -> None:
    NumbaModel.prepare(folder)
    # None but the likeliest is computed by the real head.
    made = dict(screen.load(folder) or {})
    int8.save(made | {"spread": np.zeros(1, np.float32)}, folder / screen.FILE)
    model = NumbaModel.load(folder, BackendOptions())
    expected = model.forward(model.new_state(), IDS, last=len(IDS))
    exact = model.forward(model.new_state(), IDS, last=len(IDS), exact=True)
    assert 0.8 < np.corrcoef(expected.ravel(), exact.ravel())[0, 1] < 1
    for count in (1, 2, 3, 5, 33):
        np.testing.assert_array_equal(logits_in_pieces(model, IDS, count), expected)


def test_only_what_the_store_holds_gets_a_narrow_head_and_only_once(folder: Path) -> None:
    NumbaModel.prepare(folder)
    made = (folder / screen.FILE).stat().st_mtime_ns
    NumbaModel.prepare(folder)
    assert (folder / screen.FILE).stat().st_mtime_ns == made
    (folder / screen.FILE).unlink()
    (folder / MANIFEST).unlink()
    NumbaModel.prepare(folder)
    assert screen.load(folder) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [("screen", "in the way"), ("tokenizer.json", "{")],
    ids=["no folder for it", "no tokenizer"],
)
def test_without_a_narrow_head_the_full_head_is_used(
    folder: Path, caplog: pytest.LogCaptureFixture, name: str, text: str
) -> None:
    (folder / name).write_text(text)
    with caplog.at_level(logging.WARNING):
        NumbaModel.prepare(folder)
    assert "narrow head cannot be kept" in caplog.text
    assert screen.load(folder) is None
    NumbaModel.load(folder, BackendOptions())


def test_a_narrow_head_of_another_model_is_refused(folder: Path) -> None:
    NumbaModel.prepare(folder)
    made = dict(screen.load(folder) or {})
    made["head"], made["head.scale"] = made["head"][:-1], made["head.scale"][:-1]
    int8.save({name: array.copy() for name, array in made.items()}, folder / screen.FILE)
    with pytest.raises(BackendError, match="the narrow output head is of another model"):
        NumbaModel.load(folder, BackendOptions())
