"""Which library computes a model: the quickest that can, the one asked for, or a clear refusal."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import llvmlite.binding
import pytest

from tabwright import extras
from tabwright.core.message import Message, from_json
from tabwright.engine import backends
from tabwright.engine.backends import BackendError, BackendOptions, choice
from tabwright.engine.backends.numba.model import NumbaModel
from tabwright.engine.backends.openvino.model import OpenvinoModel
from tabwright.engine.http import bodies
from tabwright.lsp.localisation.language import language_of
from tabwright.models.conversion import int8
from tabwright.models.shape import Shape

CPU_ALONE: tuple[backends.Name, ...] = ("numba", "openvino")


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("numba", BackendOptions(), None),
        ("numba", BackendOptions(precision="int8"), None),
        ("numba", BackendOptions(precision="int4"), "its weights are not int4"),
        ("openvino", BackendOptions(), None),
        ("openvino", BackendOptions(device="cuda"), "it computes on a CPU, not on cuda"),
        ("openvino", BackendOptions(precision="bfloat16"), "its weights are not bfloat16"),
        ("openvino", BackendOptions(precision="float32"), "its weights are not float32"),
        ("openvino", BackendOptions(precision="int4"), None),
        ("openvino", BackendOptions(precision="float32", backend="openvino"), None),
        ("torch", BackendOptions(precision="bfloat16", device="cuda"), None),
    ],
)
def test_each_backend_has_a_reason_for_what_it_cannot_compute(
    tiny_qwen2: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: backends.Name,
    options: BackendOptions,
    reason: str | None,
) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: None)
    assert choice.unsupported_reason(name, tiny_qwen2, options) == reason


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
def test_the_fastest_usable_backend_is_chosen(
    tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch, options: BackendOptions, name: str
) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: None)
    assert backends.load(tiny_qwen2, options).name == name


def test_other_architectures_and_gpus_use_torch(
    tiny_codegen: Path, tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: None)
    assert backends.load(tiny_codegen, BackendOptions(device="cpu")).name == "torch"
    for name in CPU_ALONE:
        with pytest.raises(BackendError, match=f"'{name}', but .* not know models like codegen"):
            backends.load(tiny_codegen, BackendOptions(backend=name))
    monkeypatch.setattr(choice, "_gpu", lambda: Message("the CUDA GPU"))
    for name in CPU_ALONE:
        reason = choice.unsupported_reason(name, tiny_qwen2, BackendOptions())
        assert reason == "torch computes on the CUDA GPU"


def test_a_cpu_without_needed_features_uses_openvino(
    tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {"avx2": False, "fma": True, "f16c": False}
    monkeypatch.setattr(choice, "_gpu", lambda: None)
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", lambda: old)
    reason = choice.unsupported_reason("numba", tiny_qwen2, BackendOptions())
    assert reason == "this CPU lacks avx2, f16c"
    assert backends.load(tiny_qwen2, BackendOptions()).name == "openvino"
    backends.prepare(tiny_qwen2)


def test_a_backend_that_fails_is_logged_and_the_next_is_used(
    tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no kernel for this CPU")

    monkeypatch.setattr(choice, "_gpu", lambda: None)
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
def test_an_unsupported_architecture_has_no_shape(
    tiny_qwen2: Path, change: dict[str, object]
) -> None:
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


def test_every_part_of_a_refusal_is_translated(
    tiny_codegen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence of the engine, sent as JSON to an editor that shows Chinese."""
    old = {"avx2": False, "fma": True, "f16c": False}
    monkeypatch.setattr(choice, "_gpu", lambda: None)
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", lambda: old)
    monkeypatch.setattr(extras, "is_installed", lambda name: False)
    with pytest.raises(BackendError) as caught:
        backends.load(tiny_codegen, BackendOptions())
    _, body = bodies.error(caught.value)
    received = from_json(json.loads(json.dumps(body["error"])))
    assert received == (
        f"no installed backend can compute {tiny_codegen.name} (numba: this CPU lacks avx2, f16c; "
        "openvino: it is not installed; torch: it is not installed); "
        f"run: {extras.install_command('torch')}"
    )
    assert language_of("zh-CN").tell(received) == (
        f"已安装的后端都无法计算 {tiny_codegen.name}（numba：此 CPU 缺少 avx2, f16c；"
        f"openvino：没有安装；torch：没有安装）；请运行：{extras.install_command('torch')}"
    )
