from __future__ import annotations

import ast
import re

import pytest
from bench.lib import function_edits
from support import checkout  # noqa: F401


@pytest.mark.parametrize("kind", function_edits.KINDS)
def test_the_edits_change_one_name_of_real_functions(kind: str) -> None:
    edits = [edit for edit in function_edits.chosen(4) if edit.kind == kind]
    assert len(edits) == 4
    assert edits == [edit for edit in function_edits.chosen(4) if edit.kind == kind]
    for edit in edits:
        before, after = (re.findall(r"\w+|\W", text) for text in (edit.code, edit.expected))
        changed = {(old, new) for old, new in zip(before, after, strict=True) if old != new}
        assert len(changed) == 1
        old, _ = changed.pop()
        assert f"`{old}`" in edit.instruction
        for text in (edit.code, edit.expected):
            ast.parse("if True:\n" + text if text.startswith(" ") else text)


def test_no_function_serves_twice() -> None:
    names = [edit.name for edit in function_edits.chosen(5)]
    assert len(set(names)) == len(names) == 5 * len(function_edits.KINDS)


def test_a_misspelt_name_is_wrong_in_the_line_that_is_named() -> None:
    fixes = [edit for edit in function_edits.chosen(5) if edit.kind == "fix"]
    assert len(fixes) == 5
    for edit in fixes:
        number = int(re.findall(r"in line (\d+)", edit.instruction)[0])
        pairs = zip(edit.code.splitlines(), edit.expected.splitlines(), strict=True)
        assert [at for at, (old, new) in enumerate(pairs, 1) if old != new] == [number]
