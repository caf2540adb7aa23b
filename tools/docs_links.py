"""Relative links in Markdown files, and where they lead on the documentation site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

#: Pages of the site outside of ``docs``: the path in the repository, and that of the page.
PAGES: Mapping[str, str] = {
    "README.md": "index.md",
    "README.zh-CN.md": "index.zh-CN.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "bench/README.md": "benchmarks.md",
    "bench/RESULTS.md": "results.md",
    **{
        f"editor-client/{name}/README.md": f"editors/{name}.md"
        for name in ("emacs", "helix", "kate", "neovim", "sublime", "vim", "vscode", "zed")
    },
    "editor-client/vscode/README.zh-CN.md": "editors/vscode.zh-CN.md",
}
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_LINK = re.compile(r"(!?)\[([^\]\n]{0,500})\]\(([^()\s]{1,500})\)")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//")


def links(text: str) -> Iterator[str]:
    """The targets of all relative links and pictures of a Markdown text, outside of code blocks."""
    found: list[str] = []

    def note(picture: str, label: str, target: str) -> str:
        found.append(target)
        return ""

    rewritten(text, note)
    yield from found


def rewritten(text: str, change: Callable[[str, str, str], str]) -> str:
    """The text with every relative link as ``change`` gives it, code blocks and `code` left alone.

    ``change`` gets "!" for a picture, else "", then the label and the target.
    """
    lines, fence = text.split("\n"), ""
    for number, line in enumerate(lines):
        if opened := _FENCE.match(line):
            fence = "" if fence == opened[1] else fence or opened[1]
        elif not fence:
            lines[number] = _rewritten_line(line, change)
    return "\n".join(lines)


def _rewritten_line(line: str, change: Callable[[str, str, str], str]) -> str:
    def one(found: re.Match[str]) -> str:
        # An odd number of marks before it: the link stands in code.
        if _ELSEWHERE.match(found[3]) or line.count("`", 0, found.start()) % 2:
            return found[0]
        return change(found[1], found[2], found[3])

    return _LINK.sub(one, line)


def page_of(file: str) -> str | None:
    """The site's path of a file of the repository, None for one that is not on the site."""
    if file in PAGES:
        return PAGES[file]
    return file.removeprefix("docs/") if file.startswith("docs/") else None


def for_the_site(text: str, file: str) -> str:
    """The text of ``file`` with links that are right on its page of the site.

    ``file`` is a path in the repository. A link to what is not on the site becomes its label alone.
    """
    page = page_of(file)
    if page is None:
        raise ValueError(f"{file} is no page of the site")

    def change(picture: str, label: str, target: str) -> str:
        path, mark, anchor = target.partition("#")
        if not path:
            return f"{picture}[{label}]({target})"
        linked = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
        there = f"pictures/{posixpath.basename(linked)}" if picture else page_of(linked)
        if there is None:
            return label
        where = posixpath.relpath(there, posixpath.dirname(page) or ".")
        return f"{picture}[{label}]({where}{mark}{anchor})"

    return rewritten(text, change)


def pictures(text: str, file: str) -> Iterator[str]:
    """The paths in the repository of the pictures that a text shows."""
    found: list[str] = []

    def note(picture: str, label: str, target: str) -> str:
        if picture:
            found.append(posixpath.normpath(posixpath.join(posixpath.dirname(file), target)))
        return ""

    rewritten(text, note)
    yield from found


def dead(root: Path, file: Path) -> Iterator[str]:
    """The relative links of a Markdown file that lead to nothing, anchors in Markdown included."""
    text = file.read_text("utf-8")
    for target in links(text):
        path, _, anchor = target.partition("#")
        there = (file.parent / path).resolve() if path else file
        if not there.exists() or not there.is_relative_to(root):
            yield target
            continue
        of_markdown = bool(anchor) and there.suffix == ".md"
        if of_markdown and anchor not in anchors(there.read_text("utf-8")):
            yield target


def anchors(text: str) -> set[str]:
    """The anchors of a text's headings, as places that host repositories and the site make them."""
    found: set[str] = set()
    fence = ""
    for line in text.split("\n"):
        if opened := _FENCE.match(line):
            fence = "" if fence == opened[1] else fence or opened[1]
        elif not fence and line.startswith("#"):
            heading = line.lstrip("#").strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-"))
    return found
