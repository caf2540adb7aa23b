"""``tabwright engine --tcp``: what web pages, other users and the curious can ask of it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.editor import Home
from support.engine_process import EngineProcess, running, token_files
from support.tiny import make_tiny_qwen2

QUESTION = json.dumps({"prompt": "x = 1\n", "max_tokens": 1}).encode()
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_qwen2(tmp_path_factory.mktemp("tiny") / "private-project-model")


@pytest.fixture(scope="module")
def guarded(model: Path) -> Iterator[EngineProcess]:
    with running("--model", str(model)) as engine:
        yield engine


@pytest.fixture(scope="module")
def open_to_all(model: Path) -> Iterator[EngineProcess]:
    """One without a token: what protects it from web pages must do so alone."""
    with running("--model", str(model), "--no-token") as engine:
        yield engine


def touched(engine: EngineProcess) -> bool:
    """Whether any request got as far as a model."""
    return bool(engine.status()["models"])


# What a browser sends for a page of another site, none of it after a question (preflight).
PAGES: dict[str, tuple[str, str, dict[str, str], bytes | None]] = {
    "fetch of text": (
        "POST", "/v1/completions",
        {"Origin": "http://evil.example", "Content-Type": "text/plain;charset=UTF-8"}, QUESTION,
    ),
    "fetch without a type": (
        "POST", "/v1/completions", {"Origin": "http://evil.example", "Content-Type": ""}, QUESTION,
    ),
    "form": (
        "POST", "/v1/completions",
        {"Origin": "https://evil.example", "Content-Type": "application/x-www-form-urlencoded"},
        b"prompt=x",
    ),
    "form as text": (
        "POST", "/v1/completions",
        {"Origin": "https://evil.example", "Content-Type": "text/plain"},
        b'{"prompt": "x", "ignored": "=\r\n"}',
    ),
    "form with files": (
        "POST", "/v1/completions",
        {"Origin": "https://evil.example", "Content-Type": "multipart/form-data; boundary=b"},
        b"--b\r\n\r\n--b--",
    ),
    "sandboxed frame": ("POST", "/v1/completions", {"Origin": "null", **JSON}, QUESTION),
    "page of a development server": (
        "POST", "/v1/completions", {"Origin": "http://localhost:3000", **JSON}, QUESTION,
    ),
    "the engine's own address": (
        "POST", "/v1/completions", {"Origin": "http://127.0.0.1", **JSON}, QUESTION,
    ),
    "image": ("GET", "/tabwright/model", {"Sec-Fetch-Site": "cross-site"}, None),
    "script of another port": ("GET", "/tabwright/model", {"Sec-Fetch-Site": "same-site"}, None),
    "preflight": (
        "OPTIONS", "/v1/completions",
        {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}, None,
    ),
    "DNS rebinding": ("POST", "/v1/completions", {"Host": "evil.example", **JSON}, QUESTION),
    "DNS rebinding with the port": ("GET", "/tabwright/model", {"Host": "evil.example:PORT"}, None),
    "a name that looks alike": (
        "GET", "/tabwright/model", {"Host": "127.0.0.1.evil.example:PORT"}, None,
    ),
    "localhost of somebody": ("GET", "/tabwright/model", {"Host": "localhost.evil.example"}, None),
    "another port": ("GET", "/tabwright/model", {"Host": "127.0.0.1:1"}, None),
    "no host": ("GET", "/tabwright/model", {"Host": ""}, None),
    "any address": ("GET", "/tabwright/model", {"Host": "0.0.0.0"}, None),
    "an address of the network": ("GET", "/tabwright/model", {"Host": "192.168.1.5"}, None),
    "user and host": ("GET", "/tabwright/model", {"Host": "127.0.0.1@evil.example"}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_no_web_page_can_ask_it(open_to_all: EngineProcess, name: str) -> None:
    method, path, headers, body = PAGES[name]
    headers = {key: text.replace("PORT", str(open_to_all.port)) for key, text in headers.items()}
    status, said = open_to_all.ask(method, path, headers, body)
    assert status in (400, 403), said  # 400: without Host the request is no HTTP/1.1
    assert not touched(open_to_all), "it got as far as the model"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_must_be_json_even_without_an_origin(open_to_all: EngineProcess, kind: str) -> None:
    status, said = open_to_all.ask("POST", "/v1/completions", {"Content-Type": kind}, QUESTION)
    assert (status, said["error"]["code"]) == (415, "unsupported_media_type")
    assert not touched(open_to_all)


def test_a_second_host_header_is_refused(open_to_all: EngineProcess) -> None:
    hosts = f"127.0.0.1:{open_to_all.port}\r\nHost: evil.example"
    assert open_to_all.ask("GET", "/tabwright/model", {"Host": hosts})[0] in (400, 403)
    assert not touched(open_to_all)


@pytest.mark.parametrize(
    "shown",
    [
        None, "", "Bearer", "Bearer ", "Bearer x", "Basic eDp4", "bearer\tx", "Bearer \xff\xfe",
        "TOKEN", "Basic TOKEN", "Bearer TOKENx", "Bearer x, Bearer TOKEN",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/tabwright/status", "/tabwright/model", "/v1/models", "/x"])
def test_without_the_token_no_information_is_sent(
    guarded: EngineProcess, shown: str | None, path: str
) -> None:
    headers = {} if shown is None else {"Authorization": shown.replace("TOKEN", guarded.token)}
    status, said = guarded.ask("GET", path, headers, bearer=False)
    assert status == 401 and said["error"]["code"] == "unauthorized", said
    assert not touched(guarded)


def test_the_token_is_private_and_goes_with_the_engine(model: Path) -> None:
    with running("--model", str(model)) as engine:
        (file,) = token_files(engine.home)
        assert file.read_text() == engine.token and len(engine.token) >= 32
        if hasattr(os, "getuid"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        engine.status()
        engine.process.terminate()
        assert engine.process.wait(30) == 0
        assert not file.exists()
        written = "".join(path.read_text() for path in engine.home.path.rglob("*.log"))
        assert "listening on http://127.0.0.1" in written and engine.token not in written


def test_a_token_of_the_users_own(model: Path) -> None:
    arguments = ("--model", str(model), "--key-environment", "MY_KEY")
    with running(*arguments, environment={"MY_KEY": "0123456789abcdef"}) as engine:
        assert not token_files(engine.home) and "0123456789abcdef" not in engine.told
        assert engine.ask("GET", "/tabwright/status")[0] == 401
        engine.token = "0123456789abcdef"
        assert engine.ask("GET", "/tabwright/status")[0] == 200


def test_running_without_a_token_prints_a_warning(open_to_all: EngineProcess) -> None:
    assert "every program and every user of this machine can ask it" in open_to_all.told
    assert open_to_all.status()["pid"] == open_to_all.process.pid


def test_nobody_can_end_it_over_tcp(guarded: EngineProcess, open_to_all: EngineProcess) -> None:
    for engine in (guarded, open_to_all):
        assert engine.ask("POST", "/tabwright/shutdown", body=b"{}")[0] == 404
        assert engine.process.poll() is None and engine.status()


@pytest.mark.parametrize("name", ["PATH", "/etc", "~", "~root/x", "/proc/self/cwd", "/x/../etc"])
def test_no_path_names_a_model(guarded: EngineProcess, model: Path, name: str) -> None:
    named = name.replace("PATH", str(model))
    body = json.dumps({"prompt": "x", "max_tokens": 0, "model": named}).encode()
    for status, said in (
        guarded.ask("POST", "/v1/completions", body=body),
        guarded.ask("GET", f"/tabwright/model?name={named}"),
    ):
        assert (status, said["error"]["code"]) == (400, "bad_request")
        assert "a path names no model" in said["error"]["message"]
    assert not touched(guarded)


def test_no_path_of_this_machine_is_sent(model: Path) -> None:
    with running("--model", str(model)) as engine:
        said = [engine.ask("GET", path) for path in ("/v1/models", "/tabwright/model")]
        said += [engine.ask("GET", f"/tabwright/model?name={model.name}")]
        (model / "config.json").rename(model / "away.json")
        try:
            said.append(engine.ask("POST", "/v1/completions", body=QUESTION))
        finally:
            (model / "away.json").rename(model / "config.json")
        said.append((200, engine.status()))
    assert [status for status, _ in said] == [200, 200, 200, 422, 200]
    assert said[0][1]["data"][0]["id"] == model.name
    assert "private-project-model" in json.dumps(said)
    told = json.dumps(said)
    for secret in (model, model.parent, engine.home.path, Path.home()):
        assert str(secret) not in told


def test_allowed_clients_are_answered(open_to_all: EngineProcess, guarded: EngineProcess) -> None:
    """The last test of the file: until here no request got as far as a model."""
    for host in ("localhost", "127.0.0.1", "LocalHost:PORT", "[::1]:PORT", "127.0.0.1:PORT"):
        named = {"Host": host.replace("PORT", str(guarded.port))}
        assert guarded.ask("GET", "/tabwright/status", named)[0] == 200, host
    for engine in (open_to_all, guarded):
        assert not touched(engine)
        status, said = engine.ask("GET", "/tabwright/model")
        assert status == 200 and "<|fim_middle|>" in said["special_tokens"]
        assert touched(engine)
    with_charset = {"Content-Type": "application/json; charset=utf-8"}
    status, said = guarded.ask("POST", "/v1/completions", with_charset, b"[]")
    assert (status, said["error"]["message"]) == (400, "the body must be a JSON object")
    assert open_to_all.ask("GET", "/tabwright/status", {"Sec-Fetch-Site": "none"})[0] == 200


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tcp", "0.0.0.0:0"), ("--tcp", "[::]:0"), ("--tcp", "192.168.1.5:1"),
        ("--tcp", "evil.example:1"), ("--tcp", "::1"), ("--tcp", "127.0.0.1:99999"),
        ("--tcp", "127.0.0.1:0", "--key-environment", "NOT_SET"),
        ("--tcp", "127.0.0.1:0", "--key-environment", "SHORT"),
        ("--tcp", "127.0.0.1:0", "--key-environment", "SHORT", "--no-token"),
    ],
)  # fmt: skip
def test_addresses_and_tokens_that_cannot_be_used(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tabwright", "engine", *arguments],
        env=Home(tmp_path).environment({"SHORT": "abc"}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "tabwright engine: " in ended.stderr and "Traceback" not in ended.stderr
