"""A model's config with absurd sizes: a clear error at once, and nothing is built by them."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tiny import make_tiny_qwen2

from tabwright.engine import backends
from tabwright.engine.backends import BackendError, BackendOptions
from tabwright.engine.registry import Registry
from tabwright.models import config_file
from tabwright.models.conversion import convert
from tabwright.models.errors import ModelError, ModelInvalid


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_qwen2(tmp_path_factory.mktemp("tiny") / "qwen2")


@pytest.fixture
def changed(model: Path, tmp_path: Path) -> Path:
    """A copy whose config a test may write."""
    return Path(shutil.copytree(model, tmp_path / "model"))


def write(folder: Path, text: str | dict[str, Any]) -> None:
    path = folder / "config.json"
    found = json.loads(path.read_text("utf-8"))
    if isinstance(text, dict):
        text = json.dumps(found | text)
    path.write_text(text.replace("LAYERS", "num_hidden_layers"), "utf-8")


ABSURD: dict[str, str | dict[str, Any]] = {
    "three million layers": {"num_hidden_layers": 3_000_000},
    "no layers": {"num_hidden_layers": 0},
    "minus one layer": {"num_hidden_layers": -1},
    "half a layer": {"num_hidden_layers": 1.5},
    "layers in words": {"num_hidden_layers": "24"},
    "true layers": {"num_hidden_layers": True},
    "a list of layers": {"num_hidden_layers": [2, 10**9]},
    "no heads": {"num_attention_heads": 0},
    "a head too many": {"num_key_value_heads": 10**9},
    "an endless width": {"hidden_size": 10**12},
    "an endless vocabulary": {"vocab_size": 2**62},
    "an endless context": {"max_position_embeddings": 2**62},
    "NaN of context": {"max_position_embeddings": float("nan")},
    "infinitely many layers": {"num_hidden_layers": float("inf")},
    "a minute accuracy": {"rms_norm_eps": float("nan")},
    "a rotation of zero": {"rope_theta": 0},
    "a rotation in words": {"rope_theta": "10000"},
    "layers within": {"text_config": {"deeper": {"num_hidden_layers": 3_000_000}}},
    "a number of 4,000 digits": '{"LAYERS": ' + "9" * 4000 + "}",
    "a number of 5,000 digits": '{"LAYERS": ' + "9" * 5000 + "}",
    "objects in objects": '{"a":' * 50 + "1" + "}" * 50,
    "100,000 objects in objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "100,000 lists in lists": "[" * 100_000,
    "a list": "[]",
    "a text": '"model"',
    "nothing": "",
    "half of it": '{"LAYERS": ',
    "too large": '{"a": "' + "x" * (17 << 20) + '"}',
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_config_is_refused_at_once(changed: Path, name: str) -> None:
    write(changed, ABSURD[name])
    registry = Registry(BackendOptions(), backends.load)
    started = time.thread_time()
    for ask in (registry.describe, registry.ready):
        with pytest.raises(ModelInvalid) as caught:
            ask(str(changed))
        assert "config.json" in str(caught.value) and len(str(caught.value)) < 600
    assert time.thread_time() - started < 5


@pytest.mark.parametrize("name", ["three million layers", "layers within", "a list"])
def test_it_is_refused_before_a_conversion_too(changed: Path, tmp_path: Path, name: str) -> None:
    write(changed, ABSURD[name])
    with pytest.raises(ModelInvalid, match=r"config\.json"):
        convert.convert(changed, tmp_path / "converted", lambda _: None)


WRONG: dict[str, dict[str, Any]] = {
    "more layers than weights": {"num_hidden_layers": 200},
    "heads that do not divide": {"num_attention_heads": 7, "num_key_value_heads": 3},
    "another width": {"hidden_size": 4096},
    "a rotation that is none": {"rope_scaling": [1], "rope_parameters": "x"},
    "no width": {"hidden_size": None},
    "an unknown family": {"model_type": "nobody-knows"},
    "a family that is none": {"model_type": {"a": 1}},
    "code of its own": {"auto_map": {"AutoModelForCausalLM": "evil.Model"}, "model_type": "evil"},
}


@pytest.mark.parametrize("backend", ["numba", "openvino", "torch"])
@pytest.mark.parametrize("name", WRONG)
def test_a_config_that_does_not_fit_the_weights_is_an_error(
    changed: Path, name: str, backend: Any
) -> None:
    write(changed, WRONG[name])
    registry = Registry(BackendOptions(backend=backend, device="cpu"), backends.load)
    with pytest.raises((BackendError, ModelError)) as caught:
        registry.ready(str(changed))
    assert str(caught.value)


def test_a_config_that_is_right_is_read(model: Path) -> None:
    config = config_file.read(model)
    assert config["model_type"] == "qwen2"
    config_file.check({"time_step_limit": [0.0, float("inf")], "num_key_value_heads": [4, 2, 8]})


SHAPES: dict[str, tuple[str, tuple[int, ...]]] = {
    "fewer rows of a matrix": ("model.layers.0.self_attn.k_proj.weight", (1, -1)),
    "a narrower matrix": ("model.layers.1.mlp.down_proj.weight", (-1, 4)),
    "a shorter norm": ("model.layers.0.input_layernorm.weight", (1,)),
    "a bias of one number": ("model.layers.0.self_attn.q_proj.bias", (1,)),
    "a smaller output head": ("lm_head.weight", (3, -1)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_tensors_of_other_sizes_than_the_config_are_refused(changed: Path, name: str) -> None:
    """The kernels read from an address on: a tensor that is too small would let them read on."""
    from safetensors.numpy import load_file, save_file

    from tabwright.engine.backends.numba.model import NumbaModel

    file = changed / "model.safetensors"
    tensors = load_file(file)
    tensor, cut = SHAPES[name]
    window = tuple(slice(0, None if size < 0 else size) for size in cut)
    tensors[tensor] = np.ascontiguousarray(tensors[tensor][window])
    save_file(tensors, file)
    with pytest.raises(BackendError, match=r"as config\.json says"):
        NumbaModel.load(changed, BackendOptions())
