"""Neovim in a terminal, keys and screen as a person has them; and its configuration alone."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator, Mapping
from typing import Any

from editors.nvim import INSTALL, write_init
from editors.required import CLIENTS, SERVER, program
from editors.terminal import Terminal, terminal, until_file
from support.editor import Home, engine_for


@contextlib.asynccontextmanager
async def in_terminal(
    home: Home, text: str, options: Mapping[str, Any] | None = None
) -> AsyncIterator[Terminal]:
    path = home.path / "code.py"
    path.write_text(text, "utf-8")
    init = write_init(home, options)
    command = [program("nvim", INSTALL), "-n", "-i", "NONE", "-u", str(init), "code.py"]
    environment = home.environment({"NVIM_LOG_FILE": str(home.path / "nvim.log")})
    async with terminal(command, environment, home.path, "\x1b:qa!\r") as shown:
        yield shown


async def test_type_see_take_and_save(home: Home) -> None:
    async with (
        engine_for(home, {"match": "return ", "text": "a + b"}),
        in_terminal(home, "def add(a, b):\n\n") as shown,
    ):
        await shown.until_row(0, "def add(a, b):")
        await asyncio.sleep(1)  # Neovim asks the terminal what it can; keys wait for that
        await shown.keys("2Gcc")
        await shown.keys("return ")
        await shown.until_row(1, "    return a + b")
        assert shown.screen.cursor.x == 11
        await shown.keys("\t")
        await shown.until_cursor(16)
        await shown.keys("\x1b")
        await shown.keys(":w\r")
        await until_file(home.path / "code.py", "def add(a, b):\n    return a + b\n")


async def test_what_was_typed_before_the_server_came_is_completed(home: Home) -> None:
    slow = home.path / "slow"
    go = home.path / "go"
    wait = f"while ! test -e {shlex.quote(str(go))}; do sleep 0.1; done"
    slow.write_text(f"#!/bin/sh\n{wait}\nexec {shlex.join(SERVER)}\n", "utf-8")
    slow.chmod(0o755)
    async with (
        engine_for(home, {"match": "return ", "text": "a + b"}),
        in_terminal(home, "def add(a, b):\n\n", {"cmd": [str(slow)]}) as shown,
    ):
        await shown.until_row(0, "def add(a, b):")
        await asyncio.sleep(1)
        await shown.keys("2Gcc")
        await shown.keys("return ")
        await shown.until_row(1, "    return")
        await asyncio.sleep(0.5)
        assert shown.rows[1] == "    return"
        go.touch()
        await shown.until_row(1, "    return a + b")


async def test_escape_in_a_terminal(home: Home) -> None:
    async with (
        engine_for(home, {"match": "return ", "text": "a + b"}),
        in_terminal(home, "def add(a, b):\n\n") as shown,
    ):
        await shown.until_row(0, "def add(a, b):")
        await asyncio.sleep(1)
        await shown.keys("2Gcc")
        await shown.keys("return ")
        await shown.until_row(1, "    return a + b")
        await shown.keys("\x1b")
        await shown.until_row(1, "    return")


async def test_the_folder_is_a_plugin(home: Home) -> None:
    """What a plugin manager relies on: modules load alone and nothing runs before setup."""
    folder = CLIENTS / "neovim"
    modules = sorted(path.stem for path in (folder / "lua" / "tabwright").glob("*.lua"))
    assert "init" in modules and (folder / "lsp" / "tabwright.lua").exists()
    names = ["tabwright" if name == "init" else f"tabwright.{name}" for name in modules]
    loads = " ".join(f"require('{name}')" for name in names)
    code = f"{loads} io.stdout:write(vim.lsp.config.tabwright.cmd[1])"
    process = await asyncio.create_subprocess_exec(
        program("nvim", INSTALL),
        *("--headless", "--clean", "--cmd", f"set rtp^={folder}", f"+lua {code}", "+qa!"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=home.environment(),
    )
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert (out.decode(), err.decode()) == ("tabwright", "")
