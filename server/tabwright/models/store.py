"""The models on this machine: find one, list them, remove one."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import filelock

from tabwright import paths
from tabwright.core.message import Message
from tabwright.models import manifest
from tabwright.models.errors import ModelError, ModelInvalid, ModelMissing
from tabwright.models.names import (
    INDEX_FILE,
    INT8_FILE,
    MANIFEST,
    SCREEN_FILE,
    Keep,
    Ref,
    parse,
)

__all__ = [
    "Installed",
    "ModelError",
    "ModelInvalid",
    "ModelMissing",
    "has_full_weights",
    "installed",
    "locate",
    "lock_of",
    "name_of",
    "pull_command",
    "remove",
    "trim",
    "unused",
    "work_folder",
]


@dataclass(frozen=True, slots=True)
class Installed:
    """One model in the models folder: all it takes there, in bytes; ``problem`` "" when whole."""

    name: str
    path: Path
    bytes: int
    licence: str
    origin: str
    problem: str


def locate(name: str) -> Path:
    """Folder of a model that is ready to load: config.json, tokenizer.json and safetensors.

    Raises ModelMissing when it is not on this machine and ModelInvalid when it is damaged or
    cannot be loaded; either message says what to run.
    """
    ref = parse(name)
    if ref.local is not None and ref.local.is_dir():
        lacking = lacking_of(ref.local)
        if not lacking:
            return _checked(ref, ref.local) if (ref.local / MANIFEST).exists() else ref.local
    folder = paths.models_dir() / ref.key
    if folder.is_dir():
        return _checked(ref, folder)
    if ref.local is not None:
        raise _unready(ref, ref.local)
    raise ModelMissing(
        Message("the model {0} is not on this machine; run: {1}", name, pull_command(name))
    )


def pull_command(name: str) -> str:
    """What a user types to get this model."""
    quoted = f"'{name}'" if any(c.isspace() for c in name) else name
    return f"tabwright models pull {quoted}"


def trim_command(name: str) -> str:
    """What a user types to delete the weights of a model that are not used."""
    return pull_command(name).replace(" pull ", " trim ", 1)


def lacking_of(folder: Path) -> str:
    """Which file a folder lacks to be loaded as it is; empty when it lacks none."""
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            return needed
    has_some = has_full_weights(folder) or (folder / INT8_FILE).is_file()
    return "" if has_some else "*.safetensors"


def has_full_weights(folder: Path) -> bool:
    """Whether a folder holds more than weights in 8 bits."""
    return any(folder.glob("*.safetensors"))


def name_of(folder: Path) -> str:
    """The name by which the model of a folder was pulled; the folder's where that is not known."""
    try:
        return manifest.read(folder).name
    except ModelInvalid:
        return str(folder)


def pickle_only(folder: Path) -> bool:
    """Whether the weights of a folder are there only as pickle files."""
    if any(folder.glob("*.safetensors")) or any(folder.glob("*.gguf")):
        return False
    return any(any(folder.glob(pattern)) for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt"))


def installed() -> list[Installed]:
    """The models in the models folder, whole or damaged, by name."""
    base = paths.models_dir()
    if not base.is_dir():
        return []
    found = []
    for folder in sorted(base.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        try:
            facts = manifest.read(folder)
        except ModelInvalid as error:
            found.append(Installed(folder.name, folder, _size_of(folder), "", "", str(error)))
            continue
        problem = manifest.problem(folder, facts)
        size = _size_of(folder)
        found.append(Installed(facts.name, folder, size, facts.licence, facts.origin, problem))
    return found


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def unused(folder: Path, keep: Keep) -> list[Path]:
    """The files of a model of the store that are of no use where ``keep`` says what is used.

    None where they are all that there is: what 8 bits need can be made of the full weights alone.
    """
    narrow = [folder / INT8_FILE, folder / SCREEN_FILE]
    full = [*folder.glob("*.safetensors"), folder / INDEX_FILE]
    if not (folder / MANIFEST).is_file() or not has_full_weights(folder):
        return []
    if keep == "int8" and not narrow[0].is_file():
        return []
    return [path for path in (full if keep == "int8" else narrow) if path.is_file()]


def trim(name: str, keep: Keep) -> int:
    """Delete the weights of a model that are not used, and return how many bytes that freed.

    Raises ModelMissing, ModelInvalid, and ModelError where it is being pulled or is no model of
    the store.
    """
    ref = parse(name)
    folder = locate(name)
    if folder.parent != paths.models_dir():
        raise ModelError(Message("{0} is your own, and stays as it is", folder))
    try:
        with lock_of(ref).acquire(timeout=2):
            files = unused(folder, keep)
            freed = sum(path.stat().st_size for path in files)
            if files:
                # The manifest first: a model that still has what is not used is whole.
                facts = manifest.read(folder)
                manifest.write(
                    folder,
                    name=facts.name,
                    origin=facts.origin,
                    licence=facts.licence,
                    hub=facts.hub,
                    without=frozenset(files),
                )
            for path in files:
                path.unlink()
    except filelock.Timeout as error:
        raise ModelError(Message("the model {0} is being pulled; stop that first", name)) from error
    return freed


def remove(name: str) -> Path:
    """Delete a model and what a broken pull left of it, and return the folder it had.

    A directory or file of the user's own is never touched, only what was made of it. Raises
    ModelMissing when there is nothing to delete.
    """
    ref = parse(name)
    folder, work = paths.models_dir() / ref.key, work_folder(ref)
    if not folder.exists() and not work.exists():
        raise ModelMissing(
            Message("the model {0} is not in {1}: nothing to remove", name, paths.models_dir())
        )
    try:
        with lock_of(ref).acquire(timeout=2):
            if folder.exists():
                # Renamed first: a reader finds all of it or nothing.
                work.mkdir(parents=True, exist_ok=True)
                folder.replace(work / f"removed-{os.getpid()}")
            shutil.rmtree(work, ignore_errors=False)
    except filelock.Timeout as error:
        raise ModelError(Message("the model {0} is being pulled; stop that first", name)) from error
    return folder


def work_folder(ref: Ref) -> Path:
    """Where a model is put together before it takes its place; on the same file system."""
    return paths.models_dir() / ".partial" / ref.key


def lock_of(ref: Ref) -> filelock.BaseFileLock:
    """The lock that whoever writes this model must hold; its folder is made if absent."""
    folder = paths.models_dir() / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(folder / f"{ref.key}.lock")


def _checked(ref: Ref, folder: Path) -> Path:
    try:
        problem = manifest.problem(folder, manifest.read(folder)) or lacking_of(folder)
    except ModelInvalid as error:
        problem = str(error)
    if problem:
        raise ModelInvalid(
            Message(
                "the model {0} is damaged ({1}); run: {2}",
                ref.name,
                problem,
                pull_command(ref.name),
            )
        )
    return folder


def _unready(ref: Ref, path: Path) -> ModelError:
    if not path.exists():
        return ModelMissing(Message("there is no {0}", path))
    if path.is_dir() and pickle_only(path):
        return ModelInvalid(
            Message(
                "{0} holds its weights as pickle only (.bin), which can run code when "
                "loaded; only safetensors and GGUF are loaded: save the model as "
                "safetensors first",
                path,
            )
        )
    if path.is_dir() and not any(path.glob("*.gguf")):
        lacking = lacking_of(path)
        if lacking != "tokenizer.json":
            return ModelInvalid(
                Message("{0} holds no model that can be loaded: it lacks {1}", path, lacking)
            )
    return ModelMissing(
        Message("{0} must be converted once; run: {1}", path, pull_command(ref.name))
    )
