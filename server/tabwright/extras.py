"""What a light install leaves out, and the command that adds it to this one."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

# The packages of each extra of pyproject.toml that are imported by name.
_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "torch": ("torch", "transformers"),
    "openvino": ("openvino",),
}


def is_installed(extra: str) -> bool:
    """Whether the packages of an extra are there; none of them is imported."""
    return all(importlib.util.find_spec(name) is not None for name in _PACKAGES[extra])


def install_command(extra: str) -> str:
    """What a user types to add an extra, by the tool that made this environment."""
    quote = '"' if os.name == "nt" else "'"
    package = f"{quote}tabwright[{extra}]{quote}"
    prefix = Path(sys.prefix)
    if (prefix / "uv-receipt.toml").exists():
        return f"uv tool install {package}"
    if (prefix / "pipx_metadata.json").exists():
        return f"pipx install --force {package}"
    if sys.prefix == sys.base_prefix or os.environ.get("VIRTUAL_ENV") == sys.prefix:
        return f"pip install {package}"
    # An editor starts us by our path, so a bare pip may be that of another environment.
    python = prefix / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    shown = f"{quote}{python}{quote}" if " " in str(python) else str(python)
    return f"{shown} -m pip install {package}"
