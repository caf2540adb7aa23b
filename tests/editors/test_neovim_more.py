"""Ghost text that is drawn over or beside other text, menus, switches, new documents, health."""

from __future__ import annotations

import asyncio

import pytest
from editors.nvim import neovim
from support.editor import Home, engine_for

CODE = "def add(a, b):\n\n"

# The line with the cursor's column, what is suggested, replaced and kept; and the rows then seen.
DRAWN = {
    "several lines before a closer": (
        ("call()", 5, "a,\n    b,\n", "", ")"),
        ["call(a,", "    b,", ")"],
    ),
    "a closer that is replaced": (("call()", 5, "a, b)", ")", ""), ["call(a, b)"]),
    "shorter than what it replaces": (("x = [1, 2]", 4, "(1,)", "[1, 2]", ""), ["x = (1,)"]),
    "tabs": (("if x:", 5, "\n\treturn\ty", "", ""), ["if x:", "        return  y"]),
    "wide letters": (('s = ""', 5, '漢字"', '"', ""), ['s = "漢字"']),
    "a hint": (("x = ", 4, "1", "", ""), ["x = 1 (2/3)"]),
}


@pytest.mark.parametrize("kind", DRAWN)
async def test_how_it_is_drawn(home: Home, kind: str) -> None:
    (line, col, rest, replaced, after), rows = DRAWN[kind]
    hint = "(2/3)" if kind == "a hint" else ""
    async with neovim(home, f"{line}\nend\n", name="plain.txt") as nvim:
        await nvim.lua("vim.o.tabstop = 8")
        code = "local rest, replaced, after, hint, col = ... require('tabwright.drawing')"
        await nvim.lua(
            f"{code}.show(0, 0, col, rest, replaced, after, hint)", rest, replaced, after, hint, col
        )
        await nvim.until(lambda: nvim.screen.rows[: len(rows)] == rows, f"{rows}")
        assert nvim.screen.rows[len(rows)] == "end"
        await nvim.lua("require('tabwright.drawing').clear(0)")
        await nvim.until_row(0, line.rstrip())


async def test_the_menu_covers_it_and_gives_it_back(home: Home) -> None:
    rule = {"match": "return ", "text": "a + b"}
    async with engine_for(home, rule), neovim(home, CODE) as nvim:
        await nvim.until_ready()
        await nvim.keys("<Esc>2Gcc")
        await nvim.typed("return ")
        await nvim.until_row(1, "    return a + b")
        await nvim.keys("<C-n>")
        await nvim.until_lua("vim.fn.pumvisible() == 1")
        assert await nvim.lua("return require('tabwright.ghost').visible()") is False
        await nvim.keys("<C-e>")
        await nvim.until_row(1, "    return a + b")


async def test_switched_off_and_on(home: Home) -> None:
    async with engine_for(home, {"text": "a + b"}) as engine, neovim(home, CODE) as nvim:
        await nvim.until_ready()
        await nvim.keys(":TabwrightToggle<CR>")
        asked = len(engine.asked)
        await nvim.keys("<Esc>2Gcc")
        await nvim.typed("return ")
        await asyncio.sleep(0.4)
        assert nvim.screen.rows[1] == "    return" and len(engine.asked) == asked
        await nvim.keys("<Esc>:TabwrightToggle<CR>")
        await nvim.lua("vim.b.tabwright = false")
        await nvim.keys("A ")
        await asyncio.sleep(0.4)
        assert len(engine.asked) == asked
        await nvim.lua("vim.b.tabwright = nil")
        await nvim.keys("<BS>")
        await nvim.until_row(1, "    return a + b")


async def test_a_translation_is_a_new_document(home: Home) -> None:
    script = "function add(a, b) {\n  return a + b;\n}\n"
    code = "def add(a, b):\n    return a + b\n"
    rule = {"match": "JavaScript", "text": f"{script}```\n"}
    async with engine_for(home, rule), neovim(home, code) as nvim:
        await nvim.until_ready()
        await nvim.keys(":1,2TabwrightTranslate javascript<CR>")
        names = await nvim.lua("return vim.fn.getcompletion('TabwrightTranslate ja', 'cmdline')")
        assert names == ["javascript", "java"]
        await nvim.until_lua("vim.fn.expand('%:t') == 'code.js'", 20)
        found = "\n".join([*await nvim.lines(), ""])
        assert "return a + b;" in found and found.startswith("function add")
        assert (home.path / "code.py").read_text("utf-8") == code


async def test_health(home: Home) -> None:
    async with engine_for(home), neovim(home, CODE) as nvim:
        await nvim.until_ready()
        await nvim.keys(":checkhealth tabwright<CR>")
        await nvim.until_lua("vim.bo.filetype == 'checkhealth'")
        found = "\n".join(await nvim.lines())
        assert "the server runs and qwen2.5-coder-0.5b is loaded" in found
        assert "ghost text: ours" in found
