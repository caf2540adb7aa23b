"""The project's own files that a document imports, for what an error says of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tabwright.core.message import Message
from tabwright.core.prompting.context import Document
from tabwright.core.text import Snapshot

logger = logging.getLogger(__name__)

_MOST_FILES = 6
_MOST_BYTES = 100_000
_PYTHON = re.compile(
    r"^[^\S\n]*+(?:from\s++(\.*+)([\w.]*+)\s++import\s++([\w, ]+)|import\s++([\w.]+))", re.M
)
_SCRIPT = re.compile(r"""\b(?:from|import|require\()\s*+["'](\.{1,2}/[^"'\n]+)["']""")
_SCRIPT_ENDS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", "/index.ts", "/index.js")
_SCRIPTS = ("typescript", "javascript", "typescriptreact", "javascriptreact")


def imported(
    snapshot: Snapshot, path: str, root: str, refused: Callable[[str], Message | None]
) -> tuple[Document, ...]:
    """Files within ``root`` that the document imports, as they stand on the disk.

    Of Python, JavaScript and TypeScript; a file that is ``refused``, too long or no text is left
    out. Reads the disk.
    """
    if not root or not Path(path).is_absolute():
        return ()
    found: dict[Path, Document] = {}
    for file in _files(snapshot, Path(path), Path(root)):
        if len(found) == _MOST_FILES:
            break
        if file in found or refused(str(file)) is not None:
            continue
        document = _read(file, snapshot.language_id)
        if document is not None:
            found[file] = document
    return tuple(found.values())


def _files(snapshot: Snapshot, path: Path, root: Path) -> Iterator[Path]:
    """Files that exist, in the order of their imports."""
    if snapshot.language_id == "python":
        candidates = _python_files(snapshot.text, path, root)
    elif snapshot.language_id in _SCRIPTS:
        candidates = _script_files(snapshot.text, path)
    else:
        return
    own, folder = path.resolve(), root.resolve()
    for candidate in candidates:
        file = candidate.resolve()
        if file.is_relative_to(folder) and file != own and file.is_file():
            yield file


def _python_files(text: str, path: Path, root: Path) -> Iterator[Path]:
    for dots, module, names, whole in _PYTHON.findall(text):
        parts = (module or whole).split(".") if module or whole else []
        folders = [path.parents[len(dots) - 1]] if 0 < len(dots) <= len(path.parents) else []
        folders = folders or [path.parent, root, root / "src"]
        for folder in folders:
            base = folder.joinpath(*parts)
            yield from (base.with_suffix(".py"), base / "__init__.py") if parts else ()
            yield from (base / f"{name.strip()}.py" for name in names.split(",") if name.strip())


def _script_files(text: str, path: Path) -> Iterator[Path]:
    for name in _SCRIPT.findall(text):
        base = path.parent / name
        yield base
        bare = re.sub(r"\.[cm]?jsx?$", "", str(base))
        yield from (Path(bare + end) for end in _SCRIPT_ENDS)


def _read(file: Path, language_id: str) -> Document | None:
    try:
        if file.stat().st_size > _MOST_BYTES:
            return None
        return Document(str(file), language_id, file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        logger.info("an imported file was not read: %s", type(error).__name__)
        return None
