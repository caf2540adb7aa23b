"""Which folders are searched for programs, and which never are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.edits import program

from tabwright.checks.tools import find_program, ruff_settings
from tabwright.checks.tools.find_program import (
    find_bundled,
    find_in,
    find_project_program,
    path_folders,
)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which contains programs."""
    root = tmp_path / "workspace"
    for folder in (".", "bin", "a/bin"):
        for name in ("tool", "tool.exe", "tool.CMD"):
            program(root / folder / name, "")
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize("entries", ["", ".", ":", ".:bin", "bin:", "./bin:a/bin", "../workspace"])
@pytest.mark.parametrize("windows", [False, True])
def test_the_current_folder_is_never_searched(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, entries: str, windows: bool
) -> None:
    monkeypatch.setattr(find_program, "_IS_WINDOWS", windows)
    monkeypatch.setenv("PATH", entries)
    monkeypatch.setenv("PATHEXT", os.pathsep.join((".EXE", ".CMD")))
    assert find_bundled("tool") is None
    assert find_project_program(("tool", "tool.exe"), "", "") is None
    assert find_in(("tool", "tool.exe", "tool.CMD"), (".", "", "bin")) is None


def test_windows_programs_have_an_ending(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_program, "_IS_WINDOWS", True)
    monkeypatch.setenv("PATHEXT", os.pathsep.join((".EXE", ".CMD")))
    (workspace / "bin" / "tool.EXE").write_text("")
    (workspace / "bin" / "tool.EXE").chmod(0o755)
    assert find_in(("tool",), (str(workspace / "bin"),)) == str(workspace / "bin" / "tool.EXE")
    assert find_in(("tool.cmd",), (str(workspace / "bin"),)) is None
    assert find_in(("tool.CMD",), (str(workspace / "bin"),)) == str(workspace / "bin" / "tool.CMD")


def test_path_folders_inside_a_workspace_are_skipped(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, other = tmp_path / "link", tmp_path / "other"
    link.symlink_to(workspace / "bin")
    real = program(other / "bin" / "tool", "")
    inside = (workspace / "bin", workspace, link, workspace / ".." / "workspace" / "a" / "bin")
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, (*inside, real.parent))))
    assert path_folders(str(workspace)) == [str(real.parent)]
    assert find_bundled("tool", str(workspace)) == str(real)
    by_link = tmp_path / "by-link"
    by_link.symlink_to(workspace)
    assert find_bundled("tool", str(by_link)) == str(real)
    monkeypatch.setenv("PATH", str(by_link / "bin"))
    assert find_bundled("tool", str(by_link)) is None
    assert find_bundled("tool", str(other)) == str(by_link / "bin" / "tool")


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("ruff.toml", 'line-length = 120\ntarget-version = "py39"\n', ("120", "py39")),
        (".ruff.toml", "line-length = 99\n", ("99",)),
        ("pyproject.toml", "[tool.ruff]\nline-length = 100\n", ("100",)),
        ("pyproject.toml", "[tool.black]\nline-length = 100\n", ()),
        ("ruff.toml", 'extend = "/dev/zero"\nline-length = true\n', ()),
        ("ruff.toml", 'line-length = 0\ntarget-version = "--fix"\n', ()),
        ("ruff.toml", "no toml", ()),
        ("pyproject.toml", "tool = 3\n", ()),
    ],
)
def test_ruff_gets_only_two_settings_of_an_untrusted_folder(
    tmp_path: Path, name: str, text: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / name).write_text(text)
    for root in (tmp_path, tmp_path / "a" / "b"):
        path = tmp_path / "a" / "b" / "c.py"
        given = ruff_settings.isolated_options(str(path), str(root))
        expected = options if root == tmp_path else ()
        assert given[0] == "--isolated" and given[2::2] == expected


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no endless file to link to")
def test_an_endless_settings_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / ".ruff.toml")
    with (tmp_path / "pyproject.toml").open("wb") as file:
        file.truncate(1 << 32)
    assert ruff_settings.isolated_options(str(tmp_path / "a.py"), str(tmp_path)) == ("--isolated",)
