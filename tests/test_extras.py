"""What a light install says where an extra is wanted, and that it does its work without one."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.tiny import make_tiny_codegen, make_tiny_qwen2

from tabwright import extras
from tabwright.core.message import Message
from tabwright.engine import backends
from tabwright.engine.backends import BackendError, BackendOptions, choice

# Stands before any import: what a light install lacks cannot be found.
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""
LEFT_OUT = ("torch", "transformers", "openvino", "gguf", "safetensors")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_qwen2(tmp_path_factory.mktemp("tiny") / "qwen2")


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """No extra is installed, and no GPU is there."""
    monkeypatch.setattr(extras, "is_installed", lambda extra: False)
    monkeypatch.setattr(choice, "_gpu", lambda: None)


@pytest.mark.parametrize(
    ("file", "active", "expected"),
    [
        ("uv-receipt.toml", False, "uv tool install 'tabwright[torch]'"),
        ("pipx_metadata.json", False, "pipx install --force 'tabwright[torch]'"),
        ("", True, "pip install 'tabwright[torch]'"),
        ("", False, "{prefix}/bin/python -m pip install 'tabwright[torch]'"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths and quotes are POSIX's here")
def test_the_command_fits_how_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, active: bool, expected: str
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path if active else tmp_path / "other"))
    if file:
        (tmp_path / file).touch()
    assert extras.install_command("torch") == expected.format(prefix=tmp_path)


def test_what_cannot_be_found_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert extras.is_installed("torch")
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "transformers" else real(name)
    )
    assert not extras.is_installed("torch")


@pytest.mark.usefixtures("light")
def test_another_family_names_the_command(tmp_path: Path) -> None:
    folder = make_tiny_codegen(tmp_path / "codegen")
    with pytest.raises(BackendError) as caught:
        backends.load(folder, BackendOptions())
    assert "not know models like codegen" in str(caught.value)
    assert str(caught.value).endswith(f"run: {extras.install_command('torch')}")


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_a_backend_that_is_asked_for_names_its_command(tiny: Path, name: backends.Name) -> None:
    with pytest.raises(BackendError) as caught:
        backends.load(tiny, BackendOptions(backend=name))
    assert f"engine.backend is '{name}', but it is not installed" in str(caught.value)
    assert extras.install_command(name) in str(caught.value)


@pytest.mark.usefixtures("light")
def test_an_old_cpu_names_what_computes_there(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        choice, "unsupported_kernels_reason", lambda: Message("this CPU lacks {0}", "avx2")
    )
    with pytest.raises(BackendError, match="this CPU lacks avx2") as caught:
        backends.load(tiny, BackendOptions())
    assert extras.install_command("openvino") in str(caught.value)


@pytest.mark.usefixtures("light")
def test_a_gpu_without_torch_leaves_it_to_the_cpu(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: Message("the CUDA GPU"))
    assert backends.load(tiny, BackendOptions()).name == "numba"


def test_a_model_is_converted_loaded_and_run_without_any_extra(tiny: Path, tmp_path: Path) -> None:
    script = tmp_path / "light.py"
    script.write_text(
        BLOCKED.format(names=LEFT_OUT)
        + f"""
from pathlib import Path
from tabwright.engine import backends
from tabwright.engine.backends import BackendOptions, choice
from tabwright.engine.decoding.vocabulary import Vocabulary
from tabwright.models.conversion import convert

folder = Path({str(tmp_path / "converted")!r})
assert convert.convert(Path({str(tiny)!r}), folder, print, "int8") == "copy"
assert not list(folder.glob("*.safetensors"))
model = backends.load(folder, BackendOptions())
ids = Vocabulary.load(folder).encode_text("def f(x):")
print(model.name, model.forward(model.new_state(), ids).shape)
""",
        encoding="utf-8",
    )
    # The folder of the compiled kernels, which take a minute to compile.
    kept = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path), "PATH": "/usr/bin", **kept},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("numba (1, ")
