"""The backend of our own kernels: torch's logits, whatever is computed side by side."""

from __future__ import annotations

import logging
import math
import os
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from support.tiny import logits_in_pieces, make_tiny_qwen2, make_tiny_relative

from tabwright.engine.backends import BackendError, BackendOptions
from tabwright.engine.backends.numba import compile_cache
from tabwright.engine.backends.numba.matrix import pieces_of
from tabwright.engine.backends.numba.model import NumbaModel
from tabwright.engine.backends.numba.scalars import exp
from tabwright.engine.backends.torch.model import TorchModel
from tabwright.models.conversion import int8

IDS = [(7 * number) % 250 for number in range(140)]


@pytest.fixture(scope="module")
def real_sizes(tmp_path_factory: pytest.TempPathFactory) -> NumbaModel:
    """Heads and width are those of the 0.5B model; one head's group has seven."""
    folder = make_tiny_qwen2(tmp_path_factory.mktemp("real") / "model", heads=14, width=896)
    return NumbaModel.load(folder, BackendOptions())


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("kind", ["qwen2", "qwen2 tied", "qwen3", "llama"])
def test_logits_are_those_of_torch(tmp_path: Path, kind: str, threads: int) -> None:
    if kind in ("qwen3", "llama"):
        folder = make_tiny_relative(tmp_path / "model", kind)
    else:
        folder = make_tiny_qwen2(tmp_path / "model", tied="tied" in kind)
    torchs = TorchModel.load(folder, BackendOptions(precision="float32", device="cpu"))
    expected = torchs.forward(torchs.new_state(), IDS, last=5)
    ours = NumbaModel.load(folder, BackendOptions(threads=threads))
    output = ours.forward(ours.new_state(), IDS, last=5)
    assert np.corrcoef(output.ravel(), expected.ravel())[0, 1] > 0.9999
    assert (ours.context_length, ours.precision) == (512, "int8")


def test_rounding_inputs_adds_nothing_to_that_of_the_weights(tmp_path: Path) -> None:
    """The same int8 weights, made wide again, computed by torch in float32."""
    folder = make_tiny_qwen2(tmp_path / "model", heads=14, width=896)
    quantize_prefix = int8.load(folder)
    wide = {
        name: quantize_prefix[name] * quantize_prefix[name + int8.SCALE]
        if name + int8.SCALE in quantize_prefix
        else array
        for name, array in quantize_prefix.items()
        if not name.endswith(int8.SCALE)
    }
    from safetensors.numpy import save_file

    save_file({n: np.ascontiguousarray(a, np.float32) for n, a in wide.items()}, folder / "w")
    (folder / "w").replace(folder / "model.safetensors")
    torchs = TorchModel.load(folder, BackendOptions(precision="float32", device="cpu"))
    expected = torchs.forward(torchs.new_state(), IDS, last=140)
    ours = NumbaModel.load(folder, BackendOptions())
    output = ours.forward(ours.new_state(), IDS, last=140)
    assert np.abs(output - expected).max() < 0.01 * expected.std()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 9, 33, 128])
def test_an_answer_is_the_same_to_the_bit_however_its_prompt_is_cut(
    real_sizes: NumbaModel, count: int
) -> None:
    expected = real_sizes.forward(real_sizes.new_state(), IDS, last=len(IDS))
    np.testing.assert_array_equal(logits_in_pieces(real_sizes, IDS, count), expected)


def test_sequences_side_by_side_are_those_they_would_be_alone(real_sizes: NumbaModel) -> None:
    state = real_sizes.new_state()
    real_sizes.forward(state, IDS[:45])
    sequences = real_sizes.fork(state, 5)
    starts = (0, 50, 100, 7, 9)
    for step in range(25):
        rows = real_sizes.step(sequences, [step + start for start in starts])
    real_sizes.keep(sequences, [2, 0])
    assert len(sequences) == 2 and sequences[1].ids[-1] == 24
    for row, start in zip(rows, starts, strict=True):
        ids = [*IDS[:45], *range(start, start + 25)]
        np.testing.assert_array_equal(row, real_sizes.forward(real_sizes.new_state(), ids)[-1])


@pytest.mark.parametrize(
    ("width", "pieces"), [(32, 1), (896, 1), (1536, 2), (4864, 4), (8960, 7), (32 * 41, 41)]
)
def test_a_row_is_rounded_in_pieces_whose_sums_stay_exact(width: int, pieces: int) -> None:
    assert pieces_of(width) == pieces


@pytest.mark.parametrize("width", [33, 48, 0x7F])
def test_a_width_that_cannot_be_cut_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"{width} is no multiple of 32"):
        pieces_of(width)


def test_heads_that_the_kernels_do_not_know_are_refused(tmp_path: Path) -> None:
    folder = make_tiny_qwen2(tmp_path / "model", heads=8, width=64)
    with pytest.raises(BackendError, match="a head width of 8 is no multiple of 16"):
        NumbaModel.load(folder, BackendOptions())


def test_kernels_that_are_wrong_on_this_cpu_are_found(
    tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = NumbaModel._compute

    def slightly_wrong(model: NumbaModel, sizes: object, work: object) -> None:
        compute(model, sizes, work)  # type: ignore[arg-type]
        work.logits[-1, 66] += 0.01 * work.logits.std()  # type: ignore[attr-defined]

    monkeypatch.setattr(NumbaModel, "_compute", slightly_wrong)
    with pytest.raises(BackendError, match="wrongly on this CPU"):
        NumbaModel.load(tiny_qwen2, BackendOptions())


def test_where_nothing_can_be_kept_the_kernels_are_compiled_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tabwright").write_text("in the way")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert not compile_cache._set_up_cache()
    assert "compiled code cannot be kept" in caplog.text


def test_code_long_unused_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    for name, age_s in (("of-last-week", 7 * 24 * 3600), ("of-last-year", 365 * 24 * 3600)):
        (tmp_path / name).mkdir()
        mark = tmp_path / name / "used"
        mark.touch()
        os.utime(mark, (time.time() - age_s,) * 2)
    assert compile_cache._set_up_cache()
    output = {path.name for path in tmp_path.iterdir()}
    assert output == {"of-last-week", Path(numba.config.CACHE_DIR).name}


@pytest.mark.parametrize(
    "x", [-1e30, -1000.0, -88.0, -20.0, -0.3, 0.0, 0.3, 20.0, 88.0, 100.0, 1e30]
)
def test_the_exponential_of_anything_is_bounded(x: float) -> None:
    """A gate far below zero asks for e^100, which came back small and left the gate open."""
    output = exponential(np.float32(x))
    expected = math.exp(min(max(x, -87.0), 88.0))
    assert output == pytest.approx(expected, rel=1e-5)


@compile_cache.compiled
def exponential(x: np.float32) -> Any:
    return exp(x)
