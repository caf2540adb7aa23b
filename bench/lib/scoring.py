"""Runs generated programs: each in its own process and folder, limited, at the lowest priority."""

from __future__ import annotations

import functools
import os
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SECONDS = 10.0
MEMORY_BYTES = 2 << 30


@dataclass(frozen=True)
class Verdict:
    """Whether a program ran to its end, and if not, the last line it said or what stopped it."""

    passed: bool
    detail: str


def run(program: str, *, seconds: float = SECONDS) -> Verdict:
    """Run a Python program; it passes when it reaches its end without an error.

    A program that leaves early, as by ``exit()``, does not pass: the end prints a word that
    nobody could know before.
    """
    word = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="tabwright-check-") as folder:
        file = Path(folder) / "program.py"
        file.write_text(f"{program}\nprint({word!r})\n", encoding="utf-8", errors="replace")
        process = subprocess.Popen(
            [*_without_network(), sys.executable, "-I", "-B", str(file)],
            cwd=folder,
            env={"HOME": folder, "TMPDIR": folder, "PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=functools.partial(_limit, seconds),
        )
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return Verdict(False, f"no end within {seconds:g} s")
        finally:
            _kill_group(process)
    if process.returncode == 0 and out.decode(errors="replace").rstrip().endswith(word):
        return Verdict(True, "")
    said = err.decode(errors="replace").strip().splitlines()
    return Verdict(False, said[-1] if said else f"ended early, status {process.returncode}")


def _limit(seconds: float) -> None:
    os.nice(19)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))


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
