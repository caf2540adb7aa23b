"""The OpenVINO backend: torch's logits, and weights in 8 and 4 bits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal, cast

import numpy as np
import pytest
from support.tiny import make_tiny_qwen2, make_tiny_relative

from tabwright.engine.backends import (
    Backend,
    BackendError,
    BackendOptions,
)
from tabwright.engine.backends.openvino.model import OpenvinoModel, depends_on_cut
from tabwright.engine.backends.torch.model import TorchModel
from tabwright.models.conversion import int4, int8

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
