"""A tree of any text, in bounded time, and the same after an edit as from the start."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwright.core.languages import by_path
from tabwright.core.trees import tree as trees
from tabwright.core.trees.delimiters import open_at
from tabwright.core.trees.errors import errors, fits
from tabwright.core.trees.grammars import GRAMMARS, load
from tabwright.core.trees.indentation import unit
from tabwright.core.trees.literals import literals
from tabwright.core.trees.names import unbound
from tabwright.core.trees.tree import SyntaxTree, parse, tree_of

SOURCES = Path(__file__).parents[3]
PIECES = (
    *(" if ", " end\n", " do ", "def ", "{", "}", "(", ")", '"', "'", "`", "\n", "\r\n", "\r"),
    *(
        "<div>",
        "</p>",
        "<p ",
        "/>",
        "a",
        "é",
        "中",
        "\ud800",
        "\0",
        "\ufeff",
        "=",
        "else",
        "then\n",
    ),
    *("${", "#{", "  ", "\n    ", ": ", "- ", "/*", "*/", "//", "#", "<<E\n", "E\n", '"""', "\\"),
)


@pytest.fixture(params=sorted(GRAMMARS))
def language(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    assert load(name) is not None, f"the grammar of {name} is not installed"
    return name


def ask_all(tree: SyntaxTree, offset: int) -> None:
    """Ask everything that can be asked; nothing may raise."""
    errors(tree)
    open_at(tree, offset)
    literals(tree, tree.base, tree.end)
    unit(tree, offset)
    unbound(tree, max(tree.base, offset - 500), min(tree.end, offset + 500))


def test_any_text_has_a_tree_or_none(language: str) -> None:
    chance = random.Random(language)
    for _ in range(12):
        text = "".join(chance.choices(PIECES, k=chance.choice((0, 1, 30, 400))))
        tree = parse(text, language)
        if tree is None:
            continue
        at = chance.randrange(len(text) + 1)
        ask_all(tree, at)
        end = min(len(text), at + chance.randrange(9))
        new = "".join(chance.choices(PIECES, k=5))
        after = tree.with_edit(at, end, new)
        if after is not None:
            assert after.text == text[:at] + new + text[end:]
            ask_all(after, at)
            fits(tree, after, at, at + len(new))


@given(st.text(max_size=60), st.sampled_from(sorted(GRAMMARS)))
@settings(max_examples=150, deadline=None)
def test_every_character_is_one_byte(text: str, language: str) -> None:
    tree = parse(text, language)
    if tree is not None:
        assert len(tree.raw) == len(text)
        assert tree.root.end_byte <= len(text)


def sources() -> Iterator[Path]:
    folders = (SOURCES / "server", SOURCES / "editor-client", SOURCES / "docs", SOURCES / "bench")
    kinds = (".py", ".ts", ".js", ".json", ".md", ".lua", ".toml", ".sh", ".css", ".html")
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in kinds and "node_modules" not in path.parts and path.is_file():
                yield path


def shape(tree: SyntaxTree) -> str:
    return str(tree.root)


def test_an_edit_gives_the_same_tree_as_the_whole_text() -> None:
    chance = random.Random(15)
    paths = [path for path in sources() if 0 < path.stat().st_size < 40_000]
    seen = set()
    for path in chance.sample(paths, min(40, len(paths))):
        text, language = path.read_text("utf-8"), by_path(path.name).id
        tree = parse(text, language)
        if tree is None:
            continue
        seen.add(language)
        at = chance.randrange(len(text))
        end = min(len(text), at + chance.randrange(200))
        new = chance.choice(("", "x", "\n", "  y = 1\n", text[max(0, at - 40) : at]))
        after = tree.with_edit(at, end, new)
        whole = parse(text[:at] + new + text[end:], language)
        if after is not None and whole is not None and not whole.root.has_error:
            assert shape(after) == shape(whole), f"{path} {at} {end} {new!r}"
            back = after.with_edit(at, at + len(new), text[at:end])
            assert back is None or tree.root.has_error or shape(back) == shape(tree)
    assert len(seen) > 2


def test_sources_of_this_project_parse() -> None:
    for path in sources():
        if path.suffix in (".py", ".ts", ".json", ".toml") and path.stat().st_size < 60_000:
            tree = parse(path.read_text("utf-8"), by_path(path.name).id)
            assert tree is not None and errors(tree) == (), path


def test_a_long_text_is_parsed_around_an_offset() -> None:
    text = "function f() {\n  return 1;\n}\n\n" * 400_000
    started = time.perf_counter()
    at = len(text) // 2
    tree = tree_of(text, "javascript", at)
    assert tree is not None and not tree.whole
    assert tree.base < at < tree.end and text.startswith(tree.text, tree.base)
    assert len(tree.text) <= trees.LONGEST
    assert errors(tree) == ()
    ask_all(tree, at)
    assert tree_of(text, "javascript", at + 10) is tree
    assert time.perf_counter() - started < 5


def test_a_text_that_takes_too_long_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fail(text: str, *_: object) -> None:
        calls.append(text)

    monkeypatch.setattr(trees, "parse", fail)
    monkeypatch.setattr(trees, "_recent", [])
    monkeypatch.setattr(trees, "_failed", [])
    assert tree_of("a\n" * 100, "go") is None
    assert tree_of("a\n" * 100 + "b", "go") is None
    assert len(calls) == 1


def test_a_parse_ends_when_it_is_told_to() -> None:
    text = "int f() { return 1; }\n" * 5_000
    assert parse(text, "c", is_over=lambda: True) is None
    assert parse(text, "c", is_over=lambda: False) is not None


def test_the_last_version_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "_recent", [])
    text = "int f() { return 1; }\n" * 200
    first = tree_of(text, "c")
    monkeypatch.setattr(trees, "parse", None)  # from here on only edits
    second = tree_of(text[:30] + "int x;" + text[30:], "c")
    assert first is not None and second is not None
    assert second.text[30:36] == "int x;"
    assert tree_of(second.text, "c") is second


UNSAFE = {
    "ruby": ("x = <<A\n" * 20, 'x = <<"A\n' + 'y "z"\n' * 40, "f(<<" + "A" * 300 + ")\n"),
    "yaml": ("- " * 500 + "a", "".join(" " * depth + "a:\n" for depth in range(300))),
    "markdown": (">" * 300, "- " * 300),
}


@pytest.mark.parametrize("language", UNSAFE)
def test_what_breaks_a_grammar_is_not_given_to_it(language: str) -> None:
    for text in UNSAFE[language]:
        assert parse(text, language) is None


def test_ordinary_heredocs_and_lists_are_parsed() -> None:
    for language, text in {
        "ruby": "a = <<~SQL\n  select 1\nSQL\nb = [1] << x\n",
        "yaml": "a:\n  - b: 1\n    c:\n      - d\n",
        "markdown": "> > a\n\n1. b\n   - c\n",
    }.items():
        tree = parse(text, language)
        assert tree is not None and not tree.root.has_error
