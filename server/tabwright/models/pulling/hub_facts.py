"""The hub's facts of a model's files: compare them with the files and with an earlier pull."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabwright.core.message import Message
from tabwright.models.errors import ModelInvalid, SourceFailed
from tabwright.models.pulling.checksums import hex_of

FILE = "hub-facts.json"  # in the folder that a pull works in
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file: its size in bytes, and its sha256; a small one has git's blob id (sha1) instead."""

    size: int
    sha256: str
    blob: str


@dataclass(frozen=True, slots=True)
class HubFacts:
    """The commit of a repository at the hub, and its files by name."""

    repo: str
    revision: str
    commit: str
    files: dict[str, HubFile]

    def as_json(self) -> dict[str, Any]:
        """The facts as JSON; the reverse of ``of_json``."""
        return asdict(self)

    def changed_since(self, earlier: HubFacts) -> list[str]:
        """The names of files that were added, changed or removed since an earlier pull."""
        return sorted(
            name
            for name in self.files.keys() | earlier.files.keys()
            if self.files.get(name) != earlier.files.get(name)
        )


def read(path: Path, repo: str, revision: str) -> HubFacts:
    """Read what ``hub_download`` wrote; raises SourceFailed when it cannot be used."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return of_json({**content, "repo": repo, "revision": revision})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceFailed(
            Message("the hub does not say what its files are: {0}", error)
        ) from error


def of_json(content: Any) -> HubFacts:
    """Read the facts from JSON; raises ValueError, KeyError, TypeError or AttributeError."""
    files = {}
    for name, facts in content["files"].items():
        file = HubFile(int(facts["size"]), str(facts["sha256"]), str(facts["blob"]))
        if not (_SHA256.fullmatch(file.sha256) or (not file.sha256 and _SHA1.fullmatch(file.blob))):
            raise ValueError(f"{name} has no checksum")
        files[str(name)] = file
    if not _SHA1.fullmatch(str(content["commit"])):
        raise ValueError(f"{content['commit']!r} is no commit")
    return HubFacts(str(content["repo"]), str(content["revision"]), str(content["commit"]), files)


def verify(folder: Path, facts: HubFacts, tick: Callable[[int], None]) -> None:
    """Compare every file of a folder with the hub's facts; ``tick`` gets the bytes just read.

    Raises ModelInvalid for one that differs, is missing, or is not in the facts.
    """
    here = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    for name in sorted(here - facts.files.keys()):
        raise ModelInvalid(Message("{0} is not among the files that the hub has", name))
    for name, file in facts.files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size != file.size:
            raise ModelInvalid(
                Message("{0} did not come as the hub has it: its size differs", name)
            )
        digest, want = hashlib.sha256(), file.sha256
        if not want:
            # Git's blob id: the sha1 of this header and the content.
            digest, want = hashlib.sha1(usedforsecurity=False), file.blob
            digest.update(b"blob %d\0" % file.size)
        if hex_of(path, digest, tick) != want:
            raise ModelInvalid(
                Message("{0} did not come as the hub has it: its checksum differs", name)
            )
