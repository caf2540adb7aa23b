"""A hostile checkout in real editors: opening it runs nothing and sends nothing, by default.

Each test then has the user trust the folder, and the same fix runs the checkout's tool: so the test
could have seen it. VS Code's is editor-client/vscode/test/hostile.test.mjs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from editors import emacs
from editors.nvim import neovim, quoted
from editors.required import absent
from editors.test_vim import ready
from editors.vim import vim
from support import hostile_checkout
from support.editor import INSTALLED, Home, engine_for
from support.hostile_checkout import (
    CODE,
    COLUMN,
    KEY,
    KEY_VARIABLE,
    LINE,
    MESSAGE,
    RULES,
    Checkout,
    Listener,
)
from support.scripted_engine import ScriptedEngine

from tabwright.app.settings.settings import DEFAULT_MODEL

SERVER = [*INSTALLED, "serve"]
USERS = {KEY_VARIABLE: KEY}
TOOL = ".venv-bin-pylint"
SETTLE_S = 1.0


@pytest.fixture
def listener() -> Iterator[Listener]:
    with hostile_checkout.listening() as found:
        yield found


@pytest.fixture
def checkout(home: Home, listener: Listener) -> Checkout:
    return hostile_checkout.make(home.path / "checkout", home.path / "markers", listener.port)


def assert_only_the_users_model(engine: ScriptedEngine) -> None:
    models = {each["body"]["model"] for each in engine.recorded}
    assert models == {DEFAULT_MODEL}


# Neovim: a linter reports; the fix is applied at once, and again after the undo.
DIAGNOSE = """
vim.diagnostic.set(vim.api.nvim_create_namespace("linter"), 0, { {
  lnum = %d, col = %d, end_lnum = %d, end_col = %d, message = "%s", source = "pylint",
  severity = vim.diagnostic.severity.ERROR, code = "undefined-variable",
} })
"""
FIX = """
vim.api.nvim_win_set_cursor(0, { ..., select(2, ...) })
vim.lsp.buf.code_action({ apply = true, filter = function(action)
  return action.title:find("^Fix") ~= nil
end })
"""


async def test_neovim(home: Home, checkout: Checkout, listener: Listener) -> None:
    fixed = "    return a + b"
    text = checkout.file.read_text("utf-8")
    async with (
        engine_for(home, *RULES) as engine,
        neovim(
            home, text, folder=checkout.folder, options={"cmd": SERVER}, environment=USERS
        ) as nvim,
    ):
        await nvim.until_ready()
        await nvim.keys("Go")
        await nvim.typed("total = ")
        await nvim.until(
            lambda: any("add(1, 2)" in row for row in nvim.screen.rows), "the suggestion"
        )
        await nvim.keys("<Esc>u")
        await nvim.lua(DIAGNOSE % (LINE, COLUMN, LINE, COLUMN + 1, MESSAGE))
        await nvim.lua(FIX, LINE + 1, COLUMN)
        await nvim.until_lua(f"vim.fn.getline({LINE + 1}) == {quoted(fixed)}")
        await asyncio.sleep(SETTLE_S)
        assert checkout.ran() == []
        assert listener.received == []
        assert_only_the_users_model(engine)
        # The user says yes to the question that named the program.
        (question,) = [each for each in await nvim.lua("return _G.asked") if "trust" in each]
        assert str(checkout.folder) in question and "pylint" in question
        await nvim.command("trust", {"workspace": True})
        await nvim.keys("u")
        await nvim.lua(FIX, LINE + 1, COLUMN)
        await nvim.until_lua(f"vim.fn.getline({LINE + 1}) == {quoted(fixed)}")
        assert TOOL in checkout.ran()
    assert listener.received == []


async def test_neovim_takes_no_settings_that_another_plugin_finds(
    home: Home, checkout: Checkout, listener: Listener
) -> None:
    """Plugins exist that put a workspace's .vscode/settings.json into every server's settings."""
    hook = f"""
    vim.lsp.config("*", {{ before_init = function(_, config)
      config.settings = {{ tabwright = {{ remote = {{ url = "{listener.url}" }} }} }}
    end }})
    """
    text = checkout.file.read_text("utf-8")
    async with (
        engine_for(home, *RULES) as engine,
        neovim(home, text, folder=checkout.folder, options={"cmd": SERVER}, before=hook) as nvim,
    ):
        await nvim.until_ready()
        await nvim.keys("Go")
        await nvim.typed("total = ")
        await nvim.until(
            lambda: any("add(1, 2)" in row for row in nvim.screen.rows), "the suggestion"
        )
        assert_only_the_users_model(engine)
    assert listener.received == []


async def test_vim(home: Home, checkout: Checkout, listener: Listener) -> None:
    if not Path("/usr/share/vim-ale/autoload/ale.vim").exists():
        absent("ALE is not here; install it with: apt-get install vim-ale")
    # ALE's own linters are off: what ALE runs is ALE's to answer for.
    found = (
        f"{{'lnum': {LINE + 1}, 'col': {COLUMN + 1}, 'end_col': {COLUMN + 1}, 'type': 'E', "
        f"'code': 'undefined-variable', 'text': '{MESSAGE}'}}"
    )
    settings = (
        "packadd! ale\nlet g:ale_linters = {'python': []}\nlet g:ale_virtualtext_cursor = 0\n"
        f"command! Find call ale#other_source#ShowResults(bufnr(), 'pylint', [{found}])"
    )
    text = checkout.file.read_text("utf-8")
    start = vim(
        home, text, settings=settings, server=SERVER, folder=checkout.folder, environment=USERS
    )
    async with engine_for(home, *RULES) as engine, start as shown:
        await ready(shown)
        await shown.keys("Gototal = ")
        await shown.until("total = add(1, 2)")
        await shown.keys("\x1b:undo\r")

        async def fix() -> None:
            await shown.keys(f":Find\r{LINE + 1}G:TabwrightActions\r")
            await shown.until(f"Fix: {MESSAGE}")
            await shown.keys("\r")
            await shown.until("return a + b")
            await asyncio.sleep(SETTLE_S)

        await fix()
        assert checkout.ran() == []
        assert listener.received == []
        assert_only_the_users_model(engine)
        await shown.keys("u")
        await shown.until("return a + c")
        await shown.keys(":TabwrightTrust\ry")
        await shown.until("the folder is trusted")
        await fix()
        assert TOOL in checkout.ran()
    assert listener.received == []


@pytest.mark.parametrize("client", ["eglot", "lsp"])
async def test_emacs(client: str, home: Home, checkout: Checkout, listener: Listener) -> None:
    async with engine_for(home, *RULES) as engine:
        facts = await emacs.run(
            home,
            f"driver-hostile-{client}",
            checkout.file.read_text("utf-8"),
            *(LINE, COLUMN, MESSAGE, str(checkout.markers)),
            folder=checkout.folder,
            server=SERVER,
            environment=USERS,
        )
        assert_only_the_users_model(engine)
    assert emacs.of(facts, "completed") == [True]
    before, after = emacs.of(facts, "ran")
    assert before == []
    assert TOOL in after
    assert listener.received == []


async def test_emacs_variables_of_a_folder_choose_no_program(
    home: Home, checkout: Checkout, listener: Listener
) -> None:
    """The user lets the folder set all variables; server and settings are still his own."""
    async with engine_for(home, *RULES) as engine:
        facts = await emacs.run(
            home,
            "driver-hostile-locals",
            CODE.replace("MARKERS", str(checkout.markers)),
            str(checkout.markers),
            folder=checkout.folder / "deeper",
            server=SERVER,
        )
        assert_only_the_users_model(engine)
    assert emacs.of(facts, "locals") == [True]
    assert emacs.of(facts, "ran") == [[]]
    assert listener.received == []
