"""The OpenVINO backend: torch's logits, blocks shared until one is written to, and the choice."""

from __future__ import annotations

import gc
import json
import logging
import shutil
from pathlib import Path
from typing import Literal, cast

import numpy as np
import pytest
from tiny import make_tiny_qwen2, make_tiny_relative

from tabwright.engine import backends
from tabwright.engine.backends import (
    Backend,
    BackendError,
    BackendOptions,
    choice,
    openvino_blocks,
)
from tabwright.engine.backends.openvino_blocks import BLOCK, Blocks, BlockState
from tabwright.engine.backends.openvino_model import OpenvinoModel, depends_on_cut
from tabwright.engine.backends.torch_model import TorchModel
from tabwright.models import int4, int8
from tabwright.models.shape import Shape

WHOLE = BackendOptions(precision="float32", device="cpu")
IDS = [(7 * number) % 250 for number in range(140)]


@pytest.mark.parametrize("kind", ["qwen2", "qwen2 tied", "qwen3", "llama"])
def test_logits_are_those_of_torch(tmp_path: Path, kind: str) -> None:
    if kind in ("qwen3", "llama"):
        folder = make_tiny_relative(tmp_path / "model", kind)
    else:
        folder = make_tiny_qwen2(tmp_path / "model", tied="tied" in kind)
    ours, torchs = OpenvinoModel.load(folder, WHOLE), TorchModel.load(folder, WHOLE)
    expected = torchs.forward(torchs.new_state(), IDS, last=5)
    found = ours.forward(ours.new_state(), IDS, last=5)
    np.testing.assert_allclose(found, expected, atol=3e-4, rtol=1e-3)
    narrow = OpenvinoModel.load(folder, BackendOptions())
    close = narrow.forward(narrow.new_state(), IDS, last=5)
    assert np.corrcoef(close.ravel(), expected.ravel())[0, 1] > 0.99
    fewer_bits = BackendOptions(precision="mixed"), BackendOptions(precision="int4")
    for options, least in zip(fewer_bits, (0.97, 0.9), strict=True):
        if (narrower := loaded_unless_wrong(folder, options)) is None:
            continue
        near = narrower.forward(narrower.new_state(), IDS, last=5)
        assert np.corrcoef(near.ravel(), expected.ravel())[0, 1] > least
    assert (ours.context_length, ours.precision, narrow.precision) == (512, "float32", "int8")


def loaded_unless_wrong(folder: Path, options: BackendOptions) -> OpenvinoModel | None:
    """The model; None where this CPU computes 4 bits wrongly, which a load must find out."""
    try:
        return OpenvinoModel.load(folder, options)
    except BackendError as refused:
        assert "in 4 bits on this CPU" in str(refused) and options.precision in ("int4", "mixed")
        return None


def blocks(count: int = 512) -> tuple[Blocks, list[np.ndarray]]:
    buffers: list[np.ndarray] = []

    def bind(found: list[np.ndarray]) -> None:
        buffers[:] = found

    return Blocks([(1, BLOCK, 2)], np.float32, bind), buffers


def extend(state: BlockState, ids: list[int], buffers: list[np.ndarray]) -> None:
    """Write each id where its key belongs, as a forward pass does."""
    state.make_room(len(ids))
    for number in ids:
        at = len(state.ids)
        buffers[0][state.table[at // BLOCK], 0, at % BLOCK] = number
        state.ids.append(number)


def held(state: BlockState, buffers: list[np.ndarray]) -> list[int]:
    rows = [buffers[0][block, 0, :, 0] for block in state.table]
    return [int(number) for number in np.concatenate(rows)[: len(state.ids)]]


def test_a_block_is_shared_until_one_writes_to_it() -> None:
    pool, buffers = blocks()
    first = BlockState(pool)
    extend(first, list(range(1, 2 * BLOCK + 6)), buffers)
    copy = first.copy(2 * BLOCK + 3)
    assert copy.table == first.table and pool.used() == 3
    extend(copy, [900, 901], buffers)
    extend(first, [800], buffers)
    assert copy.table[:2] == first.table[:2] and copy.table[2] != first.table[2]
    assert held(first, buffers) == [*range(1, 2 * BLOCK + 6), 800]
    assert held(copy, buffers) == [*range(1, 2 * BLOCK + 4), 900, 901]
    first.truncate(3)
    extend(first, [700] * 40, buffers)
    assert held(first, buffers) == [1, 2, 3, *[700] * 40]
    assert held(copy, buffers) == [*range(1, 2 * BLOCK + 4), 900, 901]


def test_blocks_come_back_when_a_state_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_blocks, "_FIRST", 4)
    pool, buffers = blocks()
    kept = BlockState(pool)
    extend(kept, list(range(100)), buffers)
    for _ in range(50):
        passing = kept.copy(90)
        extend(passing, list(range(60)), buffers)
    del passing
    gc.collect()
    assert pool.used() == 4
    assert held(kept, buffers) == list(range(100))
    # Grown from 4 blocks to what two states need, with what stood there.
    assert 4 < len(buffers[0]) <= 16


def test_a_forked_sequence_leaves_no_trace_in_its_like(tiny_qwen2: Path) -> None:
    model = OpenvinoModel.load(tiny_qwen2, WHOLE)
    state = model.new_state()
    model.forward(state, IDS[:45])
    sequences = model.fork(state, 3)
    for step in range(25):
        rows = model.step(sequences, [step, step + 50, step + 100])
    model.keep(sequences, [2, 0])
    assert len(sequences) == 2 and sequences[1].ids[-1] == 24
    for row, start in zip(rows, (0, 50, 100), strict=True):
        alone = model.forward(model.new_state(), [*IDS[:45], *range(start, start + 25)])[-1]
        np.testing.assert_allclose(row, alone, atol=3e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (BackendOptions(), ""),
        (BackendOptions(device="cuda"), "it computes on a CPU, not on cuda"),
        (BackendOptions(precision="bfloat16"), "its weights are not bfloat16"),
        (BackendOptions(precision="float32"), "its weights are not float32"),
        (BackendOptions(precision="int4"), ""),
        (BackendOptions(precision="float32", backend="openvino"), ""),
    ],
)
def test_openvino_is_taken_where_it_can_be(
    tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch, options: BackendOptions, reason: str
) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: "")
    assert choice.openvino_refuses(tiny_qwen2, options) == reason
    assert backends.load(tiny_qwen2, options).name == "openvino" if not reason else True


def test_another_architecture_and_a_gpu_are_torchs(
    tiny_codegen: Path, tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: "")
    assert backends.load(tiny_codegen, BackendOptions(device="cpu")).name == "torch"
    with pytest.raises(BackendError, match="no graph for models like codegen"):
        backends.load(tiny_codegen, BackendOptions(backend="openvino"))
    assert backends.load(tiny_qwen2, BackendOptions(device="cpu", backend="torch")).name == "torch"
    monkeypatch.setattr(choice, "_gpu", lambda: "the CUDA GPU")
    assert choice.openvino_refuses(tiny_qwen2, BackendOptions()) == "torch computes on the CUDA GPU"


def test_a_plugin_that_fails_leaves_it_to_torch_and_says_so(
    tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no kernel for this CPU")

    monkeypatch.setattr(choice, "_gpu", lambda: "")
    monkeypatch.setattr(OpenvinoModel, "__init__", fail)
    with caplog.at_level(logging.WARNING):
        assert backends.load(tiny_qwen2, BackendOptions()).name == "torch"
    assert "no kernel for this CPU" in caplog.text
    with pytest.raises(BackendError, match="no kernel for this CPU"):
        backends.load(tiny_qwen2, BackendOptions(backend="openvino"))


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "starcoder2"},
        {"hidden_act": "gelu"},
        {"use_sliding_window": True},
        {"attention_bias": True},
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e6}},
    ],
)
def test_what_the_graph_does_not_know_is_refused(
    tiny_qwen2: Path, change: dict[str, object]
) -> None:
    config = json.loads((tiny_qwen2 / "config.json").read_text("utf-8"))
    assert Shape.of(config) is not None
    assert Shape.of({**config, **change}) is None


def test_weights_in_8_bits_are_written_once_and_read_alike(
    tiny_qwen2: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_qwen2, tmp_path / "model"))
    made = int8.load(folder)
    assert not (folder / int8.FILE).exists(), "a folder of the user's own is left as it is"
    reported: list[tuple[int, int]] = []
    int8.write(folder, lambda done, total: reported.append((done, total)))
    read = int8.load(folder)
    assert isinstance(read, int8.Safetensors)
    assert set(read) == set(made)
    for name, array in made.items():
        np.testing.assert_array_equal(read[name], array)
    assert [done for done, _ in reported] == sorted(done for done, _ in reported)
    assert reported[-1][0] == reported[-1][1] > 0
    wide, name = int8.wide(folder), "model.layers.0.mlp.up_proj.weight"
    back = read[name].astype(np.float32) * read[name + int8.SCALE]
    assert np.abs(back - wide[name]).max() <= read[name + int8.SCALE].max() / 2 * 1.001


def test_4_bits_come_as_near_as_their_steps_let_them() -> None:
    matrix = np.random.default_rng(3).standard_normal((6, 128)).astype(np.float32)
    matrix[1] = 0
    matrix[2] += 5
    packed, scale, zero = int4.narrowed(matrix)
    low_first = np.stack([packed & 15, packed >> 4], axis=-1).reshape(6, 4, 32)
    zeros = np.stack([zero & 15, zero >> 4], axis=-1).reshape(6, 4, 1)
    wide = scale.astype(np.float32)
    back = (low_first.astype(np.float32) - zeros) * wide
    assert (np.abs(back - matrix.reshape(6, 4, 32)) <= wide * 0.51).all()


@pytest.mark.parametrize("precision", ["int8", "mixed", "int4"])
def test_an_answer_does_not_depend_on_how_its_prompt_was_cut(
    tmp_path: Path, precision: Literal["int8", "mixed", "int4"]
) -> None:
    """Heads and width are those of the 0.5B model, since kernels are chosen by size."""
    folder = make_tiny_qwen2(tmp_path / "model", heads=14, width=896)
    model = loaded_unless_wrong(folder, BackendOptions(precision=precision))
    assert model is None or not depends_on_cut(model)


class CutTells:
    """A model that adds up its ids, and ``wrong`` where so many are computed at once."""

    def __init__(self, wrong: dict[int, float]) -> None:
        self.wrong = wrong

    def new_state(self) -> list[int]:
        return []

    def forward(self, state: list[int], ids: list[int], last: int = 1) -> np.ndarray:
        state += ids
        return np.array([[sum(state), 100.0 + self.wrong.get(len(ids), 0.0)]])


@pytest.mark.parametrize(
    ("wrong", "found"),
    [({}, False), ({1: 500.0}, False), ({16: 500.0}, True), ({8: 1.0}, False), ({48: -99.0}, True)],
)
def test_kernels_that_are_wrong_for_some_lengths_are_found(
    wrong: dict[int, float], found: bool
) -> None:
    assert depends_on_cut(cast(Backend, CutTells(wrong))) is found


def test_a_broken_file_of_weights_is_named(tiny_qwen2: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_qwen2, tmp_path / "model"))
    int8.write(folder)
    file = folder / int8.FILE
    whole = file.read_bytes()
    for broken in (whole[:-9], whole[:40], b"", b"\xff" * 100):
        file.write_bytes(broken)
        with pytest.raises(BackendError, match="cannot be loaded by OpenVINO"):
            OpenvinoModel.load(folder, BackendOptions())
