"""Read a project's ruff settings for a folder where ruff must not read them itself.

ruff's ``extend`` reads any file or device that it names. So in an untrusted folder ruff runs
isolated, and gets only the line length and the Python version of the project's settings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from tabwright import regular_file

_MAX_BYTES = 1 << 20
_FILES = (".ruff.toml", "ruff.toml", "pyproject.toml")
_VERSION = re.compile(r"py3\d{1,2}")
_LONGEST_LINE = 320  # ruff takes no more


def isolated_options(path: str, root: str) -> tuple[str, ...]:
    """Return options that make ruff read no files, with two settings of the document's project.

    They come from the nearest file in the document's folder and those above, up to the root. A
    value that cannot be read or is not valid is left out.
    """
    found = _nearest(path, root)
    length, version = found.get("line-length"), found.get("target-version")
    options: tuple[str, ...] = ("--isolated",)
    if isinstance(length, int) and not isinstance(length, bool) and 1 <= length <= _LONGEST_LINE:
        options += ("--line-length", str(length))
    if isinstance(version, str) and _VERSION.fullmatch(version):
        options += ("--target-version", version)
    return options


def _nearest(path: str, root: str) -> Mapping[str, object]:
    folder = Path(path).parent if path else Path(root or "\0")
    if not folder.is_absolute():
        return {}
    top = Path(root) if root and folder.is_relative_to(root) else folder
    for one in (folder, *folder.parents):
        for name in _FILES:
            settings = _read(one / name)
            if settings is not None:
                return settings
        if one == top:
            break
    return {}


def _read(file: Path) -> Mapping[str, object] | None:
    """Return the ruff settings in a file, None where there are none."""
    try:
        raw = regular_file.start_of(file, _MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            return None
        data: object = tomllib.loads(raw.decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if file.name == "pyproject.toml":
        tool = data.get("tool") if isinstance(data, dict) else None
        data = tool.get("ruff") if isinstance(tool, dict) else None
    return data if isinstance(data, dict) else None
