"""Tiny real models, made once a run, behind the engine's own interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import make_tiny_codegen, make_tiny_qwen2

from tabwright.engine.backends import BackendOptions
from tabwright.engine.backends.torch_model import TorchModel
from tabwright.engine.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def tiny_qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_qwen2(tmp_path_factory.mktemp("tiny") / "qwen2")


@pytest.fixture(scope="session")
def tiny_codegen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_codegen(tmp_path_factory.mktemp("tiny") / "codegen")


@pytest.fixture(scope="session", params=["qwen2", "codegen"])
def model(
    request: pytest.FixtureRequest, tiny_qwen2: Path, tiny_codegen: Path
) -> Iterator[TorchModel]:
    folder = tiny_qwen2 if request.param == "qwen2" else tiny_codegen
    yield TorchModel.load(folder, BackendOptions(precision="float32", device="cpu"))


@pytest.fixture(scope="session")
def qwen2(tiny_qwen2: Path) -> TorchModel:
    return TorchModel.load(tiny_qwen2, BackendOptions(precision="float32", device="cpu"))


@pytest.fixture(scope="session")
def vocabulary(tiny_qwen2: Path) -> Vocabulary:
    return Vocabulary.load(tiny_qwen2)
