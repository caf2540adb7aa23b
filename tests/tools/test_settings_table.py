"""The page of the settings is the one that the code makes."""

from __future__ import annotations

import pytest
from tools import settings_table


def test_the_page_is_up_to_date() -> None:
    text = settings_table.PAGE.read_text("utf-8")
    assert settings_table.page(text) == text, "run: .venv/bin/python -m tools.settings_table"


def test_every_setting_has_a_row() -> None:
    tables = settings_table.tables()
    assert (
        "| `tabwright.completion.maxTokens` | `192` | a whole number from 1 to 1024 |  |" in tables
    )
    assert '| `tabwright.remote.url` | `""` | a text | yes |' in tables


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        settings_table.page("# Settings\n")
