"""Neovim in a terminal, keys and screen as a person has them; and its configuration alone."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import struct
import termios
from collections.abc import AsyncIterator
from typing import Any

from editor import Home, engine_for
from editors.nvim import INSTALL, write_init
from editors.required import CLIENTS, module, program

PYTE = "python -m pip install pyte"
WIDTH, HEIGHT = 80, 24


class Terminal:
    """A pseudo-terminal whose screen is kept by pyte."""

    def __init__(self, master: int) -> None:
        pyte = module("pyte", PYTE)
        self.screen: Any = pyte.Screen(WIDTH, HEIGHT)
        self._stream: Any = pyte.ByteStream(self.screen)
        self.master = master
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self.master, 65536)
        except OSError:  # Linux says so when the other end is closed
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self.master)
        self._stream.feed(data)

    @property
    def rows(self) -> list[str]:
        return [row.rstrip() for row in self.screen.display]

    async def keys(self, keys: str) -> None:
        for key in keys:
            os.write(self.master, key.encode())
            await asyncio.sleep(0.03)

    async def until_row(self, row: int, text: str, seconds: float = 15.0) -> None:
        try:
            async with asyncio.timeout(seconds):
                while self.rows[row] != text:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError("\n".join([f"row {row} is not {text!r}:", *self.rows])) from None


@contextlib.asynccontextmanager
async def in_terminal(home: Home, text: str) -> AsyncIterator[Terminal]:
    path = home.path / "code.py"
    path.write_text(text, "utf-8")
    init = write_init(home)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    extra = {"TERM": "xterm-256color", "NVIM_LOG_FILE": str(home.path / "nvim.log")}
    process = await asyncio.create_subprocess_exec(
        program("nvim", INSTALL),
        *("-n", "-i", "NONE", "-u", str(init), "code.py"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=home.environment(extra),
        cwd=home.path,
        start_new_session=True,
    )
    os.close(slave)
    terminal = Terminal(master)
    try:
        yield terminal
    finally:
        with contextlib.suppress(TimeoutError, OSError):
            await terminal.keys("\x1b")
            await terminal.keys(":qa!\r")
            await asyncio.wait_for(process.wait(), 5)
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)


async def test_type_see_take_and_save(home: Home) -> None:
    async with (
        engine_for(home, {"match": "return ", "text": "a + b"}),
        in_terminal(home, "def add(a, b):\n\n") as terminal,
    ):
        await terminal.until_row(0, "def add(a, b):")
        await asyncio.sleep(1)  # Neovim asks the terminal what it can; keys wait for that
        await terminal.keys("2Gcc")
        await terminal.keys("return ")
        await terminal.until_row(1, "    return a + b")
        assert terminal.screen.cursor.x == 11
        await terminal.keys("\t")
        await asyncio.sleep(0.3)
        assert terminal.screen.cursor.x == 16
        await terminal.keys("\x1b")
        await terminal.keys(":w\r")
        async with asyncio.timeout(10):
            while (home.path / "code.py").read_text(
                "utf-8"
            ) != "def add(a, b):\n    return a + b\n":
                await asyncio.sleep(0.05)


async def test_escape_in_a_terminal(home: Home) -> None:
    async with (
        engine_for(home, {"match": "return ", "text": "a + b"}),
        in_terminal(home, "def add(a, b):\n\n") as terminal,
    ):
        await terminal.until_row(0, "def add(a, b):")
        await asyncio.sleep(1)
        await terminal.keys("2Gcc")
        await terminal.keys("return ")
        await terminal.until_row(1, "    return a + b")
        await terminal.keys("\x1b")
        await terminal.until_row(1, "    return")


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
