"""What a model, a tool or a remote engine says is shown as text: nothing in it acts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol import types
from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.editor import Home, capabilities, editing, engine_for

from tabwright.app.actions.inert_markdown import inert_markdown
from tabwright.core.message import Message
from tabwright.core.safety.inert_text import hidden_character_in, inert_line, without_hidden
from tabwright.lsp.localisation.language import ENGLISH, language_of

WHERE = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
ATTACKS = [
    "![a](https://evil.example/x.png)",
    "![a](http://evil.example/x.png \"t\")",
    "![a][ref]\n\n[ref]: https://evil.example/x.png",
    "![ref]\n\n[ref]: <https://evil.example/x.png>",
    "[![b](https://evil.example/x.png)](https://e.example)",
    "!\\[a](command:x) ![a](command:x)",
    "<img src=https://evil.example/x.png>",
    "a <img\nsrc='https://evil.example/x.png'\n> b",
    "<script>alert(1)</script>",
    "<!-- x --><iframe src='file:///etc/passwd'></iframe>",
    "<?php x ?> <![CDATA[x]]> <!DOCTYPE x>",
    "<details open ontoggle=alert(1)>",
    "<svg onload=alert(1)//",
    "<a href='command:workbench.action.terminal.new'>x</a>",
    "[click](command:workbench.action.terminal.new)",
    "[click](COMMAND:x)",
    "[click]( command:x )",
    "[click](\ncommand:x\n)",
    "[click](<command:x>)",
    "[click](&#99;ommand:x)",
    "[click](&#x63;ommand:x)",
    "[click](c\\ommand:x)",
    "[click](javascript:alert(1))",
    "[click](&#106;avascript:alert(1))",
    "[click](java&NewLine;script:alert(1))",
    "[click](java&Tab;script:alert(1))",
    "[click](vbscript:x) [click](data:text/html;base64,AAAA)",
    "[click](file:///etc/passwd) [click](vscode://x/y) [click](vscode-insiders:x)",
    "[click](ms-msdt:/id) [click](\\\\server\\share) [click](//evil.example) [click](/etc/passwd)",
    "[click](#x) [click](x.md) [click](../../x) [click](?x) [click]()",
    "[click][ref]\n\n[ref]: command:x",
    "[ref][]\n\n[ref]: command:x 'title'",
    "[ref]\n\n[ref]:\n   command:x",
    "[ref]\n\n> [ref]: command:x",
    "- [ref]\n- [ref]: javascript:x",
    "[re\nf]\n\n[re f]: command:x",
    "[\\]]\n\n[\\]]: command:x",
    "[[a](https://ok.example)](command:x)",
    "[a [b](command:x) c](https://ok.example)",
    "[a `]` b](command:x)",
    "`` ` `` [x](command:x) `` ` ``",
    "\\`[x](command:x)\\`",
    "`a\n\n[x](command:x) `b",
    "`a\n# [x](command:x)\n`b",
    "`a\n- [x](command:x)\n`b",
    "`a\n> [x](command:x)\n`b",
    "`a\n---\n[x](command:x) `b",
    "<https://a`b> [x](command:x) `c",
    "<a title=\"`\">[x](command:x)`",
    "<command:x> <javascript:x> <file:///etc/passwd> <vscode:x>",
    "| a | b |\n| - | - |\n| `x | [e](command:x) | y` |",
    "- x\n  ```\n[evil](command:x)\n  ```",
    "> ```\n[evil](command:x)\n> ```",
    "1. x\n   ~~~\n[evil](command:x)\n   ~~~",
    "<pre>\n```\n</pre>\n[evil](command:x)\n```",
    "<!--\n```\n-->\n[evil](command:x)\n```",
    "[a]: /url\n    [evil](command:x)",
    "[a]: /url 'title\n```\n[evil](command:x)\n```'",
    "```\ncode\n``` x\n[in](command:x)\n```\n[evil](command:x)",
    "``` a`b\n[evil](command:x)\n```",
    "    ```\n[evil](command:x)\n    ```",
    "\t```\n[evil](command:x)\n\t```",
    "a\n    ```\n[evil](command:x)\n    ```",
    "```\r[evil](command:x)\r```\r[evil](command:x)",
    "x ```\n[evil](command:x)\n```",
    "~~~ ~~~\n[evil](command:x)",
    "text\u2028```\u2028[evil](command:x)",
    "a\x00[x](command:x)",
    "[x]\u200b(command:x) [x](\u200bcommand:x) [\u202ex](command:x)",
    "*" * 200 + "[x](command:x)",
    ">" * 150 + "[x](command:x)",
    "- " * 120 + "[x](command:x)",
    "[" * 150 + "x" + "](command:x)" * 150,
    "`" * 30 + "[x](command:x)",
]  # fmt: skip


def tokens(text: str) -> Iterator[Token]:
    """As several readers of Markdown take a text, with every scheme let through."""
    for preset in ("commonmark", "js-default", "default"):
        parser = MarkdownIt(preset, {"html": True, "maxNesting": 100})
        parser.validateLink = lambda url: True  # type: ignore[method-assign]
        for token in parser.parse(text):
            yield token
            yield from token.children or []


def acting(text: str) -> list[str]:
    """What in a text would be loaded, run or opened."""
    found = []
    for token in tokens(text):
        if token.type in ("html_block", "html_inline", "image"):
            found.append(token.type)
        elif token.type == "link_open" and not re.match("https?://", str(token.attrs["href"])):
            found.append(str(token.attrs["href"]))
    return found


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("around", ["{}", "Before.\n\n{}\n\nAfter.", "```py\nx\n```\n{}"])
def test_nothing_in_markdown_acts(attack: str, around: str) -> None:
    shown = inert_markdown(around.format(attack))
    assert not acting(shown), shown
    assert not re.search("[\x00-\x08\x0b-\x1f\u200b\u202e\u2028]", shown)


def test_most_attacks_act_without_our_care() -> None:
    assert sum(bool(acting(attack)) for attack in ATTACKS) > len(ATTACKS) * 0.75


PIECES = st.sampled_from([
    "[a]", "(command:x)", "![", "](", ")", "[", "]", "<", ">", "`", "``", "```", "~~~", "\n",
    "\n\n",
    "    ", "  ", "\t", "> ", "- ", "1. ", "# ", "| ", "---\n", "| - | - |\n", "[a]: ", "command:x",
    "<b>", "<!--", "-->", "<pre>", "</pre>", "<https://a>", "<file:x>", "&#99;", "\\", "!", "*",
    "_",
    "https://a.example", "x", " ", '"', "'", "~~", ":", "<a href=x>", "[a](https://ok.example)",
])  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_mixture_acts(text: str) -> None:
    shown = inert_markdown(text)
    assert not acting(shown), shown


EXPLANATION = """\
# What it does

The function `add(a: int) -> list[int]` returns **one** of *two* values & more &lt;:

1. First, `x = items[0](key)` is called, see [the docs](https://docs.example/a_b?c=d&e=f).
2. Then `![image](url)` is printed: a < b, c > d, 3 << 2.

```python
value = table["a"](command)  # <b> ![x](y) [z]: w
print(f"<a href='{x}'>")
```

> A quote, with a file: and a command: in it.

| name | meaning |
| --- | --- |
| `a` | first |

- Use <https://example.com> or dict[str] or snake_case_name.
"""


def test_an_ordinary_explanation_is_left_as_it_is() -> None:
    assert inert_markdown(EXPLANATION) == EXPLANATION


def test_a_sign_before_a_bracket_is_shown() -> None:
    """As in Rust's macros; an image becomes a link, or text."""
    for text in ("Use vec![1, 2] here.", "not ![a](https://x.example/a.png)"):
        shown = inert_markdown(text)
        assert shown == text.replace("![", r"\![") and not acting(shown)


def test_code_is_shown_as_it_is() -> None:
    text = "Use `List<String>` and\n\n```html\n<img src=x onerror=y>\n[a](command:b)\n```\n"
    assert inert_markdown(text) == text
    shown = inert_markdown("The type List<String> and [a](command:b).")
    assert "List\\<String>" in shown and "[a]\\(command\\:b)" in shown


@pytest.mark.parametrize(
    "text",
    ["[" * 40_000, "`" * 40_000, "![" * 20_000, "<" * 40_000, "](" * 20_000, "`a" * 20_000,
     ">" * 40_000, "* a\n" * 10_000, "&#" * 20_000, "\\" * 40_000, "[a](" * 10_000,
     "**a " * 10_000, "a" * 10_000_000, "`" + "``a" * 13_000, "|a" * 20_000, "[a]: x\n" * 6000,
     "```\n" * 10_000, "- " * 20_000],
    ids=lambda text: f"{text[:6]!r} {len(text)}",
)  # fmt: skip
def test_no_markdown_takes_long(text: str) -> None:
    started = time.thread_time()
    inert_markdown(text)
    assert time.thread_time() - started < 5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x9b2Jx\x1bcy\x1b(B", "xy"),
        ("a\nb\r\nc\td", "a b c d"),
        ("bell\x07 back\x08 null\x00", "bell back null"),
        ("\u202eevil\u202c \u2066x\u2069 a\u200bb\ufeff \U000e0041", "evil x ab "),
        ("[run](command:workbench.action.quit)", "[run] (command:workbench.action.quit)"),
        ("[open](file:///etc/passwd)", "[open] (file:///etc/passwd)"),
        ("[site](https://example.com)", "[site](https://example.com)"),
        ("数据 größe 👩\u200d💻 ❤\ufe0f", "数据 größe 👩\u200d💻 ❤\ufe0f"),
    ],
)
def test_a_line_for_a_message_or_title(text: str, shown: str) -> None:
    assert inert_line(text) == shown
    assert inert_line(inert_line(text)) == shown
    for language in (ENGLISH, language_of("zh-cn")):
        assert language.title(text) == shown
        assert language.title(Message("Tabwright: {0}", text)).endswith(shown)
        told = language.answer({"title": text, "faults": [text], "reason": text, "text": text})
        assert told["title"] == shown and told["text"] == text
        assert told["faults"] == [told["reason"]]
        assert inert_line(str(told["reason"])) == shown


def test_a_line_has_an_end() -> None:
    assert len(inert_line("x" * 10_000_000)) < 4100


TROJANS = {
    "override": 'access = "user\u202e \u2066# check if admin\u2069 \u2066"',
    "isolate": "if x\u2067: pass",
    "zero width": "def is\u200b_admin(): pass",
    "joiner": "def is\u200d_admin(): pass",
    "tag": "x = 1  # \U000e0061\U000e0062",
    "order mark": "x\ufeff = 1",
    "filler": "x\u3164 = 1",
    "escape": "x = '\x1b[2J'",
    "null": "x = '\x00'",
}


@pytest.mark.parametrize("name", TROJANS)
def test_unseen_characters_are_found_unless_the_file_has_them(name: str) -> None:
    text = TROJANS[name]
    assert hidden_character_in(text, "x = 1\n") and not hidden_character_in(text, text)
    assert not hidden_character_in("s = '👩\u200d💻 ❤\ufe0f می\u200cخواهم'\n\tpass\r\n", "")


@pytest.mark.parametrize("name", TROJANS)
async def test_no_suggestion_and_no_edit_has_unseen_characters(home: Home, name: str) -> None:
    trojan = TROJANS[name]
    edit = f"```python\ndef f():\n    {trojan}\n```"
    rules = [{"match": "Rename", "text": edit, "verbatim": True},
             {"text": f"{trojan}\n", "verbatim": True}]  # fmt: skip
    async with engine_for(home, *rules) as _, editing(home) as editor:
        await editor.until_ready()
        editor.open("def f():\n    \n")
        assert await editor.texts(1, 4) == []
        edited = {"uri": "file:///work/code.py", "range": WHERE, "instruction": "Rename it"}
        answer = await editor.command("edit", edited)
        assert answer["edit"] is None and "invisible" in answer["reason"]
        editor.open(f"# {trojan}\ndef f():\n    \n")
        assert not hidden_character_in("".join(await editor.texts(2, 4)), f"# {trojan}\n")


async def test_an_explanation_is_inert_in_every_client(home: Home) -> None:
    """The marker is a link that would run a command, and a picture that would be loaded."""
    text = "It [runs](command:MARKER). ![p](https://evil.example/MARKER.png) <img src=MARKER>\u202e"
    async with engine_for(home, {"text": text, "verbatim": True}) as _, editing(home) as editor:
        await editor.until_ready()
        editor.open("def f():\n    pass\n")
        argument = {"uri": "file:///work/code.py", "range": WHERE}
        shown = (await editor.command("explain", argument))["markdown"]
        opened = await editor.command("explain", {**argument, "open": True})
        written = Path(unquote(urlsplit(opened["uri"]).path)).read_text("utf-8")
    for markdown in (shown, opened["markdown"], written):
        assert "MARKER" in markdown and not acting(markdown)


async def test_text_of_an_engine_is_inert_in_messages(home: Home) -> None:
    evil = "bad \x1b[2J [fix](command:MARKER)\nnext\u202eline"
    rule = {"match": "f():", "error": {"status": 500, "code": "x", "message": evil}}
    async with engine_for(home, rule) as _, editing(home) as editor:
        await editor.until_ready()
        editor.open("def f():\n    \n")
        await editor.texts(1, 4)
        why: dict[str, Any] = await editor.command("why")
        await editor.until(lambda: any("MARKER" in message for message in editor.shown))
    for text in (*editor.shown, why["reason"]):
        assert "](command:" not in text
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)


async def test_titles_of_actions_are_text(home: Home) -> None:
    """Of a diagnostic whose message a hostile tool wrote."""
    evil = "bad\n\x1b[2J`x` [fix](command:MARKER)\u202e"
    async with engine_for(home, {"text": "x"}) as _:
        announce = capabilities("utf-16")
        async with editing(home, announce=announce) as editor:
            await editor.until_ready()
            editor.open("value = other\n")
            where = types.Range(types.Position(0, 8), types.Position(0, 13))
            found = await editor.actions(where, types.Diagnostic(where, evil, source="evil\x1b"))
    assert found
    for action in found:
        assert "](command:" not in action.title and action.title.isprintable()


def test_what_is_shown_keeps_lines_and_tabs() -> None:
    assert without_hidden("a\tb\nc\r\n") == "a\tb\nc\r\n"
