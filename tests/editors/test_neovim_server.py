"""Code actions, commands and the server's life in a real Neovim."""

from __future__ import annotations

import asyncio
import os
import signal

from editors.nvim import Nvim, neovim
from support.editor import Home, engine_for

CODE = "def add(a, b):\n    return a + c\n\n\ndef twice(x):\n    return x * 2\n"
FIXED = CODE.replace("a + c", "a + b")
ANSWER = f"{FIXED}```\n"

# As a linter's server would report it; Neovim sends it along when it asks for actions.
LOST = """
vim.diagnostic.set(vim.api.nvim_create_namespace("linter"), 0, { {
  lnum = 1, col = 15, end_lnum = 1, end_col = 16, message = "undefined name `c`",
  severity = vim.diagnostic.severity.ERROR, source = "Ruff", code = "F821",
  user_data = { lsp = { range = { start = { line = 1, character = 15 },
    ["end"] = { line = 1, character = 16 } }, message = "undefined name `c`",
    severity = 1, source = "Ruff", code = "F821" } },
} })
"""


async def text(nvim: Nvim) -> str:
    return "\n".join([*await nvim.lines(), ""])


async def test_a_code_action_mends_a_diagnostic_and_is_undone_in_one_step(home: Home) -> None:
    async with engine_for(home, {"match": "undefined", "text": ANSWER}), neovim(home, CODE) as nvim:
        await nvim.until_ready()
        await nvim.lua(LOST)
        await nvim.keys("<Esc>2G$")
        await nvim.lua(
            "vim.ui.select = function(items, how, chosen) if how.kind == 'codeaction' then "
            "_G.listed = vim.tbl_map(how.format_item, items) chosen(items[1]) end end"
        )
        await nvim.lua("vim.lsp.buf.code_action()")
        await nvim.until_lua("vim.api.nvim_buf_get_lines(0, 1, 2, true)[1] == '    return a + b'")
        assert (await nvim.lua("return _G.listed"))[0] == "Fix: undefined name `c`"
        assert await text(nvim) == FIXED
        await nvim.keys("u")
        await nvim.until_lua("vim.api.nvim_buf_get_lines(0, 1, 2, true)[1] == '    return a + c'")
        assert await text(nvim) == CODE


async def test_an_action_that_comes_too_late_is_refused(home: Home) -> None:
    slow = {"match": "undefined", "text": ANSWER, "first_delay_ms": 600}
    async with engine_for(home, slow) as engine, neovim(home, CODE) as nvim:
        await nvim.until_ready()
        await nvim.lua(LOST)
        await nvim.keys("<Esc>2G$")
        await nvim.lua("vim.ui.select = function(items, _, chosen) chosen(items[1]) end")
        await nvim.lua("vim.lsp.buf.code_action()")
        await engine.wait_for(1, lane="actions")
        await nvim.keys("<Esc>ggOimport os<Esc>")
        await nvim.until_lua("#_G.told > 0")
        assert any("changed" in message for message in await nvim.told())
        assert await text(nvim) == f"import os\n{CODE}"


async def test_edit_by_instruction_goes_on_and_is_undone_in_one_step(home: Home) -> None:
    function = "def twice(x):\n    return {} * x\n```\n"
    rules = [
        {"match": "the factor first", "text": function.format("2")},
        {"match": "use a shift", "text": function.format("(1 << 1)")},
    ]
    async with engine_for(home, rules[1], rules[0]), neovim(home, CODE) as nvim:
        await nvim.until_ready()
        await nvim.keys(":5,6TabwrightEdit the factor first<CR>")
        await nvim.until_lua("vim.api.nvim_buf_get_lines(0, 5, 6, true)[1] == '    return 2 * x'")
        await nvim.until_lua("#_G.told > 0")
        await nvim.keys(":5,6TabwrightEdit use a shift<CR>")
        line = "vim.api.nvim_buf_get_lines(0, 5, 6, true)[1]"
        await nvim.until_lua(f"{line} == '    return (1 << 1) * x'")
        await nvim.keys("uu")
        await nvim.until_lua(f"{line} == '    return x * 2'")
        assert await text(nvim) == CODE


async def test_why_status_and_explain(home: Home) -> None:
    about = {"match": "Explain", "text": "It adds two numbers."}
    async with (
        engine_for(home, {"match": "def", "not_match": "Explain", "text": ""}, about),
        neovim(home, CODE) as nvim,
    ):
        await nvim.until_ready()
        await nvim.keys(":TabwrightStatus<CR>")
        await nvim.until_lua("#_G.told == 1")
        assert "ready, model qwen2.5-coder-0.5b" in (await nvim.told())[0]
        await nvim.keys(":TabwrightWhy<CR>")
        await nvim.until_lua("#_G.told == 2")
        assert (await nvim.told())[1] == "Tabwright: nothing was asked yet"
        await nvim.keys(":TabwrightExplain<CR>")
        await nvim.until(
            lambda: any("It adds two numbers." in row for row in nvim.screen.rows), "a window"
        )


async def test_commands_without_a_server_say_what_to_do(home: Home) -> None:
    options = {"cmd": ["no-such-program"]}
    async with neovim(home, CODE, options=options) as nvim:
        await nvim.keys(":TabwrightStatus<CR>")
        await nvim.until_lua(
            "vim.tbl_contains(_G.told, function(told) "
            "return told:find(':TabwrightStart', 1, true) end, "
            "{ predicate = true })"
        )
        told = "\n".join(await nvim.told())
        assert "no-such-program is not here" in told and "set cmd" in told


async def test_a_server_killed_in_mid_request_comes_back(home: Home) -> None:
    slow = {
        **{"match": "return ", "lane": "newest", "times": 1},
        **{"text": "a + b", "first_delay_ms": 5000},
    }
    quick = {"match": "return ", "text": "b + a"}
    async with (
        engine_for(home, {"text": "", "times": 1}, slow, quick) as engine,
        neovim(home, "def add(a, b):\n\n") as nvim,
    ):
        await nvim.until_ready()
        await nvim.keys("<Esc>2Gcc")
        pid = await nvim.server_pid()
        await nvim.typed("return ")
        await engine.wait_for(1, lane="newest", prompt="return ")
        os.kill(pid, signal.SIGKILL)
        await nvim.until_lua(
            "(vim.lsp.get_clients({ name = 'tabwright' })[1] or {}).id ~= nil "
            "and vim.lsp.get_clients({ name = 'tabwright' })[1].id ~= 1"
        )
        await nvim.until_ready()
        assert await nvim.server_pid() != pid
        assert await nvim.lines() == ["def add(a, b):", "    return "]
        await nvim.keys("<Space><BS>")
        await nvim.until_row(1, "    return b + a")
        await nvim.keys("<Tab>")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    return b + a'")


async def test_a_server_that_keeps_dying_is_left_alone_with_a_word(home: Home) -> None:
    options = {"restarts": 1}
    async with engine_for(home), neovim(home, CODE, options=options) as nvim:
        for _ in range(2):
            await nvim.until_ready()
            os.kill(await nvim.server_pid(), signal.SIGKILL)
            await asyncio.sleep(0.1)
            await nvim.until_lua(
                "#vim.lsp.get_clients({ name = 'tabwright' }) == 0 or "
                "#_G.told > 0 or require('tabwright').client(0) ~= nil"
            )
        await nvim.until_lua("#_G.told > 0")
        told = "\n".join(await nvim.told())
        assert "stays off" in told and ":TabwrightStart" in told
        assert await nvim.lua("return #vim.lsp.get_clients({ name = 'tabwright' })") == 0
        await nvim.keys(":TabwrightStart<CR>")
        await nvim.until_ready()


async def test_a_question_waits_until_nobody_types(home: Home) -> None:
    ask = """
    local client = require("tabwright").client(0)
    local argument = { uri = vim.uri_from_bufnr(0), instruction = "use a shift" }
    local params = { command = "tabwright.edit", arguments = { argument } }
    client:request("workspace/executeCommand", params, function() _G.answered = true end, 0)
    """
    async with engine_for(home, {"text": "nothing"}), neovim(home, CODE) as nvim:
        await nvim.until_ready()
        await nvim.keys("i")
        await nvim.lua(ask)
        await nvim.until_lua("_G.answered == true")
        await asyncio.sleep(0.3)
        assert not await nvim.lua("return #_G.asked > 0")
        await nvim.keys("<Esc>")
        await nvim.until_lua("#_G.asked == 1")
        assert "Pull it now?" in (await nvim.lua("return _G.asked[1]"))
