"""What the user allowed: folders whose programs may run, and addresses that code may be sent to.

It is kept in ``trust.json`` in the user's own data folder, never in a workspace, and is empty for
as long as the user allowed nothing. A file that others can write to counts for nothing.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from tabwright import paths, private
from tabwright.core.message import Message, MessageError

_MOST_BYTES = 1 << 20
_LOCK_S = 5.0
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
VARIABLE_EXPECTED = Message("the name of an environment variable, not the key itself")
_PORTS: Mapping[str, int] = {"http": 80, "https": 443}

T = TypeVar("T")
_Stamp = tuple[int, int, int]  # of a file: mtime in ns, size, inode


class TrustError(MessageError):
    """The file of consents cannot be used, or what should go into it cannot; says what to do."""


@dataclass(frozen=True)
class Address:
    """An address that code may be sent to, with the key in one environment variable.

    ``url`` is as ``address_of`` makes it; ``key_variable`` is "" where no key may be sent.
    """

    url: str
    key_variable: str = ""


@dataclass(frozen=True)
class Consents:
    """All that the user allowed: real paths of folders, and addresses."""

    folders: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()

    def covers(self, folder: str) -> bool:
        """Whether a folder is one that the user allowed, or lies below one; looks at the disk."""
        return is_below(folder, self.folders)

    def as_json(self) -> str:
        """The text of the file, and of ``tabwright trust list --json``."""
        addresses = [{"url": one.url, "keyEnvironment": one.key_variable} for one in self.addresses]
        return json.dumps({"folders": list(self.folders), "addresses": addresses}, indent=1)


class TrustFile:
    """Reads and writes the user's consents; a change by another process is seen at once."""

    def __init__(self, path: Path | None = None) -> None:
        """Use the user's own file, or ``path``; nothing is read or made before it is needed."""
        self.path = path if path is not None else paths.trust_file()
        self._known: tuple[_Stamp, Consents] | None = None

    def read(self) -> Consents:
        """What is allowed now; raises TrustError when the file cannot be relied on."""
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return Consents()
        except OSError as error:
            raise TrustError(Message("{0} cannot be read: {1}", self.path, error)) from error
        stamp = found.st_mtime_ns, found.st_size, found.st_ino
        if self._known is None or self._known[0] != stamp:
            if reason := _unsafe(found):
                raise TrustError(Message("{0} counts for nothing: {1}", self.path, reason))
            self._known = stamp, self._parsed()
        return self._known[1]

    def allow_folder(self, folder: str | Path) -> str:
        """Allow the programs of a folder and of all below it; returns its real path."""
        real = os.path.realpath(folder)
        if not os.path.isdir(real):
            raise TrustError(Message("{0} is no folder", folder))
        self._change(lambda old: replace(old, folders=_with(old.folders, real)))
        return real

    def allow_address(self, url: str, key_variable: str = "") -> Address:
        """Allow code, and the key in a variable, to go to an address."""
        if key_variable and not is_variable(key_variable):
            # It may be a key: not repeated.
            raise TrustError(Message("expected {0}", VARIABLE_EXPECTED))
        address = Address(address_of(url), key_variable)
        self._change(lambda old: replace(old, addresses=_with(old.addresses, address)))
        return address

    def remove(self, what: str) -> int:
        """Take back a folder, or an address with all its keys; returns how many entries went."""
        real = os.path.realpath(what)
        try:
            url = address_of(what)
        except TrustError:
            url = ""
        removed = 0

        def without(old: Consents) -> Consents:
            nonlocal removed
            folders = tuple(one for one in old.folders if one not in (what, real))
            addresses = tuple(one for one in old.addresses if one.url not in (what, url))
            kept = len(folders) + len(addresses)
            removed = len(old.folders) + len(old.addresses) - kept
            return Consents(folders, addresses)

        self._change(without)
        return removed

    def _change(self, change: Callable[[Consents], Consents]) -> None:
        """Read, change and write as one step, whoever else does the same."""
        import filelock

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with filelock.FileLock(f"{self.path}.lock", timeout=_LOCK_S):
                private.write(self.path, f"{change(self.read()).as_json()}\n")
        except filelock.Timeout as error:
            raise TrustError(
                Message("{0} is being written by another program", self.path)
            ) from error
        except OSError as error:
            raise TrustError(Message("{0} cannot be written: {1}", self.path, error)) from error

    def _parsed(self) -> Consents:
        try:
            with self.path.open("rb") as file:
                raw = file.read(_MOST_BYTES + 1)
            if len(raw) > _MOST_BYTES:
                raise ValueError("it is larger than 1 MiB")
            return _consents(json.loads(raw))
        except (OSError, ValueError, RecursionError) as error:
            reason = Message("{0} cannot be used: {1}; delete it, and allow anew", self.path, error)
            raise TrustError(reason) from error


def address_of(url: str) -> str:
    """The address of an engine as consents know it: scheme, host, port and path.

    Without what the API adds (a slash, ``/v1``, ``/v1/completions``), and in one spelling. Raises
    TrustError for what is no address over http or https.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise TrustError(Message("{0} is no address: {1}", repr(url), error)) from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise TrustError(
            Message("{0} is no http or https address such as http://localhost:8080", repr(url))
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = "" if port is None or port == _PORTS[parts.scheme] else f":{port}"
    path = parts.path.rstrip("/").removesuffix("/completions").removesuffix("/v1")
    return f"{parts.scheme}://{host}{shown}{path}"


def is_variable(name: object) -> bool:
    """Whether a text can be the name of an environment variable, as it is in all shells."""
    return isinstance(name, str) and _VARIABLE.fullmatch(name) is not None


def is_below(folder: str, allowed: Sequence[str]) -> bool:
    """Whether a folder's real path is one of ``allowed`` (real paths) or lies below one."""
    return bool(covering(folder, allowed))


def covering(folder: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """Those of ``allowed`` (real paths) that a folder is or lies below; none for ""."""
    real = Path(os.path.realpath(folder))
    return tuple(one for one in allowed if folder and real.is_relative_to(one))


def _unsafe(found: os.stat_result) -> str:
    """Why a file cannot be the user's own word; "" when it can."""
    if not stat.S_ISREG(found.st_mode):
        return Message("it is no regular file")
    if hasattr(os, "getuid"):
        if found.st_uid != os.getuid():
            return Message("it belongs to another user")
        if stat.S_IMODE(found.st_mode) & 0o022:
            return Message("other users can write to it; make it yours alone (chmod 600)")
    return ""


def _consents(data: object) -> Consents:
    if not isinstance(data, dict):
        raise ValueError("it holds no object")
    folders, addresses = data.get("folders", []), data.get("addresses", [])
    if not isinstance(folders, list) or not all(isinstance(one, str) for one in folders):
        raise ValueError("its folders are no list of texts")
    if not all(os.path.isabs(one) for one in folders):
        raise ValueError("one of its folders is no full path")
    if not isinstance(addresses, list):
        raise ValueError("its addresses are no list")
    return Consents(tuple(folders), tuple(map(_address, addresses)))


def _address(item: object) -> Address:
    url = item.get("url") if isinstance(item, dict) else None
    variable = item.get("keyEnvironment", "") if isinstance(item, dict) else None
    if not isinstance(url, str) or not isinstance(variable, str):
        raise ValueError("one of its addresses has no url, or no text for keyEnvironment")
    return Address(url, variable)


def _with(items: tuple[T, ...], item: T) -> tuple[T, ...]:
    return items if item in items else (*items, item)
