"""The settings that the VS Code extension shows are those the server reads, limits included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from tabwright.app.settings.reader import parse
from tabwright.app.settings.settings import SECTION, Settings
from tabwright.lsp.server import Server

FOLDER = Path(__file__).resolve().parents[2] / "editor-client" / "vscode"
PACKAGE = json.loads((FOLDER / "package.json").read_text("utf-8"))
OWN = f"{SECTION}.server."  # what the extension alone reads
LANGUAGES = ("package.nls.json", "package.nls.zh-cn.json")


def shown() -> dict[str, dict[str, Any]]:
    """Every setting in package.json by its full name."""
    groups = PACKAGE["contributes"]["configuration"]
    return {name: schema for group in groups for name, schema in group["properties"].items()}


def read(settings: object, where: str = SECTION) -> Iterator[tuple[str, object]]:
    """Every setting the server reads by its full name, with its default as JSON has it."""
    for member in fields(cast(Any, settings)):
        if "name" not in member.metadata:
            continue  # no setting of its own
        value = getattr(settings, member.name)
        name = f"{where}.{member.metadata['name']}"
        if is_dataclass(value):
            yield from read(value, name)
        elif isinstance(value, Mapping):
            yield name, dict(value)
        else:
            yield name, list(value) if isinstance(value, tuple) else value


def test_keys_and_defaults_are_the_same() -> None:
    ours = {name: schema["default"] for name, schema in shown().items() if OWN not in name}
    assert ours == dict(read(Settings()))


def warned(name: str, value: object) -> bool:
    return bool(parse({name.removeprefix(f"{SECTION}."): value})[1])


@pytest.mark.parametrize("name", [name for name in shown() if OWN not in name])
def test_what_is_allowed_is_what_the_server_takes(name: str) -> None:
    schema = shown()[name]
    assert not warned(name, schema["default"])
    for value in schema.get("enum", ()):
        assert not warned(name, value)
    if "enum" in schema:
        assert warned(name, "something else")
    if "minimum" in schema:
        low, high = schema["minimum"], schema["maximum"]
        assert not warned(name, low) and not warned(name, high)
        assert warned(name, low - 1) and warned(name, high + 1)
        assert warned(name, low + 0.5) == ("number" not in schema["type"])
    if schema["type"] == "boolean":
        assert warned(name, "yes")


@pytest.mark.parametrize("file", LANGUAGES)
def test_every_setting_is_described(file: str) -> None:
    texts = json.loads((FOLDER / file).read_text("utf-8"))
    for name, schema in shown().items():
        assert len(texts[schema["markdownDescription"].strip("%")]) > 5, name


def guarded(settings: object = Settings(), where: str = "", all_of_it: bool = False) -> set[str]:
    """Names of the settings that the server takes from the user alone, without the section."""
    found: set[str] = set()
    for member in fields(cast(Any, settings)):
        if "name" not in member.metadata:
            continue
        value = getattr(settings, member.name)
        name = where + member.metadata["name"]
        marked = all_of_it or member.metadata.get("guarded", False)
        if is_dataclass(value):
            found |= guarded(value, f"{name}.", marked)
        elif marked:
            found.add(name)
    return found


def test_a_workspace_chooses_no_program_model_or_address() -> None:
    machine = {name for name, schema in shown().items() if schema.get("scope") == "machine"}
    own = {name for name in shown() if name.startswith(OWN)}
    users = {f"{SECTION}.{name}" for name in guarded()}
    # A workspace may deny more; the extension puts its patterns behind the user's.
    assert machine == own | users - {f"{SECTION}.privacy.deny"}
    # "machine-overridable" and "resource" would let a folder choose.
    assert {schema.get("scope") for schema in shown().values()} == {"machine", None}
    trust = PACKAGE["capabilities"]["untrustedWorkspaces"]
    assert trust["supported"] == "limited"
    assert set(trust["restrictedConfigurations"]) == machine


def test_no_command_of_the_extension_is_one_of_the_server() -> None:
    ours = {command["command"] for command in PACKAGE["contributes"]["commands"]}
    registered = set(Server().protocol.fm.commands)
    assert "tabwright.edit" in registered
    assert not ours & registered
