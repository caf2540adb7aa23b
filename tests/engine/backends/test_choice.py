"""Which library computes a model: the quickest that can, the one asked for, or a clear refusal."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import llvmlite.binding
import pytest

from tabwright.engine import backends
from tabwright.engine.backends import BackendError, BackendOptions, choice
from tabwright.engine.backends.numba.model import NumbaModel
from tabwright.engine.backends.openvino.model import OpenvinoModel
from tabwright.models.conversion import int8
from tabwright.models.shape import Shape

CPU_ALONE: tuple[backends.Name, ...] = ("numba", "openvino")


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("numba", BackendOptions(), ""),
        ("numba", BackendOptions(precision="int8"), ""),
        ("numba", BackendOptions(precision="int4"), "its weights are not int4"),
        ("openvino", BackendOptions(), ""),
        ("openvino", BackendOptions(device="cuda"), "it computes on a CPU, not on cuda"),
        ("openvino", BackendOptions(precision="bfloat16"), "its weights are not bfloat16"),
        ("openvino", BackendOptions(precision="float32"), "its weights are not float32"),
        ("openvino", BackendOptions(precision="int4"), ""),
        ("openvino", BackendOptions(precision="float32", backend="openvino"), ""),
        ("torch", BackendOptions(precision="bfloat16", device="cuda"), ""),
    ],
)
def test_each_library_says_what_it_does_not_compute(
    tiny_qwen2: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: backends.Name,
    options: BackendOptions,
    reason: str,
) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: "")
    assert choice.refuses(name, tiny_qwen2, options) == reason


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (BackendOptions(), "numba"),
        (BackendOptions(precision="bfloat16"), "torch"),
        (BackendOptions(backend="openvino"), "openvino"),
        (BackendOptions(backend="torch"), "torch"),
        (BackendOptions(device="cpu"), "numba"),
    ],
)
def test_the_quickest_that_can_is_taken(
    tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch, options: BackendOptions, name: str
) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: "")
    assert backends.load(tiny_qwen2, options).name == name


def test_another_architecture_and_a_gpu_are_torchs(
    tiny_codegen: Path, tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: "")
    assert backends.load(tiny_codegen, BackendOptions(device="cpu")).name == "torch"
    for name in CPU_ALONE:
        with pytest.raises(BackendError, match=f"'{name}', but .* not know models like codegen"):
            backends.load(tiny_codegen, BackendOptions(backend=name))
    monkeypatch.setattr(choice, "_gpu", lambda: "the CUDA GPU")
    for name in CPU_ALONE:
        refused = choice.refuses(name, tiny_qwen2, BackendOptions())
        assert refused == "torch computes on the CUDA GPU"


def test_a_cpu_that_lacks_something_goes_on_with_openvino(
    tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {"avx2": False, "fma": True, "f16c": False}
    monkeypatch.setattr(choice, "_gpu", lambda: "")
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", lambda: old)
    refused = choice.refuses("numba", tiny_qwen2, BackendOptions())
    assert refused == "this CPU has no avx2 and no f16c"
    assert backends.load(tiny_qwen2, BackendOptions()).name == "openvino"
    backends.prepare(tiny_qwen2)


def test_a_library_that_fails_leaves_it_to_the_next_and_says_so(
    tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no kernel for this CPU")

    monkeypatch.setattr(choice, "_gpu", lambda: "")
    monkeypatch.setattr(NumbaModel, "__init__", fail)
    with caplog.at_level(logging.WARNING):
        assert backends.load(tiny_qwen2, BackendOptions()).name == "openvino"
    assert "no kernel for this CPU" in caplog.text
    with pytest.raises(BackendError, match="no kernel for this CPU"):
        backends.prepare(tiny_qwen2)
    monkeypatch.setattr(OpenvinoModel, "__init__", fail)
    assert backends.load(tiny_qwen2, BackendOptions()).name == "torch"
    for name in CPU_ALONE:
        with pytest.raises(BackendError, match="no kernel for this CPU"):
            backends.load(tiny_qwen2, BackendOptions(backend=name))


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
def test_what_no_shape_describes_is_refused(tiny_qwen2: Path, change: dict[str, object]) -> None:
    config = json.loads((tiny_qwen2 / "config.json").read_text("utf-8"))
    assert Shape.of(config) is not None
    assert Shape.of({**config, **change}) is None


@pytest.mark.parametrize("name", CPU_ALONE)
def test_a_broken_file_of_weights_is_named(
    tiny_qwen2: Path, tmp_path: Path, name: backends.Name
) -> None:
    folder = Path(shutil.copytree(tiny_qwen2, tmp_path / "model"))
    int8.write(folder)
    file = folder / int8.FILE
    whole = file.read_bytes()
    for broken in (whole[:-9], whole[:40], b"", b"\xff" * 100):
        file.write_bytes(broken)
        with pytest.raises(BackendError, match=f"(?i)cannot be loaded by {name}"):
            backends.load(folder, BackendOptions(backend=name))
