"""Which files of the project a document imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabwright.app.documents.imported_files import imported
from tabwright.core.message import Message
from tabwright.core.text import Snapshot

FILES = {
    "app/main.py": "",
    "app/tools.py": "def tool(): ...\n",
    "app/data/__init__.py": "",
    "app/data/rows.py": "",
    "src/lib.py": "",
    "web/main.ts": "",
    "web/rows.ts": "export function row() {}\n",
    "web/parts/index.ts": "",
    "web/old.js": "",
    "../outside.ts": "",
    "../outside.py": "",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "project" / "web" / "long.ts").write_text("x" * 100_001)
    (tmp_path / "project" / "web" / "bytes.ts").write_bytes(b"\xff\xfe")
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", "from .tools import tool\n", ["app/tools.py"]),
        ("python", "from . import tools, nothing\n", ["app/tools.py"]),
        ("python", "from .data import rows\n", ["app/data/__init__.py", "app/data/rows.py"]),
        ("python", "from app.data.rows import a\nimport lib\n", ["app/data/rows.py", "src/lib.py"]),
        ("python", "import os\nfrom .main import x\nfrom ..... import y\n", []),
        ("python", "from ... import outside\n", []),
        ("typescript", 'import { row } from "./rows";\n', ["web/rows.ts"]),
        ("typescript", "import { row } from './rows.js'\nimport './parts'\n",
         ["web/rows.ts", "web/parts/index.ts"]),
        ("javascript", 'const old = require("./old");\n', ["web/old.js"]),
        ("typescript", 'import "../../outside";\nimport x from "react";\n', []),
        ("typescript", 'import "./long";\nimport "./bytes";\n', []),
        ("go", 'import "./rows"\n', []),
    ],
)  # fmt: skip
def test_files(root: Path, language: str, text: str, expected: list[str]) -> None:
    path = root / ("app/main.py" if language == "python" else "web/main.ts")
    snapshot = Snapshot(path.as_uri(), language, 1, text)
    found = imported(snapshot, str(path), str(root), lambda name: None)
    assert [Path(one.path).relative_to(root.resolve()).as_posix() for one in found] == expected
    assert all(one.text == FILES[name] for one, name in zip(found, expected, strict=True))
    assert imported(snapshot, str(path), str(root), lambda name: Message("secret")) == ()


def test_a_refused_file_is_not_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(
        "tabwright.app.documents.imported_files._read", lambda file, _: read.append(file.name)
    )
    path = root / "web" / "main.ts"
    snapshot = Snapshot(path.as_uri(), "typescript", 1, 'import "./rows";\nimport "./old";\n')
    imported(
        snapshot, str(path), str(root), lambda name: Message("secret") if "rows" in name else None
    )
    assert read == ["old.js"]


@pytest.mark.parametrize(("path", "root"), [("", "/work"), ("a.py", "/work"), ("/work/a.py", "")])
def test_without_a_project_there_are_none(path: str, root: str) -> None:
    snapshot = Snapshot("untitled:a", "python", 1, "from .tools import tool\n")
    assert imported(snapshot, path, root, lambda name: None) == ()
