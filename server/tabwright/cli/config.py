"""``tabwright config``: show or create the user's own settings file."""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_WIDTH = 100
_HEAD = """\
# Your own settings of Tabwright, for every editor. The settings of your editor override them.
# A line that begins with # sets nothing and shows the default.
# Settings marked (guarded) count only here and in your editor's own settings: a workspace cannot
# set them.
"""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand's arguments."""
    parser = subparsers.add_parser(
        "config",
        help="show your own settings file and its values, or create one",
        description="Show where your own settings file is and the resulting values, in TOML. They "
        "count in every editor; the settings of the editor override them.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--path", action="store_true", help="print only the path of the file")
    what.add_argument(
        "--init", action="store_true", help="create the file, with every setting as a comment"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print or create the file; 1 when it has faults, or cannot be created."""
    from tabwright import paths

    path = paths.config_file()
    if arguments.path:
        print(path)
        return 0
    return _init(path) if arguments.init else _show(path)


def _init(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        print(f"tabwright config: {path} exists already; nothing was changed", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"tabwright config: {path} cannot be created: {error}", file=sys.stderr)
        return 1
    print(f"Created {path}")
    return 0


def _show(path: Path) -> int:
    from tabwright.app.settings.layers import of_file
    from tabwright.app.settings.settings import Settings

    found = of_file(path)
    print(f"# {path}" + ("" if path.exists() else " does not exist; --init creates it"))
    print("".join(_values(found.settings, Settings())), end="")
    for each in found.warnings:
        print(f"tabwright config: {each}", file=sys.stderr)
    return int(bool(found.warnings))


def template() -> str:
    """A settings file that sets nothing: every setting with its default, as a comment."""
    from tabwright.app.settings.settings import Settings

    return _HEAD + "".join(_comments(Settings()))


def _values(settings: object, defaults: object, where: str = "") -> Iterator[str]:
    options, tables = _members(settings)
    for option in options:
        value = getattr(settings, option.name)
        mark = "" if value == getattr(defaults, option.name) else "  # from this file"
        yield f"{option.metadata['name']} = {_toml(value)}{mark}\n"
    for table in tables:
        name = f"{where}{table.metadata['name']}"
        yield f"\n[{name}]\n"
        yield from _values(getattr(settings, table.name), getattr(defaults, table.name), f"{name}.")


def _comments(settings: object, where: str = "", *, guarded: bool = False) -> Iterator[str]:
    options, tables = _members(settings)
    for option in options:
        spec, name = option.metadata["spec"], option.metadata["name"]
        mark = " (guarded)" if guarded or option.metadata.get("guarded") else ""
        yield f"# {name} = {_toml(getattr(settings, option.name))}  # {spec.expected}{mark}\n"
    for table in tables:
        inner, name = getattr(settings, table.name), f"{where}{table.metadata['name']}"
        about = " ".join((inner.__doc__ or "").replace("``", "").split())
        yield "\n" + textwrap.fill(about, _WIDTH, initial_indent="# ", subsequent_indent="# ")
        yield f"\n[{name}]\n"
        is_guarded = guarded or bool(table.metadata.get("guarded"))
        yield from _comments(inner, f"{name}.", guarded=is_guarded)


def _members(settings: object) -> tuple[list[Field[Any]], list[Field[Any]]]:
    """The settings of a table, and the tables in it."""
    named = [one for one in fields(cast(Any, settings)) if "name" in one.metadata]
    tables = [one for one in named if is_dataclass(getattr(settings, one.name))]
    return [one for one in named if one not in tables], tables


def _toml(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items())
        return "{ " + ", ".join(pairs) + " }"
    return json.dumps(value, ensure_ascii=False)  # JSON and TOML agree on every type of a setting
