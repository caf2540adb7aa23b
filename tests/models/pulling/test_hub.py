"""The hub's own client against a hub made here, on loopback."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.tiny import make_tiny_qwen2

from tabwright.models import manifest, names, store
from tabwright.models.errors import ModelChanged, ModelInvalid, PullFailed, SourceFailed
from tabwright.models.pulling import checksums, hub_facts, pull, sources

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "made-up/tiny-coder"


def siblings(folder: Path) -> list[dict[str, object]]:
    """What the hub says of its files: those of weights have a sha256, others git's blob id."""
    found: list[dict[str, object]] = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        file: dict[str, object] = {"rfilename": path.name, "size": len(data), "blobId": blob}
        if path.suffix in (".safetensors", ".bin"):
            sha256 = hashlib.sha256(data).hexdigest()
            file["lfs"] = {"size": len(data), "sha256": sha256, "pointerSize": 135}
        found.append(file)
    outside = {"rfilename": "../outside.json", "size": 1, "blobId": COMMIT}
    return [*found, outside, {**outside, "rfilename": "sub/more.json"}]


# By name: other bytes than those that the hub says it has.
spoilt: dict[str, bytes] = {}


@pytest.fixture(autouse=True)
def nothing_is_spoilt() -> Iterator[None]:
    spoilt.clear()
    yield
    spoilt.clear()


@pytest.fixture
def unconverted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulls take the files as they are: a conversion takes seconds, and is not what is tested."""

    def copy(found: Path, folder: Path, *_: object) -> None:
        shutil.copytree(found, folder, ignore=shutil.ignore_patterns(".cache"))

    monkeypatch.setattr(pull, "_convert", copy)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_tiny_qwen2(tmp_path_factory.mktemp("hub") / "tiny-coder")
    (folder / "pytorch_model.bin").write_bytes(b"\x80 a pickle that nobody asks for")
    return folder


@pytest.fixture
def hub(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[list[str], Path]]:
    """A hub with one repository; the paths that were asked for, and the models' folder."""
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            asked.append(self.path)
            path = self.path.partition("?")[0]
            file = repository / path.rpartition("/")[2]
            if path == f"/api/models/{REPO}":
                found = {"id": REPO, "sha": COMMIT, "siblings": siblings(repository)}
                self._send(json.dumps(found).encode(), "application/json", body)
            elif path.startswith(f"/{REPO}/resolve/{COMMIT}/") and file.is_file():
                data = spoilt.get(file.name, file.read_bytes())
                self._send(data, "application/octet-stream", body)
            elif path in ("", "/"):
                self._send(b"", "text/plain", body)
            else:
                self.send_error(404)

        def _send(self, data: bytes, kind: str, body: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("TABWRIGHT_MODELS_DIR", str(tmp_path / "models"))
    yield asked, tmp_path / "models"
    server.shutdown()
    server.server_close()


def test_a_model_by_its_id_comes_whole_and_without_its_pickle(
    hub: tuple[list[str], Path],
) -> None:
    asked, models = hub
    folder = pull.pull(REPO)
    assert folder.is_relative_to(models)
    assert list(folder.glob("*.safetensors")) and not list(folder.glob("*.bin"))
    assert not any("pytorch_model" in path for path in asked)
    count = len(asked)
    assert pull.pull(REPO) == folder
    assert len(asked) == count, "a model that is here was asked for again"


@pytest.mark.usefixtures("unconverted")
def test_the_hubs_facts_about_the_files_are_stored(
    hub: tuple[list[str], Path], repository: Path
) -> None:
    asked, _ = hub
    folder = pull.pull(REPO)
    facts = manifest.read(folder).hub
    assert facts is not None and facts.commit == COMMIT and facts.repo == REPO
    weights = repository / "model.safetensors"
    assert facts.files[weights.name].sha256 == checksums.sha256_of(weights)
    assert {"config.json", "tokenizer.json"} < facts.files.keys()
    assert not any("outside" in path or "more.json" in path for path in asked)
    (listed,) = store.installed()
    assert listed.origin == f"hub: {REPO}@{COMMIT}"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.usefixtures("unconverted")
def test_bytes_other_than_the_hub_says_are_refused(
    hub: tuple[list[str], Path], repository: Path, name: str
) -> None:
    _, models = hub
    data = bytearray((repository / name).read_bytes())
    data[-2] ^= 1
    spoilt[name] = bytes(data)
    with pytest.raises(ModelInvalid, match=f"{name} did not come as the hub has it"):
        pull.pull(REPO)
    assert not (models / "made-up--tiny-coder").exists()
    spoilt.clear()
    assert pull.pull(REPO).is_dir(), "the next pull must begin anew"


@pytest.mark.usefixtures("unconverted")
def test_a_model_changed_at_the_hub_is_reported_and_not_replaced(
    hub: tuple[list[str], Path], repository: Path
) -> None:
    folder = pull.pull(REPO)
    config = repository / "config.json"
    original = config.read_text("utf-8")
    (folder / "config.json").write_text("{}")  # damaged here, so that it is pulled again
    try:
        config.write_text(original + "\n")
        with pytest.raises(ModelChanged, match=r"has changed at the hub .*config\.json") as caught:
            pull.pull(REPO)
        assert f"models remove {REPO}" in str(caught.value)
        assert (folder / "config.json").read_text() == "{}"
        store.remove(REPO)
        assert pull.pull(REPO) == folder, "the user decided to take the new one"
    finally:
        config.write_text(original)


@pytest.mark.usefixtures("unconverted")
def test_a_damaged_model_is_pulled_again_where_nothing_has_changed(
    hub: tuple[list[str], Path],
) -> None:
    folder = pull.pull(REPO)
    (folder / "config.json").write_text("{}")
    assert pull.pull(REPO) == folder
    assert (folder / "config.json").read_text() != "{}"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"commit": "main", "files": {}}',
        f'{{"commit": "{COMMIT}", "files": {{"a.json": {{"size": 1, "sha256": "", "blob": ""}}}}}}',
        f'{{"commit": "{COMMIT}", "files": {{"a.json": {{"size": 1}}}}}}',
        f'{{"commit": "{COMMIT}", "files": 3}}',
    ],
)
def test_facts_that_are_none_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "facts").write_text(content)
    with pytest.raises(SourceFailed, match="the hub does not say what its files are"):
        hub_facts.read(tmp_path / "facts", REPO, "")


def test_a_model_that_the_hub_lacks_is_reported(hub: tuple[list[str], Path]) -> None:
    with pytest.raises(PullFailed, match="made-up/other"):
        pull.pull("made-up/other")


def test_an_unreachable_hub_fails_quickly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    fetch = sources.Fetch(names.parse(REPO), tmp_path, lambda done, message: None, lambda: False)
    started = time.monotonic()
    with pytest.raises(SourceFailed):
        sources.hub(fetch)
    assert time.monotonic() - started < 10
