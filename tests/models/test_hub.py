"""The hub's own client against a hub made here, on loopback."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tiny import make_tiny_qwen2

from tabwright.models import names, pull, sources
from tabwright.models.errors import PullFailed, SourceFailed

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "made-up/tiny-coder"


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
            if path == f"/api/models/{REPO}/revision/main":
                found: object = {"id": REPO, "sha": COMMIT}
                self._send(json.dumps(found).encode(), "application/json", body)
            elif path == f"/api/models/{REPO}/tree/{COMMIT}":
                found = [
                    {"type": "file", "path": each.name, "size": each.stat().st_size, "oid": COMMIT}
                    for each in repository.iterdir()
                ]
                self._send(json.dumps(found).encode(), "application/json", body)
            elif path.startswith(f"/{REPO}/resolve/") and file.is_file():
                self._send(file.read_bytes(), "application/octet-stream", body)
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


def test_a_model_that_the_hub_lacks_is_said(hub: tuple[list[str], Path]) -> None:
    with pytest.raises(PullFailed, match="made-up/other"):
        pull.pull("made-up/other")


def test_a_hub_out_of_reach_is_given_up_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    fetch = sources.Fetch(names.parse(REPO), tmp_path, lambda done, message: None, lambda: False)
    started = time.monotonic()
    with pytest.raises(SourceFailed):
        sources.hub(fetch)
    assert time.monotonic() - started < 10
