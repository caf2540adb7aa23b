"""Settings that may come out of a workspace decide nothing that is guarded, in a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from lsprotocol import types
from support.editor import Editor, Home, editing, engine_for
from support.listener import Listener, listening

from tabwright.app.documents.privacy import PrivacyRules
from tabwright.app.settings.layers import Layers, effective, split
from tabwright.app.settings.settings import Settings

CODE = "def add(a, b):\n    return \n"
ANSWER = {"text": "a + b"}
SEPARATE = {"trust": {"settings": "separate"}}
FILE = Path("/home/user/.config/tabwright/config.toml")
SECRET = {"AWS_SECRET_ACCESS_KEY": "do-not-send"}
# A value for each guarded setting, other than its default.
HOSTILE: dict[str, object] = {
    "model": "evil/model",
    "modelsDirectory": "/tmp/evil",
    "actions.model": "evil/model",
    "checks.runExamples": True,
    "checks.tools": False,
    "engine.idleMinutes": 1,
    "engine.threads": 3,
    "engine.precision": "int4",
    "engine.device": "cpu",
    "engine.backend": "torch",
    "remote.url": "http://localhost:1",
    "remote.model": "evil",
    "remote.keyEnvironment": "AWS_SECRET_ACCESS_KEY",
    "remote.template": "evil",
    "remote.timeoutSeconds": 600,
    "privacy.respectGitignore": False,
    "log.level": "debug",
}


def guarded(settings: object, where: str = "", inside: bool = False) -> Iterator[str]:
    for member in fields(cast(Any, settings)):
        if "name" not in member.metadata:
            continue
        name = f"{where}{member.metadata['name']}"
        is_guarded = inside or bool(member.metadata.get("guarded"))
        value = getattr(settings, member.name)
        if is_dataclass(value):
            yield from guarded(value, f"{name}.", is_guarded)
        elif is_guarded:
            yield name


def changed(settings: object) -> types.DidChangeConfigurationParams:
    return types.DidChangeConfigurationParams(cast(Any, settings))


@pytest.fixture
async def listener() -> Any:
    async with listening() as found:
        yield found


def remote(listener: Listener) -> dict[str, object]:
    return {"remote": {"url": listener.url, "keyEnvironment": "AWS_SECRET_ACCESS_KEY"}}


async def is_answered_locally(editor: Editor) -> None:
    editor.open(CODE)
    assert await editor.texts(1, 11) == ["a + b"]
    status = await editor.command("status")
    assert status["remote"] is None and status["model"] == Settings().model


# What the layers make of a guarded setting ------------------------------------------------------


def test_every_guarded_setting_is_attacked_here() -> None:
    assert set(guarded(Settings())) - {"privacy.deny"} == set(HOSTILE)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("section", [True, False])
def test_a_workspace_does_not_set_it(name: str, section: bool) -> None:
    sent = {"tabwright": {name: HOSTILE[name]}} if section else {name: HOSTILE[name]}
    found = effective(Layers(later=sent), FILE)
    assert found.settings == Settings() and found.ignored == (f"tabwright.{name}",)
    trusted = effective(Layers(initial=SEPARATE, later=sent), FILE)
    assert trusted.settings != Settings() and trusted.ignored == () == trusted.warnings
    own = effective(Layers(initial=sent), FILE)
    assert own.settings == trusted.settings and own.ignored == ()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_workspace_setting_equal_to_the_users_gives_no_warning(name: str) -> None:
    sent = {name: HOSTILE[name]}
    found = effective(Layers(file=sent, later=sent), FILE)
    assert found.settings != Settings() and found.ignored == ()
    back = effective(Layers(file=sent, later={}), FILE)
    assert back.settings == found.settings


def test_later_layers_stand_above_earlier_ones() -> None:
    layers = Layers(
        file={"model": "file", "completion": {"maxTokens": 1}, "log": {"level": "error"}},
        initial={"tabwright": {"model": "start"}, "trust": {"settings": "separate"}},
        later={"completion": {"maxTokens": 3}},
    )
    found = effective(layers, FILE).settings
    assert (found.model, found.completion.max_tokens, found.log.level) == ("start", 3, "error")


@pytest.mark.parametrize(
    "trust",
    [
        None,
        [],
        "separate",
        {"settings": True},
        {"settings": ["separate"]},
        {"settings": "Separate"},
    ],
)
def test_trust_of_any_other_shape_is_none(trust: object) -> None:
    found = effective(Layers({}, {"trust": trust}, {"model": "evil"}), FILE)
    assert found.settings == Settings() and found.warnings == ()


@pytest.mark.parametrize("workspace", [None, 1, "true", {}, [True]])
def test_only_true_is_trust_in_the_workspace(workspace: object) -> None:
    assert split({"trust": {"workspace": workspace}})[0].workspace is None


def test_trust_in_later_settings_counts_for_nothing() -> None:
    later = {"tabwright": {"model": "evil"}, "trust": {"settings": "separate", "workspace": True}}
    assert effective(Layers(later=later), FILE).settings == Settings()
    inside = {"model": "evil", "trust": {"settings": "separate"}}
    assert effective(Layers(later=inside), FILE).settings == Settings()


@pytest.mark.parametrize("value", ["models", "./models", "../models", "a/../../b"])
def test_a_folder_of_models_is_never_looked_for_in_the_workspace(value: str) -> None:
    found = effective(Layers(initial={"modelsDirectory": value}), FILE)
    assert found.settings == Settings() and "full path" in found.warnings[0]


@pytest.mark.parametrize("layer", ["initial", "later", "both"])
def test_denials_in_the_users_file_remain(layer: str) -> None:
    """Editors send an empty list, or one that a workspace has a part in, as the user's."""
    file = {"privacy": {"deny": ["internal/**", "!shown.env"]}}
    for sent in ([], ["more.py"], ["more.py", "internal/**"]):
        options: dict[str, object] = {"trust": {"settings": "separate"}}
        said = {"privacy": {"deny": sent}}
        if layer != "later":
            options["tabwright"] = said
        later = None if layer == "initial" else said
        found = effective(Layers(file, options, later), FILE).settings.privacy.deny
        assert found[:2] == ("internal/**", "!shown.env")
        assert found[2:] == (("more.py",) if sent else ())
    # What was sent later takes the place of what was sent first.
    first = {"trust": {"settings": "separate"}, "privacy": {"deny": ["old.py"]}}
    layers = Layers(file, first, {"privacy": {"deny": ["new.py"]}})
    assert effective(layers, FILE).settings.privacy.deny[2:] == ("new.py",)


def test_a_workspace_denies_more_files_and_never_fewer(tmp_path: Path) -> None:
    user = {"privacy": {"deny": ["private.py", "!public.env"]}}
    sent = {"privacy": {"deny": ["more.py", "!private.py", "!.env", " !id_rsa", "!more.py"]}}
    found = effective(Layers(initial=user, later=sent), FILE)
    assert found.settings.privacy.deny == ("private.py", "!public.env")
    assert found.ignored == ("tabwright.privacy.deny (!)",)
    settings = found.settings.privacy
    privacy = PrivacyRules((tmp_path,), settings.deny, added_globs=settings.added)
    assert privacy.allowed(tmp_path / "public.env") is None
    for name in ("private.py", ".env", "id_rsa"):
        assert privacy.allowed(tmp_path / name), name
    stricter = effective(Layers(user, None, {"privacy": {"deny": ["*.env", "*.md"]}}), FILE)
    assert stricter.ignored == ()
    settings = stricter.settings.privacy
    privacy = PrivacyRules((tmp_path,), settings.deny, added_globs=settings.added)
    assert privacy.allowed(tmp_path / "public.env") and privacy.allowed(tmp_path / "a.md")


# In a real server -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["configuration", "change"])
async def test_nothing_goes_to_an_address_of_the_workspace(
    home: Home, listener: Listener, way: str
) -> None:
    sent = remote(listener)
    settings = sent if way == "configuration" else {}
    async with (
        engine_for(home, ANSWER, ANSWER),
        editing(home, settings=settings, chosen="Allow", environment=SECRET) as editor,
    ):
        await editor.until_ready()
        if way == "change":
            editor.client.workspace_did_change_configuration(changed({"tabwright": sent}))
        await is_answered_locally(editor)
        editor.client.workspace_did_change_configuration(changed({"tabwright": sent}))
        await is_answered_locally(editor)
        await editor.until(lambda: any("tabwright.remote.url" in text for text in editor.shown))
        (told,) = [text for text in editor.shown if "ignored" in text]
        assert "tabwright.remote.keyEnvironment" in told and "config.toml" in told
        assert editor.asked == []
    assert listener.connections == 0


async def test_all_guarded_settings_at_once_change_nothing(home: Home) -> None:
    async with engine_for(home, ANSWER), editing(home, settings=HOSTILE) as editor:
        await is_answered_locally(editor)
        (told,) = [text for text in editor.shown if "ignored" in text]
        assert all(f"tabwright.{name}" in told for name in HOSTILE)
    assert "DEBUG" not in home.log


async def test_the_other_settings_of_a_workspace_count(home: Home) -> None:
    settings = {"languages": {"python": False}}
    async with engine_for(home, ANSWER), editing(home, settings=settings) as editor:
        editor.open(CODE)
        assert await editor.texts(1, 11) == []
        assert (await editor.command("why"))["reason"] == "completion is switched off"
        assert editor.shown == []


async def test_settings_of_a_client_that_separates_workspaces_count_as_the_users(
    home: Home,
) -> None:
    settings = {"model": "other"}
    async with (
        engine_for(home, ANSWER),
        editing(home, options=SEPARATE, settings=settings) as editor,
    ):
        await editor.until_ready()
        assert (await editor.command("status"))["model"] == "other"
        assert editor.shown == []


def own_settings(home: Home, text: str) -> Path:
    folder = home.path / ".config" / "tabwright"
    folder.mkdir(parents=True)
    file = folder / "config.toml"
    file.write_text(text, "utf-8")
    return file


async def test_the_clients_settings_override_the_users_file(home: Home) -> None:
    own_settings(home, 'model = "mine"\n[languages]\n"*" = false\n')
    settings: Mapping[str, object] = {"model": "evil", "languages": {"python": True}}
    async with engine_for(home, ANSWER), editing(home, settings=settings) as editor:
        editor.open(CODE)
        assert await editor.texts(1, 11) == ["a + b"]
        assert (await editor.command("status"))["model"] == "mine"
    async with engine_for(home, ANSWER), editing(home, options={"model": "start"}) as editor:
        await editor.until_ready()
        assert (await editor.command("status"))["model"] == "start"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model = ", "it is no TOML"),
        ("\0\n", "it is no TOML"),
        ("model = 5\n", "tabwright.model: expected a text that is not empty, got 5"),
        ("modell = 'x'\n", "did you mean tabwright.model?"),
    ],
)
async def test_an_invalid_user_file_is_reported_and_the_defaults_hold(
    home: Home, text: str, said: str
) -> None:
    file = own_settings(home, text)
    async with engine_for(home, ANSWER), editing(home) as editor:
        await is_answered_locally(editor)
        (told,) = editor.shown
        assert said in told and str(file) in told


async def test_trust_can_be_sent_later(home: Home) -> None:
    async with engine_for(home), editing(home) as editor:
        assert (await editor.command("trust"))["workspace"] is None
        for said in (True, False, True):
            assert (await editor.command("trust", {"workspace": said}))["workspace"] is said
        assert (await editor.command("trust", {"workspace": "no"}))["workspace"] is True
        await asyncio.sleep(0)
