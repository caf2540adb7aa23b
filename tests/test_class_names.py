"""One class name, one meaning: no two classes of the server have the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "server" / "tabwright"
# What the demo completes is sample code, not ours.
SAMPLES = SOURCE / "demo_files"


def class_homes() -> dict[str, list[str]]:
    """The files that define each class, by its name."""
    homes: dict[str, list[str]] = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        if SAMPLES not in path.parents:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    homes[node.name].append(path.relative_to(SOURCE).as_posix())
    return homes


def test_no_two_classes_have_one_name() -> None:
    homes = class_homes()
    assert len(homes) > 200
    shared = {name: files for name, files in homes.items() if len(files) > 1}
    assert shared == {}
