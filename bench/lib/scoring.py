"""Runs generated programs: each in its own process and folder, limited, at the lowest priority."""

from __future__ import annotations

import functools
import os
import re
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS = 10.0
MEMORY_BYTES = 2 << 30


@dataclass(frozen=True)
class Verdict:
    """Whether a program ran to its end, and if not, the last line it said or what stopped it."""

    passed: bool
    detail: str


@dataclass(frozen=True)
class Limits:
    """Seconds, bytes of memory (``address_space``: counted as addresses, else as data), of a file.

    A program that reserves far more addresses than it uses, as a virtual machine does, is held to
    its data only.
    """

    seconds: float = SECONDS
    memory: int = MEMORY_BYTES
    address_space: bool = True
    file: int = 1 << 20


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status, None when it was stopped for its time, and what it said."""

    status: int | None
    out: str
    err: str

    def reason(self, limits: Limits) -> str:
        """Why it did not pass: the last line of its errors that names one, or what stopped it."""
        if self.status is None:
            return f"no end within {limits.seconds:g} s"
        lines = self.err.strip().splitlines()
        said = [line for line in lines if re.search(r"\b\w*(?:Error|Exception)\b", line)] or lines
        return said[-1] if said else f"ended early, status {self.status}"


def run(program: str, *, seconds: float = SECONDS) -> Verdict:
    """Run a Python program; it passes when it reaches its end without an error.

    A program that leaves early, as by ``exit()``, does not pass: the end prints a word that
    nobody could know before.
    """
    word = secrets.token_hex(8)
    limits = Limits(seconds)
    with tempfile.TemporaryDirectory(prefix="tabwright-check-") as folder:
        file = Path(folder) / "program.py"
        file.write_text(f"{program}\nprint({word!r})\n", encoding="utf-8", errors="replace")
        ended = run_isolated([sys.executable, "-I", "-B", str(file)], Path(folder), limits)
    return verdict(ended, word, limits)


def verdict(ended: Ended, word: str, limits: Limits) -> Verdict:
    """A program passes when its status is 0 and the last thing it printed is ``word``."""
    if ended.status == 0 and ended.out.rstrip().endswith(word):
        return Verdict(True, "")
    return Verdict(False, ended.reason(limits))


def run_isolated(command: Sequence[str], folder: Path, limits: Limits) -> Ended:
    """Run a command in a folder, limited, without network, and end all it started."""
    process = subprocess.Popen(
        [*_without_network(), *command],
        cwd=folder,
        env={"HOME": str(folder), "TMPDIR": str(folder), "PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=functools.partial(_limit, limits),
    )
    try:
        out, err = process.communicate(timeout=limits.seconds)
    except subprocess.TimeoutExpired:
        return Ended(None, "", "")
    finally:
        _kill_group(process)
    return Ended(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def _limit(limits: Limits) -> None:
    os.nice(19)
    memory = resource.RLIMIT_AS if limits.address_space else resource.RLIMIT_DATA
    cpu = 4 * (int(limits.seconds) + 1)  # over all threads; the clock is looked at besides
    resource.setrlimit(memory, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file, limits.file))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait()


@functools.cache
def _without_network() -> tuple[str, ...]:
    """Command in front of another that takes its network away; empty where that is not allowed."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    command = (unshare, "--map-root-user", "--net")
    tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if tried.returncode == 0 else ()
