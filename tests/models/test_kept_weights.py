"""Which weights of a model stay on the disk: pulled, switched, trimmed, with files cut off."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tiny import make_tiny_qwen2

from tabwright.core.message import Message
from tabwright.engine import backends
from tabwright.engine.backends import BackendOptions, choice
from tabwright.models import manifest, store
from tabwright.models.conversion import convert, int8, safetensors_file
from tabwright.models.errors import ModelError, ModelInvalid, WeightsMissing
from tabwright.models.names import INT8_FILE, SCREEN_FILE
from tabwright.models.pulling import pull

HUB = "made-up/tiny"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source with weights of 16 bits, which a pull takes as they are."""
    folder = tmp_path_factory.mktemp("tiny")
    made = make_tiny_qwen2(folder / "made")
    assert convert.convert(made, folder / "qwen2", lambda _: None) == "transformers"
    return folder / "qwen2"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TABWRIGHT_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.delenv(pull.SOURCE_VARIABLE, raising=False)
    monkeypatch.setattr(choice, "_gpu", lambda: None)
    return tmp_path / "models"


def pulled(tiny: Path, keep: Any) -> Path:
    """A model of the store, as `pull` leaves it."""
    return pull.pull(HUB, source=str(tiny), keep=keep)


def test_weights_in_8_bits_are_those_made_of_the_full_ones(tiny: Path, tmp_path: Path) -> None:
    convert.convert(tiny, tmp_path / "narrow", lambda _: None, "int8")
    made = int8.load(tmp_path / "narrow")
    expected = int8.narrow(tiny)
    assert made.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(made[name], array)


@pytest.mark.parametrize(
    ("options", "keep"),
    [
        (BackendOptions(), "int8"),
        (BackendOptions(precision="int8"), "int8"),
        (BackendOptions(backend="openvino"), "int8"),
        (BackendOptions(backend="openvino", precision="float32"), "full"),
        (BackendOptions(precision="int4"), "full"),
        (BackendOptions(precision="bfloat16"), "full"),
        (BackendOptions(backend="torch"), "full"),
        (BackendOptions(device="cuda"), "full"),
    ],
)
def test_the_settings_decide_what_is_kept(options: BackendOptions, keep: str) -> None:
    assert choice.kept_weights(options) == keep


def test_a_gpu_keeps_the_full_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: Message("the CUDA GPU"))
    assert choice.kept_weights(BackendOptions()) == "full"
    assert choice.kept_weights(BackendOptions(device="cpu")) == "int8"


def test_another_backend_names_the_pull_command_and_then_loads(tiny: Path, models: Path) -> None:
    folder = pulled(tiny, "int8")
    assert not store.has_full_weights(folder) and (folder / INT8_FILE).is_file()
    assert store.locate(HUB) == folder
    assert backends.load(folder, BackendOptions()).name == "numba"
    assert backends.load(folder, BackendOptions(backend="openvino")).name == "openvino"
    asked = BackendOptions(backend="torch", precision="float32")
    with pytest.raises(WeightsMissing) as caught:
        backends.load(folder, asked)
    command = f"tabwright models pull {HUB} --backend torch --precision float32"
    assert str(caught.value).endswith(f"run: {command}")
    with pytest.raises(WeightsMissing, match="--backend openvino --precision int4"):
        backends.load(folder, BackendOptions(precision="int4"))

    assert pulled(tiny, "int8") == folder, "nothing was missing"
    assert not store.has_full_weights(folder)
    assert pulled(tiny, "full") == folder
    assert store.has_full_weights(folder) and not (folder / INT8_FILE).exists()
    assert backends.load(folder, asked).name == "torch"
    assert backends.load(folder, BackendOptions()).name == "numba"
    assert (folder / INT8_FILE).is_file(), "made beside the full ones"


def test_a_gpu_that_comes_later_does_not_stop_the_cpu(
    tiny: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pulled(tiny, "int8")
    monkeypatch.setattr(choice, "_gpu", lambda: Message("the CUDA GPU"))
    assert backends.load(folder, BackendOptions()).name == "numba"


def old_layout(tiny: Path) -> Path:
    """A model as pulls left it before: full weights, those in 8 bits and a narrow head."""
    folder = pulled(tiny, "full")
    int8.write(folder)
    manifest.write(folder, name=HUB, origin="test", licence="none")
    backends.prepare(folder)
    return folder


def test_an_old_pull_is_whole_and_can_be_trimmed(tiny: Path, models: Path) -> None:
    folder = old_layout(tiny)
    assert pulled(tiny, "int8") == folder and store.has_full_weights(folder)
    (before,) = store.installed()
    full = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    assert before.bytes > full and not before.problem
    assert store.trim(HUB, "int8") == full
    (after,) = store.installed()
    # The manifest itself changes by some bytes.
    assert abs(before.bytes - full - after.bytes) < 500 and not after.problem
    assert store.trim(HUB, "int8") == 0
    assert backends.load(store.locate(HUB), BackendOptions()).name == "numba"


def test_trimmed_for_torch_the_rest_is_made_again(tiny: Path, models: Path) -> None:
    folder = old_layout(tiny)
    assert store.trim(HUB, "full") > 0
    assert not (folder / INT8_FILE).exists() and not (folder / SCREEN_FILE).exists()
    assert store.trim(HUB, "full") == 0
    assert backends.load(store.locate(HUB), BackendOptions()).name == "numba"
    assert (folder / INT8_FILE).is_file()


def test_the_only_weights_are_never_trimmed(tiny: Path, models: Path) -> None:
    folder = pulled(tiny, "full")
    assert store.unused(folder, "int8") == [], "those in 8 bits were never made"
    pull.pull(HUB, source=str(tiny), keep="int8")
    assert store.trim(HUB, "int8") == 0 and store.has_full_weights(folder)
    with pytest.raises(ModelError, match="your own"):
        store.trim(str(tiny), "int8")


def test_a_trim_that_is_cut_off_leaves_a_whole_model(
    tiny: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = old_layout(tiny)

    def killed(path: Path, missing_ok: bool = False) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(Path, "unlink", killed)
        store.trim(HUB, "int8")
    assert store.locate(HUB) == folder and store.has_full_weights(folder)
    assert store.trim(HUB, "int8") > 0
    assert not store.has_full_weights(folder)


def test_damage_to_the_weights_in_8_bits_is_seen(tiny: Path, models: Path) -> None:
    folder = pulled(tiny, "int8")
    with (folder / INT8_FILE).open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(ModelInvalid, match="damaged"):
        store.locate(HUB)
    assert pulled(tiny, "int8") == store.locate(HUB)


def test_weights_that_do_not_fit_the_config_are_refused(tiny: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(tiny, tmp_path / "source"))
    config = json.loads((source / "config.json").read_text("utf-8"))
    (source / "config.json").write_text(json.dumps({**config, "intermediate_size": 80}))
    with pytest.raises(ModelInvalid, match=r"of shape \(96, 64\), not \(80, 64\)"):
        convert.convert(source, tmp_path / "converted", lambda _: None, "int8")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "weights.safetensors"
    described = {"a": ("F32", (2,)), "b": ("I8", (3,))}

    def broken() -> Any:
        yield "b", 0, bytes(3)
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        safetensors_file.write(target, described, broken())
    with pytest.raises(ValueError, match="3 of 11 bytes"):
        safetensors_file.write(target, described, [("b", 0, bytes(3))])
    assert list(tmp_path.iterdir()) == []
    pieces = [("b", 1, b"\2\3"), ("a", 4, bytes(4)), ("b", 0, b"\1"), ("a", 0, bytes(4))]
    safetensors_file.write(target, described, pieces)
    assert safetensors_file.Safetensors(target)["b"].tolist() == [1, 2, 3]


def test_the_space_that_a_pull_needs_is_that_of_what_is_kept() -> None:
    from tabwright.models.catalog import CATALOG

    for model in CATALOG.values():
        assert model.disk_bytes < 1.5 * model.parameters < model.full_bytes
