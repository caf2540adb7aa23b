"""``tabwright doctor``: what it says of the folders, the settings file and a remote engine."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tabwright import paths
from tabwright.__main__ import main
from tabwright.cli import doctor
from tabwright.trust import TrustFile


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("THE_KEY", raising=False)


def own(text: str) -> Path:
    path = paths.config_file()
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path


class Asked(BaseHTTPRequestHandler):
    """Refuses whoever has no key, as engines of teams do."""

    seen: list[dict[str, str]]

    def do_GET(self) -> None:
        self.seen.append({"path": self.path, **self.headers})
        self.send_response(401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Asked.seen = []
    with HTTPServer(("127.0.0.1", 0), Asked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_remote_engine_is_asked_only_once_it_is_allowed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(f'[remote]\nurl = "{address}/v1"\nkeyEnvironment = "THE_KEY"\n')
    (found,) = doctor._remote()
    assert found.level == "warning" and Asked.seen == []
    assert f"tabwright trust allow-address {address} --key THE_KEY" in found.detail
    assert "THE_KEY is not set" in found.detail

    TrustFile().allow_address(address, "OTHER")
    (found,) = doctor._remote()
    assert "not allowed" in found.detail and Asked.seen == [], "the consent was for another key"

    TrustFile().allow_address(address, "THE_KEY")
    (found,) = doctor._remote()
    assert found.level == "warning" and "THE_KEY is not set" in found.detail
    monkeypatch.setenv("THE_KEY", "sk-secret")
    (found,) = doctor._remote()
    assert found.level == "ok" and "it answers" in found.detail
    assert [one["path"] for one in Asked.seen] == ["/v1/models"] * 2
    assert "sk-secret" not in str(Asked.seen) + found.detail


def test_a_remote_engine_that_does_not_answer_is_a_warning() -> None:
    own('[remote]\nurl = "http://127.0.0.1:1"\n')
    TrustFile().allow_address("http://127.0.0.1:1")
    (found,) = doctor._remote()
    assert found.level == "warning" and "does not answer" in found.detail


def test_without_a_remote_engine_there_is_no_line() -> None:
    assert doctor._remote() == []


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="modes of files are POSIX's")
@pytest.mark.parametrize("where", ["file", "folder"])
def test_a_settings_file_that_others_can_write_is_a_problem(where: str) -> None:
    path = own('model = "m"\n')
    assert doctor._settings().level == "ok"
    (path if where == "file" else path.parent).chmod(0o777)
    found = doctor._settings()
    assert found.level == "problem" and str(path.parent) in found.detail


def test_a_relative_folder_of_models_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    usual = tmp_path / "data" / "tabwright" / "models"
    for value in ("models", "./models", "~nobody-of-this-name/models"):
        monkeypatch.setenv("TABWRIGHT_MODELS_DIR", value)
        assert paths.models_dir() == usual
        found = {one.what: one for one in doctor._folders()}["TABWRIGHT_MODELS_DIR"]
        assert found.level == "problem" and value in found.detail
        assert main(["models", "list"]) == 0
        assert f"({value}) is not a full path" in capsys.readouterr().err
    monkeypatch.setenv("TABWRIGHT_MODELS_DIR", "~/models")
    assert paths.models_dir() == tmp_path / "models" and paths.unused_models_dir() == ""
