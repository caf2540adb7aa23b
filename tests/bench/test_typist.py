from __future__ import annotations

from collections.abc import Callable

import pytest
from bench.lib.lines import Line
from bench.lib.typist import Typist, Way, way_of
from support import checkout  # noqa: F401

from tabwright.lsp.language_client import Item

LINE = Line("a.py", 2, "a = 1\n", "", "total = 2", "\nend\n")
Shown = Callable[[Typist], Item | None]


def nothing(typist: Typist) -> Item | None:
    return None


def two_lines(typist: Typist) -> Item | None:
    """What is left of ``total += 1`` and a second line, while it is what was typed."""
    head = typist.text[LINE.cursor(0) : typist.cursor].partition("\n")[0]
    left = "total += 1".removeprefix(head) if "total += 1".startswith(head) else "x"
    return Item(typist.cursor, typist.cursor, f"{left}\nmore")


def late(typist: Typist) -> Item | None:
    return two_lines(typist) if typist.keys >= 5 else None


def blank(typist: Typist) -> Item | None:
    return Item(typist.cursor, typist.cursor, "\n")


def overwrites(typist: Typist) -> Item | None:
    """Replaces the whole line, the typed start of it included."""
    return Item(LINE.cursor(0), typist.cursor, "total *= 3")


@pytest.mark.parametrize(
    ("way", "shown", "line", "keys"),
    [
        ("own", two_lines, "total = 2", 9),
        ("own", nothing, "total = 2", 9),
        ("along", two_lines, "total += 1", 10),
        ("along", late, "total += 1", 10),
        ("along", nothing, "total = 2", 9),
        ("along", blank, "total = 2", 9),
        ("along", overwrites, "total *= 3", 10),
        ("tab", two_lines, "total += 1\nmore", 4),
        ("tab", late, "total += 1\nmore", 6),
        ("tab", overwrites, "total *= 3", 4),
        ("tab", nothing, "total = 2", 9),
    ],
)
def test_a_line_is_typed_in_its_way(way: Way, shown: Shown, line: str, keys: int) -> None:
    typist = Typist(LINE, way)
    while typist.press(shown(typist)):
        assert typist.text[: typist.cursor].startswith("a = 1\ntot"[: typist.cursor])
    assert typist.text == f"a = 1\n{line}\nend\n"
    assert typist.text[typist.cursor :] == "\nend\n"
    assert typist.keys == keys
    assert not typist.press(shown(typist))


def test_half_of_the_lines_are_followed_in_two_ways() -> None:
    ways = [way_of(index) for index in range(8)]
    assert ways.count("own") == 4 and ways.count("along") == ways.count("tab") == 2
