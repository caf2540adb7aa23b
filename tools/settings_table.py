"""The tables of all settings in docs/settings.md: ``python -m tools.settings_table`` writes them.

Names, defaults, allowed values and who may set them come from ``app.settings.settings``; the
sentence about each setting is the one that VS Code shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

from tabwright.app.settings.settings import SECTION, Settings

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "settings.md"
SENTENCES = ROOT / "editor-client" / "vscode" / "package.nls.json"
BEGIN, END = "<!-- made by tools/settings_table.py: begin -->", "<!-- end -->"
_HEAD = "| setting | default | value | user only | what |\n| --- | --- | --- | --- | --- |\n"


def tables() -> str:
    """All tables in Markdown, one for each group of settings."""
    sentences = json.loads(SENTENCES.read_text("utf-8"))
    return "\n".join(_tables(Settings(), "", False, sentences))


def _tables(
    settings: object, where: str, guarded: bool, sentences: Mapping[str, str]
) -> Iterator[str]:
    named = [each for each in fields(cast(Any, settings)) if "name" in each.metadata]
    groups = [each for each in named if is_dataclass(getattr(settings, each.name))]
    yield f"### {where.removesuffix('.') or 'General'}\n"
    rows = ""
    for each in named:
        if each in groups:
            continue
        name = where + each.metadata["name"]
        cells = (
            f"`{SECTION}.{name}`",
            f"`{_as_json(getattr(settings, each.name))}`",
            str(each.metadata["spec"].expected),
            "yes" if guarded or each.metadata.get("guarded") else "",
            _sentence(sentences[f"setting.{name}"]),
        )
        rows += "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
    yield _HEAD + rows
    for each in groups:
        inner = f"{where}{each.metadata['name']}."
        mark = guarded or bool(each.metadata.get("guarded"))
        yield from _tables(getattr(settings, each.name), inner, mark, sentences)


def _as_json(value: object) -> str:
    return json.dumps(dict(value) if isinstance(value, Mapping) else value)


def _sentence(text: str) -> str:
    """A sentence of VS Code's, whose links to settings are `#name#`."""
    return re.sub(r"`#([\w.]+)#`", r"`\1`", text)


def page(text: str) -> str:
    """The page with the tables of today; raises ValueError when it has no place for them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
