"""Reads settings out of whatever a client or a file holds; a bad value warns and falls back."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any, TypeVar, cast

from tabwright.app.settings.settings import SECTION, Privacy, Settings, Spec
from tabwright.core.message import Message, verbatim

_Value = TypeVar("_Value")


def parse(data: object) -> tuple[Settings, tuple[Message, ...]]:
    """The settings in what a client sent, and a warning for each part that could not be used.

    Takes the section itself or an object that holds it, nested or with dotted keys. Never raises.
    """
    reader = SettingsReader()
    return reader.read(Settings(), data), tuple(reader.warnings)


class SettingsReader:
    """Reads one layer of settings on top of another; never raises.

    ``warnings`` name what could not be used, ``ignored`` the guarded settings that a layer wanted
    to change without being the user's own word.
    """

    def __init__(self, *, is_users: bool = True) -> None:
        """Take guarded settings only where the layer ``is_users`` own."""
        self.warnings: list[Message] = []
        self.ignored: list[str] = []
        self._is_users = is_users

    def read(self, below: Settings, data: object) -> Settings:
        """``below`` with what the layer sets; ``data`` as for ``parse``."""
        if data is None or data == []:  # Lua writes an empty object so
            return below
        if not isinstance(data, Mapping):
            self.warnings.append(
                Message("{0}: expected an object, got {1}; using defaults", SECTION, _shown(data))
            )
            return below
        return self._table(below, section_of(data), SECTION, guarded=False)

    def read_file(self, below: Settings, data: object) -> Settings:
        """The same for the user's own file, in which every name is meant for us.

        Plain names count beside those under the section's name; for what both set, the latter win.
        """
        if not isinstance(data, Mapping):
            return self.read(below, data)
        plain = undotted(data)
        inner = plain.get(SECTION)
        if not isinstance(inner, Mapping):
            if inner == []:
                del plain[SECTION]
            return self._table(below, plain, SECTION, guarded=False)
        del plain[SECTION]
        both = self._both(plain, undotted(inner), SECTION)
        return self._table(below, both, SECTION, guarded=False)

    def _both(
        self, plain: Mapping[str, Any], inner: Mapping[str, Any], where: str
    ) -> dict[str, Any]:
        found = {**plain, **inner}
        for key in sorted(plain.keys() & inner.keys()):
            name, first, second = f"{where}.{key}", plain[key], inner[key]
            if isinstance(first, Mapping) and isinstance(second, Mapping):
                found[key] = self._both(undotted(first), undotted(second), name)
            elif first != second:
                self.warnings.append(
                    Message("{0} is set twice; the one with this name counts", name)
                )
        return found

    def _table(
        self, below: _Value, data: Mapping[str, Any], where: str, *, guarded: bool
    ) -> _Value:
        values: dict[str, Any] = {}
        options = [member for member in fields(cast(Any, below)) if "name" in member.metadata]
        known = {member.metadata["name"]: member for member in options}
        for key in sorted(data.keys() - known.keys()):
            self._unknown(key, where, tuple(known))
        for key, member in known.items():
            value, name = data.get(key), f"{where}.{key}"
            if value is None:
                continue
            fallback = getattr(below, member.name)
            is_guarded = guarded or bool(member.metadata.get("guarded"))
            if is_dataclass(fallback):
                if isinstance(value, Mapping):
                    inner = undotted(value)
                    values[member.name] = self._table(fallback, inner, name, guarded=is_guarded)
                else:
                    self.warnings.append(
                        Message("{0}: expected an object, got {1}", name, _shown(value))
                    )
                continue
            spec: Spec = member.metadata["spec"]
            if not spec.check(value):
                self._unusable(name, spec, value, fallback)
            elif self._is_users or not is_guarded:
                values[member.name] = _frozen(value)
            elif isinstance(below, Privacy) and member.name == "deny":
                values["added"] = self._added(name, below, value)
            elif _frozen(value) != fallback:
                self.ignored.append(name)
        return cast(_Value, replace(cast(Any, below), **values))

    def _added(self, name: str, below: Privacy, patterns: list[str]) -> tuple[str, ...]:
        """What a workspace keeps out besides; anybody may do that, but not let more in."""
        new = [pattern for pattern in patterns if pattern not in below.deny]
        if any(pattern.lstrip().startswith("!") for pattern in new):
            self.ignored.append(f"{name} (!)")
        return (*below.added, *new)

    def _unknown(self, key: str, where: str, known: tuple[str, ...]) -> None:
        name, close = f"{where}.{key}", difflib.get_close_matches(key, known, n=1)
        warning = Message("{0} is not a setting", name)
        if close:
            other = f"{where}.{close[0]}"
            warning = Message("{0} is not a setting; did you mean {1}?", name, other)
        self.warnings.append(warning)

    def _unusable(self, name: str, spec: Spec, value: object, fallback: object) -> None:
        is_empty = fallback in ((), "") or isinstance(fallback, Mapping)
        shown = Message("the default") if is_empty else verbatim(repr(fallback))
        if spec.is_secret:
            self.warnings.append(
                Message("{0}: expected {1}; using {2}", name, spec.expected, shown)
            )
            return
        self.warnings.append(
            Message(
                "{0}: expected {1}, got {2}; using {3}", name, spec.expected, _shown(value), shown
            )
        )


def section_of(data: Mapping[Any, Any]) -> dict[str, Any]:
    """The section in what a client sent: itself, or what is under its name; keys without dots."""
    section = undotted(data)
    inner = section.get(SECTION)
    if inner == []:
        return {}
    return undotted(inner) if isinstance(inner, Mapping) else section


def undotted(data: Mapping[Any, Any]) -> dict[str, Any]:
    """The same with nested objects for dotted keys, as in ``{"completion.maxTokens": 8}``."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        head, dot, rest = str(key).partition(".")
        if not dot:
            merged = found.get(head)
            both = isinstance(merged, dict) and isinstance(value, Mapping)
            found[head] = {**merged, **value} if both and isinstance(merged, dict) else value
            continue
        inner = found.get(head)
        found[head] = {**(inner if isinstance(inner, Mapping) else {}), rest: value}
    return found


def _frozen(value: object) -> object:
    if isinstance(value, Mapping):
        return MappingProxyType(dict(value))
    return tuple(value) if isinstance(value, list) else value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
