"""The house points down only: this reads every import and fails on any edge not listed here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "server" / "tabwright"
STORE = {"models.catalog", "models.store", "paths"}
ALLOWED: dict[str, set[str]] = {
    "paths": set(),
    "statistics": set(),
    "core": {"core"},
    "assists": {"assists", "core"},
    "checks": {"checks", "core"},
    "models": {"models", "paths"},
    "engine": {"engine", "models", "paths"},
    "client": {"client", "core"} | STORE,
    "lsp": {"lsp", "assists", "checks", "client", "core", "statistics"} | STORE,
}
HEAVY = {"torch", "transformers", "openvino", "numba", "llvmlite"}
HEAVY_HOMES = ("engine/backends/", "models/convert", "models/gguf")
PURE = {"core", "assists"}
IMPURE = {"asyncio", "os", "threading", "time", "socket", "subprocess", "random"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down(path: Path) -> None:
    inside = path.relative_to(SOURCE)
    home = inside.parts[0].removesuffix(".py")
    for name in imports(path):
        top = name.partition(".")[0]
        if top in HEAVY:
            assert str(inside).startswith(HEAVY_HOMES), f"{inside} imports {name}"
        if home in PURE:
            assert top not in IMPURE, f"{inside} is pure but imports {name}"
        if not name.startswith("tabwright.") or home not in ALLOWED:
            continue
        target = name.removeprefix("tabwright.")
        if target == "__version__":
            continue
        allowed = ALLOWED[home]
        fits = any(target == one or target.startswith(f"{one}.") for one in allowed)
        parent = any(one.startswith(f"{target}.") for one in allowed)
        assert fits or parent, f"{inside} imports {name}"


def test_there_are_files_to_read() -> None:
    assert len(FILES) > 20
