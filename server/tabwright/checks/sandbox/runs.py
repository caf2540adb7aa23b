"""Run code in the sandbox, with the strongest combination of layers that works here."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import secrets
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tabwright import processes
from tabwright.checks.sandbox import seccomp
from tabwright.checks.tools.child_process import run_until_timeout
from tabwright.core.message import Message, MessageError, joined

# Each is enough: seccomp is always added, and forbids sockets, other processes and signals.
# For files there is either a file tree of its own, or Landlock.
COMBINATIONS = (("namespaces", "landlock"), ("namespaces",), ("landlock",))
_MEMORY = 2**30
_MAX_PRINTED = 2**18
_MAX_REASON = 200
# The launcher ends the work by itself this much later than the server does.
_GRACE_S = 2.0
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop());"
    "from tabwright.checks.sandbox.launcher import main;"
    "del sys.path[0]; main()"
)
# Libraries such as numpy would start a thread per processor, which the sandbox forbids.
_ENVIRONMENT = {
    name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
}
_LIBRARIES = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"),
    *("/etc/ld.so.cache", "/usr/share/zoneinfo", "/nix/store", "/gnu/store"),
)
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")
_SYSTEM: str = sys.platform
_working: tuple[str, ...] | None = None


class SandboxUnavailable(MessageError):
    """No combination of layers works on this machine; the message says why."""


@dataclass(frozen=True)
class SandboxRun:
    """What the work printed, cut to 256 KiB, and whether it ended within its time limit."""

    lines: tuple[str, ...]
    ended: bool


async def run(work: Mapping[str, object], timeout_s: float, cpu_s: int) -> SandboxRun:
    """Run the work, a request to ``example_child``, in the sandbox.

    Raises SandboxUnavailable, in which case nothing was run, and ToolFailed.
    """
    global _working
    if unsupported := unsupported_reason():
        raise SandboxUnavailable(unsupported)
    reasons: list[Message] = []
    first = (_working,) if _working else ()
    for layers in dict.fromkeys((*first, *COMBINATIONS)):
        lines, ended = await _run(layers, work, timeout_s, cpu_s)
        reason = _reason_not_isolated(lines)
        if reason is None:
            _working = layers
            return SandboxRun(tuple(lines[1:]), ended)
        if not ended:
            return SandboxRun((), ended)
        reasons.append(Message("{0}: {1}", " and ".join(layers), reason))
    _working = None
    raise SandboxUnavailable(joined(reasons))


async def working_layers() -> tuple[str, ...]:
    """Return the layers that work on this machine; raises SandboxUnavailable, ToolFailed."""
    await run({"source": "", "examples": []}, timeout_s=10, cpu_s=10)
    assert _working is not None
    return _working


def unsupported_reason() -> Message | None:
    """Return why the sandbox does not support this machine; None if it does."""
    if _SYSTEM != "linux":
        return Message("the sandbox needs Linux")
    if not seccomp.is_supported(platform.machine()):
        return Message("the sandbox does not support processors of type {0}", platform.machine())
    return None


async def _run(
    layers: tuple[str, ...], work: Mapping[str, object], timeout_s: float, cpu_s: int
) -> tuple[list[str], bool]:
    readable, packages = await asyncio.to_thread(_paths)
    request = {
        "layers": layers,
        "parent": os.getpid(),
        "seconds": timeout_s + _GRACE_S,
        "cpu_s": cpu_s,
        "memory": _MEMORY,
        "readable": readable,
        "packages": packages,
        "work": work,
    }
    root = str(Path(__file__).parents[3])
    folder = Path(tempfile.gettempdir(), f"tabwright-examples-{secrets.token_hex(8)}")
    with processes.removed_if_killed(folder):
        folder.mkdir(0o700)
        try:
            output, ended = await run_until_timeout(
                processes.python("-S", "-B", "-c", _START, root),
                timeout_s=timeout_s,
                stdin=json.dumps(request),
                cwd=str(folder),
                environment=_ENVIRONMENT,
            )
        finally:
            # A program that cleans temporary folders may have deleted it.
            with suppress(FileNotFoundError):
                folder.rmdir()
    return output.stdout[:_MAX_PRINTED].splitlines(), ended


def _reason_not_isolated(lines: list[str]) -> str | None:
    """Return why the work did not start; None when it did."""
    first = lines[0] if lines else ""
    if first == '["isolated"]':
        return None
    try:
        answer = json.loads(first)
    except ValueError:
        return "the process ended before it reported"
    return str(answer[-1])[:_MAX_REASON]


@cache
def _paths() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the paths that Python must read, none inside another, and the package folders.

    The packages are those of our own environment, as for any program run with this Python.
    """
    package_paths = [path for path in sys.path if os.path.basename(path) in _PACKAGE_FOLDERS]
    packages = [path for path in package_paths if os.path.isdir(path)]
    paths = sorted({*_LIBRARIES, *_standard_library(), *packages})
    kept: list[str] = []
    for path in paths:
        if os.path.exists(path) and not any(path.startswith(f"{one}/") for one in kept):
            kept.append(path)
    return tuple(kept), tuple(packages)


def _standard_library() -> Iterator[str]:
    """Yield its folders, each including the shared libraries next to it, for a separate install."""
    base = {"installed_base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    for name in ("stdlib", "platstdlib"):
        folder = Path(sysconfig.get_path(name, vars=base))
        yield str(folder.parent if folder.parent.name in ("lib", "lib64") else folder)
