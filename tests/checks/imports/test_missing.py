"""Imports that an edit needs but lacks."""

from __future__ import annotations

import pytest

from tabwright.checks.faults import EditCandidate
from tabwright.checks.formatting.improve import improve
from tabwright.checks.imports.missing import missing_imports
from tabwright.core.text import Span


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("", "x = math.pi\n", ("import math",)),
        ("", "a: List[int] = os.sep\n", ("from typing import List", "import os")),
        ("", "x = Path(sys.argv[1])\n", ("from pathlib import Path", "import sys")),
        ("import math\n", "import math\nx = math.pi\n", ()),
        ("x = math.pi\n", "x = math.pi\ny = math.e\n", ()),  # not the edit's
        ("", "x = math\n", ()),  # may be anything
        ("", "x = numpy.array\n", ()),
        ("", "def f(math):\n    return math.pi\n", ()),
        ("", "from somewhere import *\nx = math.pi\n", ()),
        ("", "x = datetime.now()\n", ("from datetime import datetime",)),
        ("", "x = (math.\n", ()),
        ("import re\nre.sub\n", "re.sub\n", ("import re",)),
    ],
)
def test_missing_imports(before: str, after: str, lines: tuple[str, ...]) -> None:
    assert missing_imports(before, after) == lines


@pytest.mark.parametrize("cell", [False, True])
async def test_missing_imports_are_inserted(cell: bool) -> None:
    before = '"""Doc."""\n\nimport os\n\nprint(os.sep)\n'
    after = before + "print(asyncio.run(f()))\n"
    candidate = EditCandidate("", "", "python", before, after, Span(0, len(after)), (), cell)
    found = await improve(candidate, ())
    assert ("import asyncio\nimport os\n" in found) is not cell
