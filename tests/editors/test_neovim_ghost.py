"""Ghost text in a real Neovim: what is on the screen, and what the keys do with it."""

from __future__ import annotations

import asyncio

from editors.nvim import Nvim, neovim
from support.editor import Home, engine_for

CODE = "def add(a, b):\n\n"
BLOCK = {"match": "add", "text": "return a + b"}


async def opened_line(nvim: Nvim, row: int = 2) -> None:
    """Go to a line that is empty but for its indent, and begin to insert."""
    await nvim.until_ready()
    await nvim.keys(f"<Esc>{row}Gcc")


async def test_typing_shows_ghost_text_and_tab_takes_it(home: Home) -> None:
    async with engine_for(home, {"text": "a + b"}), neovim(home, CODE) as nvim:
        await opened_line(nvim)
        await nvim.typed("return ")
        await nvim.until_row(1, "    return a + b")
        assert (await nvim.lines())[1] == "    return "
        assert nvim.screen.cursor == (1, 11)
        await nvim.keys("<Tab>")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    return a + b'")
        assert await nvim.call("nvim_win_get_cursor", 0) == [2, 16]
        await nvim.keys("<Esc>u")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    return '")


async def test_escape_takes_it_off_the_screen(home: Home) -> None:
    async with engine_for(home, {"text": "a + b"}), neovim(home, CODE) as nvim:
        await opened_line(nvim)
        await nvim.typed("return ")
        await nvim.until_row(1, "    return a + b")
        await nvim.keys("<Esc>")
        await nvim.until_row(1, "    return")
        assert (await nvim.lines())[1] == "    return "


async def test_dismissing_keeps_it_away_until_something_is_typed(home: Home) -> None:
    async with engine_for(home, {"text": "a + b"}) as engine, neovim(home, CODE) as nvim:
        await opened_line(nvim)
        await nvim.typed("return ")
        await nvim.until_row(1, "    return a + b")
        await nvim.keys("<C-]>")
        await nvim.until_row(1, "    return")
        asked = len(engine.asked)
        await asyncio.sleep(0.4)
        assert nvim.screen.rows[1] == "    return" and len(engine.asked) == asked
        assert (await nvim.call("nvim_get_mode"))["mode"] == "i"
        await nvim.typed("a")
        await nvim.until_row(1, "    return a + b")


async def test_words_and_lines_are_taken_one_by_one(home: Home) -> None:
    block = {"text": "total = a + b\n    return total", "times": 1}
    async with engine_for(home, {"text": "", "times": 1}, block), neovim(home, CODE) as nvim:
        await opened_line(nvim)
        await nvim.until_row(1, "    total = a + b")
        await nvim.until_row(2, "    return total")
        await nvim.keys("<M-Right>")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    total'")
        await nvim.until_row(1, "    total = a + b")
        await nvim.keys("<M-C-Right>")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    total = a + b'")
        await nvim.until_row(2, "    return total")
        await nvim.keys("<M-C-Right>")
        await nvim.until_lua("vim.api.nvim_buf_line_count(0) == 3")
        assert (await nvim.lines())[1:3] == ["    total = a + b", "    return total"]
        await nvim.keys("<Esc>u")
        await nvim.until_lua("vim.api.nvim_buf_line_count(0) == 2")


async def test_what_is_typed_along_it_stays_and_asks_nothing(home: Home) -> None:
    async with engine_for(home, {"text": "a + b"}) as engine, neovim(home, CODE) as nvim:
        await opened_line(nvim)
        await nvim.typed("return ")
        await nvim.until_row(1, "    return a + b")
        requests = (await nvim.command("status"))["requests"]
        asked = len(engine.asked)
        await nvim.typed("a +")
        await nvim.until(lambda: nvim.screen.cursor == (1, 14), "the cursor behind a +")
        assert nvim.screen.rows[1] == "    return a + b"
        await nvim.keys("<BS>")
        await nvim.until(lambda: nvim.screen.cursor == (1, 13), "the cursor before +")
        await asyncio.sleep(0.2)
        assert nvim.screen.rows[1] == "    return a + b"
        assert (await nvim.command("status"))["requests"] == requests
        assert len(engine.asked) == asked
        await nvim.typed("* 2")
        await nvim.until(lambda: "a + b" not in nvim.screen.rows[1], "another line")


async def test_an_answer_to_what_was_left_is_dropped(home: Home) -> None:
    slow = {
        **{"match": "return ", "lane": "newest", "times": 1},
        **{"text": "a + b", "first_delay_ms": 700},
    }
    async with (
        engine_for(home, {"text": "", "times": 1}, slow) as engine,
        neovim(home, CODE, options={"debounce_ms": 0}) as nvim,
    ):
        await opened_line(nvim)
        # The answer comes late, to a request that Neovim is kept from cancelling.
        await nvim.lua("require('tabwright').client(0).cancel_request = function() end")
        await nvim.typed("return ")
        await engine.wait_for(1, lane="newest", prompt="return ")
        await nvim.keys("<Up>")
        await asyncio.sleep(1.2)
        assert (await nvim.command("why"))["reason"] == "shown"
        assert nvim.screen.rows[:2] == ["def add(a, b):", "    return"]
        assert await nvim.lua("return require('tabwright.ghost').visible()") is False
        assert await nvim.lines() == ["def add(a, b):", "    return "]


async def test_columns_behind_an_emoji(home: Home) -> None:
    text = 'smile = "😀é漢"\n\n'
    async with engine_for(home, {"text": " + x)"}), neovim(home, text) as nvim:
        await opened_line(nvim)
        encoding = "require('tabwright').client(0).offset_encoding"
        assert await nvim.lua(f"return {encoding}") == "utf-8"
        await nvim.typed('"😀é漢".join()')
        await nvim.keys("<Left>")
        await nvim.typed("smile")
        await nvim.until(lambda: "smile + x)" in nvim.screen.rows[1], "the suggestion")
        await nvim.keys("<Tab>")
        await nvim.until_lua("vim.api.nvim_get_current_line():find('x', 1, true) ~= nil")
        assert (await nvim.lines())[1] == '"😀é漢".join(smile + x)'
        why = await nvim.command("why")
        assert why["reason"] == "shown"


async def test_asked_by_hand_there_are_several_to_go_through(home: Home) -> None:
    texts = ("a + b", "a + b", "b + a", "sum((a, b))")
    rule = {"match": "return ", "lane": "newest", "times": 1}
    rules = [{**rule, "text": text} for text in texts]
    async with engine_for(home, *rules), neovim(home, CODE) as nvim:
        await opened_line(nvim)
        await nvim.typed("return ")
        await nvim.until_row(1, "    return a + b")
        await nvim.keys("<M-]>")
        await nvim.until_row(1, "    return b + a (2/3)")
        await nvim.keys("<M-]>")
        await nvim.until_row(1, "    return sum((a, b)) (3/3)")
        await nvim.keys("<M-[>")
        await nvim.until_row(1, "    return b + a (2/3)")
        await nvim.keys("<Tab>")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    return b + a'")
