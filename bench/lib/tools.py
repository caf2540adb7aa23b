"""The checkers that ``bench/quality diagnostics`` asks, installed once into the cache folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabwright import paths

# What the figures were made with. TypeScript 7 has another command line; the stubs of setuptools
# since 70 allow what one of the cases is about.
NODE_PACKAGES = ("pyright@1.1.414", "typescript@5.9.3", "@types/node@20.9.5")
PYTHON_PACKAGES = ("pylint==4.1.4", "types-setuptools==69.0.0.0")
_SECONDS = 600


class ToolMissing(Exception):
    """A checker that can neither be found nor installed; the message says why."""


@dataclass(frozen=True)
class Toolbox:
    """Where the checkers lie; ``node`` and ``python`` are laid out as a project's own are."""

    folder: Path

    @property
    def node(self) -> Path:
        """The folder ``node_modules``."""
        return self.folder / "node" / "node_modules"

    @property
    def python(self) -> Path:
        """A virtual environment."""
        return self.folder / "python"

    def program(self, suite: str) -> Path:
        """The checker of a suite, installed first if need be. Raises ToolMissing."""
        if suite == "ruff":
            return self._ruff()
        if suite == "pylint":
            self._python_packages()
            return self.python / "bin" / "pylint"
        self._python_packages()  # what pyright finds imports in
        self._node_packages()
        return self.node / ".bin" / {"pyright": "pyright", "TSC": "tsc"}[suite]

    def furnish(self, workspace: Path) -> None:
        """Make the checkers a workspace's own, where its editor's server looks for them."""
        for name, target in (("node_modules", self.node), (".venv", self.python)):
            if target.is_dir() and not (workspace / name).exists():
                (workspace / name).symlink_to(target, target_is_directory=True)

    def _ruff(self) -> Path:
        found = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
        if found is None:
            raise ToolMissing("ruff is not installed")
        return Path(found)

    def _python_packages(self) -> None:
        python = str(self.python / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        venv = [sys.executable, "-m", "venv", "--clear", str(self.python)]
        _install(self.python, PYTHON_PACKAGES, venv, [*pip, *PYTHON_PACKAGES])

    def _node_packages(self) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise ToolMissing("npm is not installed")
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        prefix = self.node.parent
        prefix.mkdir(parents=True, exist_ok=True)
        _install(
            prefix, NODE_PACKAGES, [npm, "install", "--prefix", str(prefix), *quiet, *NODE_PACKAGES]
        )


def toolbox() -> Toolbox:
    """The one in the user's cache folder."""
    return Toolbox(paths.cache_dir() / "bench" / "tools")


def _install(folder: Path, packages: Sequence[str], *commands: Sequence[str]) -> None:
    """Run what installs packages into a folder, unless it holds them. Raises ToolMissing."""
    note = folder / "tabwright-bench.txt"
    listed = "\n".join(packages)
    if note.is_file() and note.read_text("utf-8") == listed:
        return
    print(f"  installing {', '.join(packages)}, once", file=sys.stderr, flush=True)
    for command in commands:
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolMissing(f"could not be installed: {error}") from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise ToolMissing(f"could not be installed: {said[-1] if said else 'no reason given'}")
    note.write_text(listed, "utf-8")
