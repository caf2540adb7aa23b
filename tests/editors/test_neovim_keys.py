"""Keys in a real Neovim: ours only while ghost text is shown, the user's otherwise."""

from __future__ import annotations

import pytest
from editors.nvim import neovim
from support.editor import Home, engine_for

CODE = "def add(a, b):\n\n"
NOTHING = {"text": ""}

# The user's Tab in the ways in which plugins and people map it.
MAPPINGS = {
    "plain": ("vim.cmd('inoremap <Tab> MINE')", "MINEMINEMINE"),
    "remapped": ("vim.cmd('imap <Tab> <Plug>(mine)| inoremap <Plug>(mine) MINE')", "MINEMINEMINE"),
    "itself": ("vim.cmd('imap <Tab> <Tab>x')", "    x   x   x"),
    "expression": ("vim.cmd([[inoremap <expr> <Tab> 'MI' .. 'NE']])", "MINEMINEMINE"),
    "function": (
        "vim.keymap.set('i', '<Tab>', function() vim.api.nvim_put({'MINE'}, 'c', false, true) end)",
        "MINEMINEMINE",
    ),
    "function expression": (
        "vim.keymap.set('i', '<Tab>', function() return 'MINE' end, { expr = true })",
        "MINEMINEMINE",
    ),
    "buffer": (
        "vim.api.nvim_create_autocmd('FileType', { callback = function() "
        "vim.keymap.set('i', '<Tab>', 'MINE', { buffer = true }) end })",
        "MINEMINEMINE",
    ),
    "none": ("", " " * 12),
}


@pytest.mark.parametrize("kind", MAPPINGS)
async def test_without_ghost_text_tab_is_the_users(home: Home, kind: str) -> None:
    before, expected = MAPPINGS[kind]
    async with engine_for(home, NOTHING), neovim(home, CODE, before=before) as nvim:
        await nvim.until_ready()
        await nvim.keys("<Esc>3Go<Esc>0i")
        # Three times: ours comes back behind the user's each time.
        for _ in range(3):
            await nvim.keys("<Tab>")
        await nvim.until_lua(f"vim.api.nvim_get_current_line() == '{expected}'")
        mapped = await nvim.lua("return vim.fn.maparg('<Tab>', 'i', false, true).desc")
        assert mapped == "Tabwright: accept"


async def test_an_error_in_the_users_mapping_does_not_lose_ours(home: Home) -> None:
    before = "vim.keymap.set('i', '<Tab>', function() error('mine') end)"
    async with (
        engine_for(home, {"match": "return", "text": "a + b"}),
        neovim(home, CODE, before=before) as nvim,
    ):
        await nvim.until_ready()
        await nvim.keys("<Esc>2Gcc")
        await nvim.keys("<Tab>")
        await nvim.until(lambda: any("mine" in row for row in nvim.screen.rows), "the error")
        await nvim.keys("<CR><Esc><Esc>2Gcc")
        await nvim.typed("return ")
        await nvim.until_row(1, "    return a + b")
        await nvim.keys("<Tab>")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    return a + b'")


async def test_another_key_and_none(home: Home) -> None:
    options = {"keys": {"accept": "<C-y>", "dismiss": False}}
    async with engine_for(home, {"text": "a + b"}), neovim(home, CODE, options=options) as nvim:
        await nvim.until_ready()
        for key in ("<C-]>", "<Tab>"):
            mapped = await nvim.lua("return vim.fn.maparg(..., 'i', false, true).desc or ''", key)
            assert "Tabwright" not in mapped
        await nvim.keys("<Esc>2Gcc")
        await nvim.typed("return ")
        await nvim.until_row(1, "    return a + b")
        await nvim.keys("<C-y>")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    return a + b'")


async def test_a_bad_setup_is_told_and_the_rest_works(home: Home) -> None:
    options = {"debounce_ms": "soon", "keys": {"acept": "<Tab>"}, "nonsense": 1}
    async with engine_for(home, {"text": "a + b"}), neovim(home, CODE, options=options) as nvim:
        await nvim.until_ready()
        told = "\n".join(await nvim.told())
        assert "debounce_ms cannot be" in told
        assert "keys.acept cannot be" in told
        assert "an option nonsense cannot be" in told
        await nvim.keys("<Esc>2Gcc")
        await nvim.typed("return ")
        await nvim.until_row(1, "    return a + b")
