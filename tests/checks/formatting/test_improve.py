from __future__ import annotations

import ast
import difflib
from pathlib import Path

import black
import pytest
from support.edits import edit

from tabwright.checks.formatting import black_format
from tabwright.checks.formatting.black_format import BlackConfig, black_config, restore_line_ends
from tabwright.checks.formatting.improve import improve
from tabwright.checks.imports.insertion import insert_imports

UNFORMATTED = "x=1\n\n\ndef f( a ):\n  return   a\n\n\n\n\ny =  2\n"
FORMATTED = "x = 1\n\n\ndef f(a):\n    return a\n\n\ny = 2\n"


async def test_a_formatted_file_stays_formatted() -> None:
    after = FORMATTED.replace("    return a\n", "    if a :\n        return( a )\n    return 'b'\n")
    result = await improve(edit(FORMATTED, after), ["import re"])
    assert result == black.format_str(result, mode=black.Mode())
    assert result.startswith("import re\n\nx = 1\n")
    assert '        return a\n    return "b"\n' in result


async def test_other_lines_of_an_unformatted_file_are_kept() -> None:
    after = UNFORMATTED.replace("  return   a\n", "  return   [a,'b' ]\n")
    result = await improve(edit(UNFORMATTED, after), [])
    assert [line for line in result.split("\n") if "=" in line] == ["x=1", "y =  2"]
    assert "\n\n\n\n\ny =  2\n" in result and 'return [a, "b"]\n' in result


async def test_a_new_function_in_an_unformatted_file() -> None:
    after = UNFORMATTED.replace("\n\n\n\n\ny", "\n\n\ndef g( b ):\n    return{'b':b}\n\n\n\n\ny")
    result = await improve(edit(UNFORMATTED, after), [])
    assert result == UNFORMATTED.replace(
        "\n\n\n\n\ny", '\n\n\ndef g(b):\n    return {"b": b}\n\n\n\n\ny'
    )


@pytest.mark.parametrize("end", ["\r\n", "\r"])
async def test_line_ends_are_kept(end: str) -> None:
    before = FORMATTED.replace("\n", end)
    # A model answers with \n alone.
    after = before.replace(f"    return a{end}", "    b=a\n    return b\n")
    result = await improve(edit(before, after), ["import re"])
    assert result.replace(end, "") == result.replace("\n", "").replace("\r", "")
    assert f"    b = a{end}    return b{end}" in result
    script = before.replace("a", "b")
    changed = script.replace("y = 2", "y = 3;\nz = 4;")
    other = await improve(edit(script, changed, "javascript"), ["import q from 'q';"])
    assert other.replace(end, "") == other.replace("\n", "").replace("\r", "")


async def test_mixed_line_ends_of_untouched_lines_are_kept() -> None:
    before = "x=1\r\ny=2\nz=3\r\n"
    result = await improve(edit(before, before.replace("y=2", "y=4")), [])
    assert result == "x=1\r\ny = 4\r\nz=3\r\n"


async def test_a_form_feed_is_kept() -> None:
    for before in ("x = 1\n\x0c\ny = 2\n", "x=1\n\x0c\ny = 2\n", "x=1\ns='\x0c'\ny = 2\n"):
        result = await improve(edit(before, before.replace("y = 2", "y=3")), [])
        assert result == before.replace("y = 2", "y = 3")


@pytest.mark.parametrize(
    ("before", "after", "cell", "result"),
    [
        # No line end at the end of the document: none is put there unless the edit is.
        ("x=1\ny=2", "x=3\ny=2", False, "x = 3\ny=2"),
        ("x=1\ny=2", "x=1\ny=3", False, "x=1\ny = 3\n"),
        ("x = 1", "x=2", True, "x = 2"),
        ("", "x=2\n", False, "x = 2\n"),
        # Deleting lines formats nothing.
        ("x=1\ny=2\nz=3\n", "x=1\nz=3\n", False, "x=1\nz=3\n"),
        # A text that does not parse is not changed.
        ("x=1\n", "x=(\n", False, "x=(\n"),
        ("%magic\nx=1", "%magic\nx=2", True, "%magic\nx=2"),
        ("x = 1\n", "   \n", False, "   \n"),
        # fmt: off is obeyed.
        ("# fmt: off\nx=1\n", "# fmt: off\nx=2\n", False, "# fmt: off\nx=2\n"),
    ],
)
async def test_unusual_texts(before: str, after: str, cell: bool, result: str) -> None:
    assert await improve(edit(before, after, cell=cell), []) == result


async def test_other_languages_get_imports_only() -> None:
    result = await improve(edit("f()\n", "g( )\n", "javascript"), ["import g from 'g';"])
    assert result == "import g from 'g';\n\ng( )\n"


async def test_long_texts_are_not_formatted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(black_format, "LONGEST", 10)
    assert await improve(edit("", "x=1;y=22222\n"), []) == "x=1;y=22222\n"


async def test_a_result_that_is_not_equivalent_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(black, "format_str", lambda text, **_: text.replace("1", "2"))
    assert await improve(edit("", "x=1\n"), []) == "x=1\n"


PROJECTS = {
    "[tool.black]\nline-length = 40\nskip-string-normalization = true\n": BlackConfig(
        line_length=40, normal_strings=False
    ),
    "[project]\nrequires-python = '>=3.13'\n[tool.black]\ntarget-version = ['py39']\n": BlackConfig(
        targets=("py39",)
    ),
    "[tool.black]\npreview = true\nskip-magic-trailing-comma = true\n": BlackConfig(
        preview=True, magic_commas=False
    ),
    "[tool.ruff]\nline-length = 120\n": BlackConfig(line_length=120),
    "[tool.ruff]\nline-length = 120\n[tool.black]\n": BlackConfig(),
    "": BlackConfig(),
}


@pytest.mark.parametrize("text", PROJECTS)
def test_black_config_of_a_project(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    expected = PROJECTS[text]
    assert black_config(str(tmp_path / "a.py"), str(tmp_path)) == expected
    assert expected.mode().line_length == expected.line_length


def test_black_config_of_stubs_and_unsaved_documents(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    assert black_config(str(tmp_path / "a.pyi"), "").stub
    assert black_config("", "") == BlackConfig()


@pytest.mark.parametrize(
    "text",
    [
        "this is no toml",
        "[tool.black]\ntarget-version = ['py1']\n",
        "[tool.black]\nline-length = 'x'",
    ],
)
async def test_invalid_settings_leave_the_text_unformatted(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    candidate = edit("", "x=1\n", path=tmp_path / "a.py", root=tmp_path)
    assert await improve(candidate, ["import re"]) == "import re\n\nx=1\n"


async def test_a_file_with_other_indentation_stays_equivalent() -> None:
    before = "def f(a):\n  if a:\n    x=1\n  return a\n\n\ny=2\n"
    after = before.replace("    x=1\n", "    x=1\n    z =[x,'b' ]\n")
    result = await improve(edit(before, after), [])
    assert ast.dump(ast.parse(result)) == ast.dump(ast.parse(after))
    assert result.startswith("def f(a):\n  if a:\n    x=1\n") and result.endswith("\ny=2\n")


def test_restore_line_ends() -> None:
    assert restore_line_ends("a\r\nb\nc\r", "a\nB\nc\nd\n", "\r\n") == "a\r\nB\r\nc\rd\r\n"
    assert restore_line_ends("a\nb", "a\nb\n", "\n") == "a\nb\n"


SNIPPETS = [
    "def g( a,b ):\n    return a+ b\n",
    "class C :\n  x=1\n  def m( self ): return {'a':1}\n",
    "@dec\nasync def h():\n    await  x( 'q' )\n",
    "import os,sys\nz=[1,\n2]\n",
    "if x :\n    y()\nelse :\n    z()\n",
    f"# a comment\n#another\nlong = call({'a' * 40}, {'b' * 40}, {'c' * 10})\n",
]  # fmt: skip


@pytest.mark.parametrize("position", [0, 1, 2, 3])
@pytest.mark.parametrize("snippet", SNIPPETS)
@pytest.mark.parametrize("text", [FORMATTED, UNFORMATTED], ids=["formatted", "unformatted"])
async def test_snippets_at_every_position(text: str, snippet: str, position: int) -> None:
    lines = text.splitlines(keepends=True)
    at = [0, 2, len(lines) - 1, len(lines)][position]
    after = "".join((*lines[:at], snippet, *lines[at:]))
    result = await improve(edit(text, after), ["import re"])
    # The program is equivalent.
    expected = ast.parse(insert_imports(after, ["import re"], "python"))
    assert ast.dump(ast.parse(result)) == ast.dump(expected)
    # A second run changes nothing.
    assert await improve(edit(text, result), ["import re"]) == result
    if text == FORMATTED:
        assert black.format_str(result, mode=black.Mode()) == result
        return
    # No line of the document is changed or lost, except blank ones at the top.
    kept = [line for line in text.splitlines() if line]
    matcher = difflib.SequenceMatcher(None, kept, [x for x in result.splitlines() if x], False)
    assert {tag for tag, *_ in matcher.get_opcodes()} <= {"equal", "insert"}
