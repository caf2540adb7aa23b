"""Neovim with the real 0.5B model: typed, seen, taken, and the engine found in its one process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psutil
import pytest
from editors.nvim import Nvim, neovim
from editors.required import absent, wanted
from support.editor import Home

from tabwright.models.catalog import DEFAULT_COMPLETION
from tabwright.models.store import ModelError, locate

CODE = "def add(a, b):\n\n\n\nprint(add(1, 2))\n"


@pytest.fixture
def engine_of(home: Home) -> Iterator[Home]:
    """The home with this machine's model in it; its engine ends with the test, not when idle."""
    wanted()
    try:
        model = locate(DEFAULT_COMPLETION)
    except ModelError as error:
        absent(str(error))
    (home.path / "models").mkdir()
    (home.path / "models" / DEFAULT_COMPLETION).symlink_to(model)
    yield home
    for process in engines(home):
        process.terminate()
        process.wait(20)


def engines(home: Home) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["environ", "cmdline"])
        if (process.info["environ"] or {}).get("HOME") == str(home.path)
        and {"tabwright", "engine"} <= set(process.info["cmdline"] or ())
    ]


async def until_loaded(nvim: Nvim) -> None:
    await nvim.until_lua("require('tabwright').client(0) ~= nil", 30)
    async with asyncio.timeout(180):
        while (status := await nvim.command("status") or {}).get("state") != "ready":
            assert status.get("state") not in ("failed", "no model"), status
            await asyncio.sleep(0.3)


@pytest.mark.model
@pytest.mark.timeout(400)
async def test_the_real_model_completes_what_is_typed(engine_of: Home) -> None:
    async with neovim(engine_of, CODE) as nvim:
        await until_loaded(nvim)
        assert len(engines(engine_of)) == 1
        await nvim.keys("<Esc>2Gcc")
        await nvim.typed("ret")
        await nvim.until_row(1, "    return a + b", 60)
        assert (await nvim.lines())[1] == "    ret"
        await nvim.keys("<Tab>")
        await nvim.until_lua("vim.api.nvim_get_current_line() == '    return a + b'")
        assert await nvim.lines() == CODE.replace("\n\n", "\n    return a + b\n", 1).splitlines()
