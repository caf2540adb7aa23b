"""The list of a converted model's files: written last, so that what has one is whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabwright.core.message import Message
from tabwright.models.errors import ModelInvalid
from tabwright.models.names import MANIFEST
from tabwright.models.pulling import hub_facts
from tabwright.models.pulling.checksums import sha256_of
from tabwright.models.pulling.hub_facts import HubFacts

FORMAT = 1


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Size in bytes and sha256 (hexadecimal) of one file."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Where a converted model came from, the facts of each of its files, and what the hub said."""

    name: str
    origin: str
    licence: str
    files: dict[str, FileFacts]
    hub: HubFacts | None = None

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(facts.size for facts in self.files.values())


def write(
    folder: Path,
    *,
    name: str,
    origin: str,
    licence: str,
    hub: HubFacts | None = None,
    tick: Callable[[int], None] = lambda count: None,
    without: Collection[Path] = (),
) -> Manifest:
    """Sum up every file of the folder and write the manifest beside them, whole or not at all.

    Those of ``without`` are left out: they go, or may.
    """
    files: dict[str, FileFacts] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path in without:
            continue
        relative = path.relative_to(folder).as_posix()
        if relative != MANIFEST:
            files[relative] = FileFacts(path.stat().st_size, sha256_of(path, tick))
    content: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "origin": origin,
        "licence": licence,
        "files": {key: {"size": f.size, "sha256": f.sha256} for key, f in files.items()},
    }
    if hub is not None:
        content["hub"] = hub.as_json()
    passing = folder / f".{MANIFEST}"
    with passing.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    passing.replace(folder / MANIFEST)
    return Manifest(name, origin, licence, files, hub)


def read(folder: Path) -> Manifest:
    """Read the folder's manifest; raises ModelInvalid when there is none or it makes no sense."""
    path = folder / MANIFEST
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ModelInvalid(
                Message("{0} is of format {1}, not {2}", path, repr(content["format"]), FORMAT)
            )
        return Manifest(
            name=str(content["name"]),
            origin=str(content["origin"]),
            licence=str(content["licence"]),
            files={
                str(key): FileFacts(int(facts["size"]), str(facts["sha256"]))
                for key, facts in content["files"].items()
            },
            hub=hub_facts.of_json(content["hub"]) if "hub" in content else None,
        )
    except FileNotFoundError as error:
        raise ModelInvalid(
            Message("{0} has no tabwright.json: it was never finished", folder)
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelInvalid(
            Message("{0} cannot be read: {1}: {2}", path, type(error).__name__, error)
        ) from error


def problem(folder: Path, manifest: Manifest) -> str:
    """What is wrong with the folder's files by their sizes; an empty string when nothing is."""
    for name, facts in manifest.files.items():
        try:
            size = (folder / name).stat().st_size
        except OSError:
            return Message("{0} is missing", name)
        if size != facts.size:
            return Message("{0} has {1} bytes, not {2}", name, size, facts.size)
    return ""
