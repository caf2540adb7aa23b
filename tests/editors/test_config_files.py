"""The configurations of editors that cannot be had here: well formed, and known to the server."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from editors.required import CLIENTS, program

from tabwright.app.settings.reader import parse
from tabwright.app.settings.settings import Settings
from tabwright.core.languages import by_id
from tabwright.engine.http.bodies import parse as parse_request

COMMAND = ["tabwright", "serve"]
VIM = "apt-get install vim"


def without_comments(text: str) -> str:
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


def known(settings: object) -> Settings:
    """The settings as the server reads them; none of them may be unknown to it."""
    found, warnings = parse(settings)
    assert warnings == ()
    return found


def test_helix() -> None:
    config = tomllib.loads((CLIENTS / "helix" / "languages.toml").read_text("utf-8"))
    server = config["language-server"]["tabwright"]
    assert [server["command"], *server["args"]] == COMMAND
    assert server["timeout"] > Settings().actions.timeout_seconds - 1
    known(server["config"])
    assert all("tabwright" in each["language-servers"] for each in config["language"])
    assert len({each["name"] for each in config["language"]}) == len(config["language"])


def test_sublime() -> None:
    text = (CLIENTS / "sublime" / "LSP.sublime-settings").read_text("utf-8")
    client = json.loads(without_comments(text))["clients"]["tabwright"]
    assert client["command"] == COMMAND and client["enabled"] is True
    # The package answers for a section with what its dotted names say.
    assert known(client["settings"]).diagnostics.syntax is True


def test_kate() -> None:
    config = json.loads((CLIENTS / "kate" / "settings.json").read_text("utf-8"))
    for server in config["servers"].values():
        assert server["command"] == COMMAND
        assert re.compile(server["highlightingModeRegex"])
        known(server.get("initializationOptions", {}))


def test_zed() -> None:
    folder = CLIENTS / "zed"
    config = json.loads((folder / "settings.json").read_text("utf-8"))
    server = config["lsp"]["tabwright"]
    assert [server["binary"]["path"], *server["binary"]["arguments"]] == COMMAND
    assert known(server["initialization_options"]).completion.menu == "never"
    manifest = tomllib.loads((folder / "extension" / "extension.toml").read_text("utf-8"))
    named = manifest["language_servers"]["tabwright"]
    assert set(named["languages"]) == set(named["language_ids"])
    assert all(by_id(each).name for each in named["language_ids"].values())
    crate = tomllib.loads((folder / "extension" / "Cargo.toml").read_text("utf-8"))
    assert crate["lib"]["crate-type"] == ["cdylib"]


def test_what_zed_asks_the_engine_is_understood() -> None:
    config = json.loads((CLIENTS / "zed" / "settings.json").read_text("utf-8"))
    wanted = config["edit_predictions"]["open_ai_compatible_api"]
    assert wanted["api_url"].endswith("/v1/completions") and wanted["prompt_format"] == "qwen"
    stops = ["<|endoftext|>", "<|file_separator|>", "<|fim_pad|>", "<|fim_prefix|>", "<PRE>"]
    body = {
        "model": wanted["model"],
        "prompt": "<|fim_prefix|>def add(a, b):\n    return <|fim_suffix|>\n<|fim_middle|>",
        "max_tokens": wanted["max_output_tokens"],
        "temperature": None,
        "stop": stops,
        "environment": None,
    }
    request = parse_request(body, "another")
    assert (request.model, request.max_tokens, request.stream) == (wanted["model"], 32, False)
    assert request.stops == tuple(stops)


@pytest.mark.parametrize(
    ("name", "event", "function"),
    [
        ("vim-lsp", "lsp_setup", "lsp#register_server"),
        ("yegappan-lsp", "LspSetup", "LspAddServer"),
    ],
)
def test_vim(tmp_path: Path, name: str, event: str, function: str) -> None:
    """A real Vim runs the file; the plugin's own function is one that notes what it is given."""
    script, out = tmp_path / "run.vim", tmp_path / "given.json"
    plugin = tmp_path / "autoload" / "lsp.vim"
    plugin.parent.mkdir()
    noting = f"function! {function}(given)\n  let g:given = a:given\nendfunction\n"
    plugin.write_text(noting if "#" in function else "", "utf-8")
    script.write_text(
        f"set nocompatible\nset runtimepath^={tmp_path}\n"
        + ("" if "#" in function else noting)
        + "let g:tabwright_settings = {'completion': {'maxTokens': 64}}\n"
        + f"source {CLIENTS / 'vim' / 'configs' / f'{name}.vim'}\n"
        + f"doautocmd User {event}\n"
        + "if type(g:given) == v:t_dict | let g:given.cmd = g:given.cmd({}) | endif\n"
        + f"call writefile([json_encode(g:given)], '{out}')\nqall!\n",
        "utf-8",
    )
    command = [program("vim", VIM), "-u", "NONE", "-N", "-e", "-s", "-S", str(script)]
    subprocess.run(command, check=True, timeout=20, stdin=subprocess.DEVNULL)
    given: Any = json.loads(out.read_text("utf-8"))
    server = given[0] if isinstance(given, list) else given
    assert server["name"] == "tabwright"
    if name == "yegappan-lsp":
        assert [server["path"], *server["args"]] == COMMAND
        initial = server["initializationOptions"]
        assert known(server["workspaceConfig"]).completion.max_tokens == 64
        assert "python" in server["filetype"]
    else:
        assert server["cmd"] == COMMAND
        initial = server["initialization_options"]
        assert known(server["workspace_config"]).completion.max_tokens == 64
        assert server["allowlist"] == ["*"]
    assert known(initial).completion.max_tokens == 64
    assert initial["trust"] == {"settings": "separate"}
