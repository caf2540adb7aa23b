"""What a model's name may be, and the folder it stands for.

A name is one of the catalog, ``org/name`` or ``org/name@revision`` of the hub, or an absolute path
of a local directory or ``.gguf`` file. Names come from settings and so from strangers' workspaces:
none of them may reach outside the models folder.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tabwright.core.message import Message
from tabwright.models.catalog import CATALOG, Model
from tabwright.models.errors import ModelMissing

MANIFEST = "tabwright.json"
INT8_FILE = "int8/weights.safetensors"
SCREEN_FILE = "screen/weights.safetensors"
INDEX_FILE = "model.safetensors.index.json"
# Which weights of a model stay on the disk: those of 16 bits, or those in 8 bits alone.
Keep = Literal["full", "int8"]
_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_HUB = re.compile(
    rf"(?P<repo>{_WORD}/{_WORD})(?:@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]{{0,127}}))?"
)


@dataclass(frozen=True, slots=True)
class Ref:
    """A parsed name; ``key`` is the name of its folder, and one of model, repo and local is set."""

    name: str
    key: str
    model: Model | None = None
    repo: str = ""
    revision: str = ""
    local: Path | None = None


def parse(name: str) -> Ref:
    """Tell what a name stands for; raises ModelMissing for one that can stand for nothing."""
    if name in CATALOG:
        return Ref(name=name, key=name, model=CATALOG[name])
    if name.startswith("~") or Path(name).is_absolute():
        return _local(name)
    found = _HUB.fullmatch(name)
    if found is None or ".." in name or "//" in name or name.endswith(("/", ".")):
        raise ModelMissing(
            Message(
                "{0} names no model; a name is one of the catalog ({1}), org/name of the "
                "hub, or the full path of a directory or .gguf file",
                repr(name),
                ", ".join(CATALOG),
            )
        )
    revision = found["revision"] or ""
    key = found["repo"].replace("/", "--") + (f"@{revision.replace('/', '--')}" if revision else "")
    return Ref(name=name, key=key, repo=found["repo"], revision=revision)


def _local(name: str) -> Ref:
    try:
        path = Path(name).expanduser().resolve()
    except (RuntimeError, OSError, ValueError) as error:
        raise ModelMissing(Message("{0} names no model: {1}", repr(name), error)) from error
    # The whole path decides, so that two files of one name do not share a folder.
    digest = hashlib.sha256(str(path).encode("utf-8", "surrogatepass")).hexdigest()[:10]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip(".-")[:60] or "model"
    return Ref(name=str(path), key=f"local--{stem}--{digest}", local=path)
