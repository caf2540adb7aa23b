from __future__ import annotations

import ast
import io
import json

import pytest

from tabwright.cli.demo import describe_cost
from tabwright.cli.demos import gaps
from tabwright.cli.demos.view import LoadLine, View, clip
from tabwright.lsp.language_client import Item


def view(*, colours: bool = False, live: bool = False, width: int = 60) -> tuple[View, io.StringIO]:
    out = io.StringIO()
    return View(out, colours, live, width), out


def source(gap: gaps.Gap) -> str:
    text = (gaps.SAMPLES / gap.file).read_text("utf-8")
    if gap.cell is None:
        return text
    return "".join(json.loads(text)["cells"][gap.cell]["source"])


@pytest.mark.parametrize("gap", gaps.GAPS, ids=lambda gap: gap.removed[:12])
def test_each_gap_is_in_its_file_once(gap: gaps.Gap) -> None:
    text = source(gap)
    left, offset = gaps.remove(text, gap)
    assert left[:offset] + gap.removed + left[offset:] == text
    if gap.language == "python":
        ast.parse(text)


def test_a_gap_that_is_not_there_is_an_error() -> None:
    gap = gaps.Gap("a.py", "python", "x = ", "1", "nothing")
    with pytest.raises(ValueError, match=r"a\.py"):
        gaps.remove("x = 1\nx = 1\n", gap)


@pytest.mark.parametrize(
    ("text", "ghost", "replaced", "drawn"),
    [
        ("a\nreturn ║\nb", "x + 1", 0, "   1 │ a\n   2 │ return «x + 1»\n   3 │ b\n"),
        ("f(║)", "x)", 1, "   1 │ f(«x)»\n"),
        ("if a:\n    ║\nb", "c()\n    d()", 0,
         "   1 │ if a:\n   2 │     «c()\n     │     d()»\n   3 │ b\n"),
        ("a\nb\nc\nd\ne\nf║", "", 0,
         "   2 │ b\n   3 │ c\n   4 │ d\n   5 │ e\n   6 │ f\n"),
    ],
)  # fmt: skip
def test_the_ghost_text_stands_at_the_cursor(
    text: str, ghost: str, replaced: int, drawn: str
) -> None:
    offset, text = text.index("║"), text.replace("║", "")
    shown, out = view()
    item = Item(offset, offset + replaced, ghost) if ghost else None
    shown.buffer(text, offset, item)
    assert out.getvalue() == drawn


def test_an_item_that_starts_before_the_cursor_shows_only_what_is_new() -> None:
    shown, out = view()
    shown.buffer("retu", 4, Item(0, 4, "return 1"))
    assert out.getvalue() == "   1 │ retu«rn 1»\n"


def test_colours_replace_the_marks() -> None:
    shown, out = view(colours=True)
    shown.buffer("x = ", 4, Item(4, 4, "1"))
    assert "«" not in out.getvalue() and "\x1b[3;36m1\x1b[0m" in out.getvalue()


def test_no_line_is_wider_than_the_screen() -> None:
    shown, out = view(width=40)
    shown.buffer("a" * 90 + "\nb", 90, Item(90, 90, "c" * 50))
    shown.title("file.py", "about")
    assert max(map(len, out.getvalue().splitlines())) <= 40


def test_progress_is_drawn_in_place_or_once() -> None:
    for live, want in ((True, "\r\x1b[K"), (False, "Loading · half · 50 % …\n")):
        shown, out = view(live=live)
        load = LoadLine(shown)
        load.on_notification(
            "$/progress", {"token": 1, "value": {"kind": "begin", "title": "Loading"}}
        )
        load.on_notification(
            "$/progress",
            {"token": 1, "value": {"kind": "report", "message": "half", "percentage": 50}},
        )
        load.on_notification("window/logMessage", {"message": "not this"})
        load.draw()
        load.draw()
        assert out.getvalue().startswith(want)
        assert live or out.getvalue() == want


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ({"source": "cache"}, "served from cache, no model call"),
        ({"source": "model", "reused_tokens": 90, "computed_tokens": 2},
         "computed 2, reused 90 tokens"),
        ({"source": "model", "computed_tokens": None}, "stopped early: the rest was not needed"),
    ],
)  # fmt: skip
def test_what_an_answer_took(why: dict[str, object], words: str) -> None:
    assert describe_cost(why) == words


def test_clip_marks_what_is_missing() -> None:
    assert [clip("abcdef", width) for width in (6, 5, 1)] == ["abcdef", "abcd…", "…"]
