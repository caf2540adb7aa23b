"""``tabwright config`` and ``tabwright trust`` on the command line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tabwright import paths
from tabwright.__main__ import main
from tabwright.lsp.settings import Settings
from tabwright.lsp.settings_layers import Layers, effective, read_file


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def own(text: str) -> Path:
    path = paths.config_file()
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    return path


def test_a_new_file_sets_nothing_and_has_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--init"]) == 0
    path = paths.config_file()
    assert str(path) in capsys.readouterr().out
    assert path.stat().st_mode & 0o077 == 0
    data, problem = read_file(path)
    found = effective(Layers(file=data), path)
    assert (problem, found.settings, found.warnings) == ("", Settings(), ())
    # Each line is right once it is no comment any more.
    lines = [line.removeprefix("# ") for line in path.read_text("utf-8").splitlines()]
    settings = [line for line in lines if line.startswith("[") or " = " in line]
    found = effective(Layers(file=tomllib.loads("\n".join(settings))), path)
    assert (found.settings, found.warnings) == (Settings(), ())
    assert sum("(guarded)" in line for line in settings) == 18
    assert main(["config", "--init"]) == 1
    assert "left alone" in capsys.readouterr().err


def test_the_values_in_force_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    path = own('model = "mine"\n[remote]\nurl = "http://h"\n[languages]\n"*" = false\n')
    assert main(["config"]) == 0
    output = capsys.readouterr().out
    assert str(path) in output and output.count("# from this file") == 3
    shown = tomllib.loads(output)
    assert shown["model"] == "mine" and shown["remote"]["url"] == "http://h"
    assert effective(Layers(file=shown), path) == effective(Layers(file=read_file(path)[0]), path)
    assert main(["config", "--path"]) == 0
    assert capsys.readouterr().out == f"{path}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model = \n", "it is no TOML"),
        ("[remote]\nulr = 'x'\n", "did you mean tabwright.remote.url"),
    ],
)
def test_faults_are_named_and_the_defaults_hold(
    capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path = own(text)
    assert main(["config"]) == 1
    output = capsys.readouterr()
    assert said in output.err and str(path) in output.err
    assert tomllib.loads(output.out)["model"] == Settings().model


def test_what_is_allowed_is_listed_and_taken_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    assert main(["trust"]) == 0 and "Nothing is allowed" in capsys.readouterr().out
    assert main(["trust", "allow-folder"]) == 0
    assert main(["trust", "allow-folder", str(tmp_path / "link")]) == 0
    assert main(["trust", "allow-address", "http://h:80/v1", "--key", "KEY"]) == 0
    capsys.readouterr()
    assert main(["trust", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "folders": [str(folder)],
        "addresses": [{"url": "http://h", "keyEnvironment": "KEY"}],
    }
    assert main(["trust", "list"]) == 0
    assert "key: KEY" in capsys.readouterr().out
    assert main(["trust", "remove", "."]) == 0
    assert main(["trust", "remove", "http://h/"]) == 0
    assert main(["trust", "remove", "http://h/"]) == 1
    assert "was not allowed" in capsys.readouterr().err
    assert main(["trust", "allow-folder", "nowhere"]) == 1
    assert "is no folder" in capsys.readouterr().err
    assert main(["trust", "allow-address", "nowhere"]) == 1
    assert "no http or https address" in capsys.readouterr().err
