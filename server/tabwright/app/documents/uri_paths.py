"""The path in a URI of any scheme."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def local_path(path: str | Path) -> Path | None:
    """The path of this machine that a path or URI names or may name; None where it names none.

    Raises ValueError for a URI that cannot be read.
    """
    text = str(path)
    if isinstance(path, Path) or not SCHEME.match(text):
        return Path(path)
    url = urlsplit(text)
    is_file = url.scheme.lower() in ("file", "vscode-notebook-cell")
    if not is_file and (url.netloc or not url.path.startswith("/")):
        return None
    if os.name == "nt":
        # Imported here since it brings the whole HTTP client along.
        from urllib.request import url2pathname

        return Path(url2pathname(url.path))
    return Path(unquote(url.path))


def decoded_path(path: str | Path) -> str:
    """The path in a path or URI, decoded, with slashes between its segments; raises ValueError."""
    text = str(path)
    if isinstance(path, Path) or not SCHEME.match(text):
        return text.replace("\\", "/")
    return unquote(urlsplit(text).path).replace("\\", "/")
