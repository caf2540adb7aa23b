"""Finds the editors; only where TABWRIGHT_EDITORS says so are real ones started.

"required" fails the tests of one that is missing, any other word skips them.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "editor-client"
SERVER = [sys.executable, "-m", "tabwright", "serve"]


def absent(reason: str) -> NoReturn:
    """Skip, or fail where every editor must be here."""
    if os.environ.get("TABWRIGHT_EDITORS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def wanted() -> None:
    """Skip where real editors are not to be started."""
    if not os.environ.get("TABWRIGHT_EDITORS"):
        pytest.skip("a real editor is only started where TABWRIGHT_EDITORS is set (to required)")


def program(name: str, install: str) -> str:
    """The path of a program: beside the running Python, or on PATH."""
    wanted()
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        absent(f"{name} is not here; install it with: {install}")
    return found


def module(name: str, install: str) -> ModuleType:
    """A module that only these tests need."""
    wanted()
    try:
        return importlib.import_module(name)
    except ImportError:
        absent(f"the module {name} is not here; install it with: {install}")
