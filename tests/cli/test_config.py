"""``tabwright config`` and ``tabwright trust`` on the command line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tabwright import paths
from tabwright.__main__ import main
from tabwright.app.settings.layers import Layers, effective, read_file
from tabwright.app.settings.settings import Settings


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
    assert (problem, found.settings, found.warnings) == (None, Settings(), ())
    # Each line is right once it is no comment any more.
    lines = [line.removeprefix("# ") for line in path.read_text("utf-8").splitlines()]
    settings = [line for line in lines if line.startswith("[") or " = " in line]
    found = effective(Layers(file=tomllib.loads("\n".join(settings))), path)
    assert (found.settings, found.warnings) == (Settings(), ())
    # What is said of a table is for its users: it names settings as they are written here.
    about = [line for line in path.read_text("utf-8").splitlines() if " = " not in line]
    assert not [line for line in about if "_" in line or "sandbox)" in line or "added" in line]
    assert sum("(guarded)" in line for line in settings) == 18
    assert main(["config", "--init"]) == 1
    assert "nothing was changed" in capsys.readouterr().err


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


@pytest.mark.parametrize("key", ["sk-abc123", "a b", "1A", "K\n", "A" * 201, "Ä"])
def test_a_pasted_key_is_not_taken_for_the_name_of_a_variable(
    key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trust", "allow-address", "http://h", "--key", key]) == 1
    output = capsys.readouterr()
    assert "expected the name of an environment variable, not the key itself" in output.err
    assert key not in output.err + output.out
    assert not paths.trust_file().exists()


def test_a_folder_that_is_still_covered_is_said_to_be_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = tmp_path / "above" / "project"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        assert main(["trust", "allow-folder", str(folder)]) == 0
    capsys.readouterr()
    for first in ("was removed", "is not in the list"):
        assert main(["trust", "remove", str(inner)]) == 1
        output = capsys.readouterr()
        assert first in output.err and output.err.count(str(inner.parent)) == 2
        assert "no longer allowed" not in output.out
    assert main(["trust", "remove", str(inner.parent)]) == 0
    assert "no longer allowed" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["/", "home", "project"])
def test_allowing_everything_is_warned_of(
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = tmp_path / "home"
    (home / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    folder = {"/": Path("/"), "home": home, "project": home / "project"}[what]
    assert main(["trust", "allow-folder", str(folder)]) == 0
    error = capsys.readouterr().err
    assert ("is trusted now" in error) == (what != "project")


MIXED = """
[privacy]
deny = ["*.secret"]
[completion]
maxTokens = 8
multiline = "never"
[tabwright.completion]
maxTokens = 9
[other]
x = 1
"""


def test_plain_tables_count_beside_those_under_our_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = own(MIXED)
    found = effective(Layers(file=read_file(path)[0]), path)
    assert found.settings.privacy.deny == ("*.secret",)
    assert found.settings.completion.max_tokens == 9
    assert found.settings.completion.multiline == "never"
    twice, unknown = found.warnings
    assert "tabwright.completion.maxTokens is set twice" in twice
    assert "tabwright.other is not a setting" in unknown
    assert main(["config"]) == 1
    assert "set twice" in capsys.readouterr().err


def test_names_of_other_programs_beside_our_own_are_left_alone_in_what_a_client_sends() -> None:
    sent = {"tabwright": {"model": "m"}, "python": {"path": "x"}}
    found = effective(Layers(initial=sent), paths.config_file())
    assert (found.settings.model, found.warnings) == ("m", ())
