"""Where settings come from, each layer on top of the one before, and who may set what.

Defaults, then the user's own file, then initializationOptions, then what the client sends later
(workspace/configuration and workspace/didChangeConfiguration). The last may come out of a
workspace, so guarded settings count there only for a client that says it keeps the two apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tabwright.app.settings.reader import SettingsReader, section_of, undotted
from tabwright.app.settings.settings import Settings
from tabwright.core.message import Message

TRUST = "trust"
_SEPARATE = "separate"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Trust:
    """What a client says of trust, in ``trust`` of its initializationOptions.

    ``separate``: it keeps a workspace's settings apart from the user's, so that all it sends is the
    user's word. ``workspace``: whether the user trusts the folders of this workspace; None leaves
    that to the server to ask.
    """

    separate: bool = False
    workspace: bool | None = None


@dataclass(frozen=True)
class Layers:
    """The layers as they came; None for one that there is not (yet)."""

    file: object = None
    initial: object = None
    later: object = None


@dataclass(frozen=True)
class Effective:
    """The settings that the layers make together; see ``SettingsReader`` for the warnings."""

    settings: Settings
    warnings: tuple[Message, ...]
    ignored: tuple[str, ...]


def effective(layers: Layers, file: Path) -> Effective:
    """The settings of all layers, read in order; ``file`` names the user's own in warnings."""
    trust, initial = split(layers.initial)
    own, user = SettingsReader(), SettingsReader()
    later = SettingsReader(is_users=trust.separate)
    users = own.read_file(Settings(), layers.file)
    found = later.read(user.read(users, initial), layers.later)
    found = _denied_by_both(users, found)
    warnings = [Message("{0}: {1}", file, warning) for warning in own.warnings]
    ignored = tuple(dict.fromkeys(later.ignored))
    return Effective(found, (*warnings, *user.warnings, *later.warnings), ignored)


def of_file(path: Path) -> Effective:
    """What the user's own file makes alone; a file that cannot be used is the one warning."""
    data, problem = read_file(path)
    found = effective(Layers(file=data), path)
    return replace(found, warnings=(problem,)) if problem else found


def _denied_by_both(users: Settings, found: Settings) -> Settings:
    """What the user's own file denies stays denied, whatever list an editor sends besides."""
    first = users.privacy.deny
    more = tuple(each for each in found.privacy.deny if each not in first)
    return replace(found, privacy=replace(found.privacy, deny=(*first, *more)))


def wanted_menu(initial: object, file: Path) -> str:
    """``completion.menu`` as far as it is known at ``initialize``."""
    return effective(Layers(read_file(file)[0], initial), file).settings.completion.menu


def split(initial: object) -> tuple[Trust, object]:
    """What initializationOptions say of trust, and the settings in them; never raises."""
    if not isinstance(initial, Mapping):
        return Trust(), initial
    settings = section_of(initial)
    beside = undotted(initial).get(TRUST, settings.get(TRUST))
    settings.pop(TRUST, None)
    if not isinstance(beside, Mapping):
        return Trust(), settings
    workspace = beside.get("workspace")
    return (
        Trust(
            separate=beside.get("settings") == _SEPARATE,
            workspace=workspace if isinstance(workspace, bool) else None,
        ),
        settings,
    )


def read_file(path: Path) -> tuple[object, Message | None]:
    """The user's own settings file, None where there is none, and why it cannot be used."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return None, Message("the settings in {0} cannot be read: {1}", path, error)
    if len(raw) > _MOST_BYTES:
        return None, Message("the settings in {0} are not used: it is larger than 1 MiB", path)
    import tomllib  # most have no such file, and need not wait for its parser

    try:
        found = tomllib.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return None, Message("the settings in {0} are not used: it is no TOML ({1})", path, error)
    return found, None


def where_to_put(names: tuple[str, ...], file: Path) -> Message:
    """The message for guarded settings that were ignored."""
    return Message(
        "{0}: ignored, because a workspace may not decide this; if it is your own choice, put it "
        "into {1} (see 'tabwright config') or into your editor's initializationOptions",
        ", ".join(names),
        file,
    )
