"""Our keys on Neovim 0.12's own inline completion, which a stand-in gives to 0.11."""

from __future__ import annotations

from pathlib import Path

from editors.nvim import Nvim, neovim
from support.editor import Home, engine_for

CODE = "def add(a, b):\n\n"
BEFORE = f"dofile([[{Path(__file__).with_name('inline_completion_012.lua')}]])"


async def shown(nvim: Nvim) -> None:
    await nvim.until_ready()
    await nvim.keys("<Esc>2Gcc")
    await nvim.typed("return ")
    await nvim.until_row(1, "    return a + b")


async def test_it_is_used_where_it_is_and_tab_takes_it(home: Home) -> None:
    async with engine_for(home, {"text": "a + b"}), neovim(home, CODE, before=BEFORE) as nvim:
        await shown(nvim)
        assert await nvim.lua("return vim.lsp.inline_completion.buffer") == 1
        ours = "vim.api.nvim_create_namespace('tabwright.ghost')"
        marks = await nvim.lua(f"return vim.api.nvim_buf_get_extmarks(0, {ours}, 0, -1, {{}})")
        assert not marks
        await nvim.keys("<M-]>")
        await nvim.until_lua("vim.lsp.inline_completion.selected == 1")
        await nvim.keys("<Tab>")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    return a + b'")
        await nvim.until_row(1, "    return a + b")
        await nvim.keys("<Esc>o<Tab>")
        await nvim.until_lua("vim.api.nvim_get_current_line():find('^ +$') ~= nil")


async def test_words_and_putting_it_away(home: Home) -> None:
    async with engine_for(home, {"text": "a + b"}), neovim(home, CODE, before=BEFORE) as nvim:
        await shown(nvim)
        await nvim.keys("<M-Right>")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    return a'")
        await nvim.until_row(1, "    return a + b")
        await nvim.keys("<C-]>")
        await nvim.until_row(1, "    return a")
        await nvim.keys("<M-Right>")
        assert (await nvim.lines())[1] == "    return a"


async def test_ours_can_be_chosen_instead(home: Home) -> None:
    options = {"ghost_text": "own"}
    async with (
        engine_for(home, {"text": "a + b"}),
        neovim(home, CODE, before=BEFORE, options=options) as nvim,
    ):
        await shown(nvim)
        assert await nvim.lua("return vim.lsp.inline_completion.buffer") is None
        assert await nvim.lua("return require('tabwright.ghost').visible()") is True


async def test_without_ghost_text_menus_get_it(home: Home) -> None:
    ask = """
    local client = require("tabwright").client(0)
    local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
    local answer = client:request_sync("textDocument/completion", params, 5000, 0)
    return answer.result.items[1].textEdit.newText
    """
    options = {"ghost_text": False}
    async with engine_for(home, {"text": "a + b"}), neovim(home, CODE, options=options) as nvim:
        await nvim.until_ready()
        await nvim.keys("<Esc>2Gcc")
        await nvim.typed("return ")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    return '")
        assert await nvim.lua(ask) == "a + b"
        assert nvim.screen.rows[1] == "    return"
        await nvim.keys("<Tab>")
        await nvim.until_lua("vim.api.nvim_get_current_line():find('^    return  +$') ~= nil")
