"""Links of the documentation: none is dead, and those of the site lead to its pages."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tools import docs_links

ROOT = Path(__file__).resolve().parents[2]


def _markdown_files() -> list[Path]:
    """All Markdown files that are not ignored; the test names the file."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).exists()]
    # A copy without git has no ignored files of tools but in these folders.
    ignored = {"node_modules", ".venv", "dist"}
    return [file for file in ROOT.rglob("*.md") if not ignored & set(file.parts)]


FILES = _markdown_files()


def test_files_are_found() -> None:
    assert ROOT / "README.md" in FILES
    assert len(FILES) > 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_link_is_dead(file: Path) -> None:
    assert list(docs_links.dead(ROOT, file)) == []


def test_dead_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A heading, with `code`\n", "utf-8")
    text = (
        "[a](there.md) [b](there.md#a-heading-with-code) [c](https://x.example) `[d](gone.md)`\n"
        "```\n[e](gone.md)\n```\n"
        "[f](gone.md) ![g](gone.png) [h](there.md#no) [i](#nowhere) [j](../outside.md)\n"
    )
    file = tmp_path / "page.md"
    file.write_text(text, "utf-8")
    (tmp_path.parent / "outside.md").write_text("", "utf-8")
    found = list(docs_links.dead(tmp_path, file))
    assert found == ["gone.md", "gone.png", "there.md#no", "#nowhere", "../outside.md"]


def test_every_page_outside_of_docs_is_there() -> None:
    assert [source for source in docs_links.PAGES if not (ROOT / source).is_file()] == []


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("docs/team.md", "[s](../SECURITY.md#secrets)", "[s](security.md#secrets)"),
        ("README.md", "[d](docs/team.md) [h](#top)", "[d](team.md) [h](#top)"),
        ("README.md", "![p](docs/pictures/a.webp)", "![p](pictures/a.webp)"),
        ("bench/README.md", "[r](RESULTS.md)", "[r](results.md)"),
        ("editor-client/vim/README.md", "[r](../../README.md)", "[r](../index.md)"),
        ("README.md", "[the code](server/tabwright/paths.py)", "the code"),
        ("README.md", "[x](https://x.example) `[y](z.md)`", "[x](https://x.example) `[y](z.md)`"),
    ],
)
def test_links_of_the_site(file: str, text: str, expected: str) -> None:
    assert docs_links.for_the_site(text, file) == expected


def test_a_file_that_is_no_page_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pyproject\.toml"):
        docs_links.for_the_site("", "pyproject.toml")
