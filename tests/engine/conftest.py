"""Tiny real models, made once a run, behind the engine's own interface."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tiny import make_tiny_codegen, make_tiny_qwen2

from tabwright.engine.backends import Backend, BackendOptions
from tabwright.engine.backends.numba.model import NumbaModel
from tabwright.engine.backends.openvino.model import OpenvinoModel
from tabwright.engine.backends.torch.model import TorchModel
from tabwright.engine.decoding.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def tiny_qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_qwen2(tmp_path_factory.mktemp("tiny") / "qwen2")


@pytest.fixture(scope="session")
def tiny_codegen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_codegen(tmp_path_factory.mktemp("tiny") / "codegen")


@pytest.fixture(
    scope="session", params=["qwen2-torch", "codegen-torch", "qwen2-openvino", "qwen2-numba"]
)
def model(request: pytest.FixtureRequest, tiny_qwen2: Path, tiny_codegen: Path) -> Backend:
    """Every backend, in float32 where it can, so that what must be equal is.

    On one thread: those of other tests that run meanwhile would be waited for at each matrix.
    """
    options = BackendOptions(precision="float32", device="cpu", threads=1)
    if request.param == "qwen2-numba":
        return NumbaModel.load(tiny_qwen2, BackendOptions(threads=1))
    if request.param == "qwen2-openvino":
        return OpenvinoModel.load(tiny_qwen2, options)
    return TorchModel.load(tiny_codegen if "codegen" in request.param else tiny_qwen2, options)


@pytest.fixture(scope="session")
def qwen2(tiny_qwen2: Path) -> TorchModel:
    return TorchModel.load(tiny_qwen2, BackendOptions(precision="float32", device="cpu", threads=1))


@pytest.fixture(scope="session")
def vocabulary(tiny_qwen2: Path) -> Vocabulary:
    return Vocabulary.load(tiny_qwen2)
