"""The hook of MkDocs: adds the pages outside of ``docs``, and keeps the site offline."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import docs_links  # noqa: E402

#: What a page loads from another host: scripts, styles, fonts, pictures.
_LOADED = re.compile(
    r"<(?:script|img|iframe)[^>]{0,500}?\ssrc=[\"']?(?:https?:)?//"
    r"|<link(?![^>]{0,500}canonical)[^>]{0,500}?\shref=[\"']?(?:https?:)?//"
    r"|url\([\"']?(?:https?:)?//"
)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that lie outside of ``docs``, and the pictures that they show."""
    from mkdocs.structure.files import File

    shown: set[str] = set()
    for source, page in docs_links.PAGES.items():
        text = (ROOT / source).read_text("utf-8")
        shown.update(docs_links.pictures(text, source))
        added = File.generated(config, page, content=docs_links.for_the_site(text, source))
        files.append(added)
    there = {file.src_uri for file in files}
    for picture in sorted(shown):
        path = f"pictures/{Path(picture).name}"
        if path not in there:
            files.append(File.generated(config, path, abs_src_path=str(ROOT / picture)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Correct the links of the pages in ``docs``, which are right in the repository."""
    if page.file.generated_by is not None:
        return markdown
    return docs_links.for_the_site(markdown, f"docs/{page.file.src_uri}")


def on_post_build(config: Any) -> None:
    """Fail where a page would load something from another host."""
    from mkdocs.exceptions import PluginError

    for file in sorted(Path(config.site_dir).rglob("*")):
        if file.suffix in (".html", ".css") and (found := _LOADED.search(file.read_text("utf-8"))):
            raise PluginError(f"{file} loads from another host: {found[0]}")
